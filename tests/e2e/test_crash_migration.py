"""`kill -9` while the database is made or migrated: that is done whole, or not at all."""

import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.support.crashes import SEED, kill_after
from tests.support.ledger import (
    SECOND,
    micros,
    read_database,
)
from tests.support.service import Service, manifest
from tests.support.target import Target


@pytest.mark.slow
@pytest.mark.parametrize("is_old", [pytest.param(False, id="new"), pytest.param(True, id="of the first revision")])
def test_a_database_is_migrated_whole_or_not_at_all(tmp_path: Path, target: Target, is_old: bool) -> None:
    rng = random.Random(SEED)  # noqa: S311
    found = []
    for number in range(1 if is_old else 3):
        folder = tmp_path / str(number)
        database = folder / "data" / "jobs.db"
        (folder / "jobs.d").mkdir(parents=True)
        (folder / "jobs.d" / "a.yaml").write_text(manifest("a", target.url("/a"), "interval: {seconds: 1}"))
        if is_old:
            make_old(database, target.url("/old"))
        # while it opens the database the log beside it is made, and the tables follow within some 50 ms
        after = rng.uniform(0, 0.08)
        kill_after(folder, after, once=database.with_name("jobs.db-wal"))
        with closing(sqlite3.connect(database)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found.append((round(after, 3), "executions" in tables))
        assert tables & TABLES in (set(), TABLES), f"seed {SEED}, {found}"
        with Service(folder) as service:
            service.until(lambda: {row["status"] for row in service.executions("a")} & {"completed"})
            if is_old:
                assert [(row["status"], row["reason"]) for row in service.executions("old")] == [
                    ("interrupted", "crash")
                ]
            assert service.terminate() == 0
        stored = read_database(database)
        assert {row.status for row in stored.rows} <= {"completed", "interrupted", "skipped"}, f"seed {SEED}, {found}"
    print(f"seed {SEED}: killed so long after the database was opened, with the tables there: {found}")  # noqa: T201


TABLES = {"jobs", "progress", "executions", "alembic_version"}


def make_old(database: Path, target_url: str) -> None:
    """A database as the first version left it: a job, and an execution of it that was under way."""
    database.parent.mkdir()
    now = micros(datetime.now(UTC))
    spec = {"job_id": "old", "name": "old", "target_url": target_url, "method": "GET", "interval": {"hours": 1}}
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection, as_file(files("myscheduler.adapters.store.migrations")) as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, values in {
            "jobs": {"job_id": "old", "owner": "api", "spec": json.dumps(spec), "digest": "0", "version": 1,
                     "created_at": now, "updated_at": now},
            "progress": {"job_id": "old", "cursor": now, "next_slot": now + 3600 * SECOND, "execution_count": 1},
            "executions": {"execution_id": "0", "job_id": "old", "slot": now, "kind": "scheduled", "cause": "timer",
                           "status": "running", "last_slot": now, "slot_count": 1, "started_at": now, "attempts": 0},
        }.items():  # fmt: skip
            names = ", ".join(values)
            places = ", ".join(f":{name}" for name in values)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)  # noqa: S608
    engine.dispose()
