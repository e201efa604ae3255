"""Backups of a service that is working, and what a service does that is started on one."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from myscheduler import __version__
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.cli import main
from tests.support.golden import expect
from tests.support.ledger import Stored, execution_id_of, read_database
from tests.support.postgres import QUOTED_PASSWORD, Database
from tests.support.service import COMMAND, START_SEC, Service, environment, manifest
from tests.support.target import Received, Target

STEADY = [f"steady-{number}" for number in range(20)]


def db(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "myscheduler", "db", *arguments],
        cwd=folder, env=environment(**settings), capture_output=True, text=True, timeout=START_SEC, check=False,
    )  # fmt: skip


def back_up(service: Service, name: str) -> Path:
    done = db(service.folder, "backup", name)
    assert (done.returncode, done.stderr) == (0, "")
    return service.folder / name


def restore(copy: Path, folder: Path) -> None:
    """As the documents say."""
    for ending in ("", "-wal", "-shm"):
        (folder / "data" / f"jobs.db{ending}").unlink(missing_ok=True)
    shutil.copy(copy, folder / "data" / "jobs.db")


@contextmanager
def load(service: Service, target: Target) -> Iterator[list[str]]:
    """Callers that make jobs and run them, as fast as they are answered; yields the executions that were promised."""
    is_over = threading.Event()
    promised: list[str] = []

    def call(caller: int) -> None:
        number = 0
        while not is_over.is_set():
            job_id = service.create(job_id=f"made-{caller}-{number}", target_url=target.url(), interval={"hours": 1})
            promised.append(service.trigger(job_id))
            number += 1

    with ThreadPoolExecutor(4) as callers:
        calls = [callers.submit(call, number) for number in range(4)]
        try:
            yield promised
        finally:
            is_over.set()
        for one in calls:
            one.result()


def enlarge(database: Path) -> None:
    """So that copying takes many steps, and the service writes in between."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO audit (entry_id, at, actor, action, detail) VALUES (?, ?, 'test', 'test', ?)",
            [(f"0-{number}", time.time_ns() // 1000, "x" * 1_000_000) for number in range(50)],
        )


def assert_of_one_state(stored: Stored) -> None:
    """A claim writes its row and counts it in one transaction."""
    counts = Counter(row.job_id for row in stored.rows if row.started_at is not None)
    assert counts == Counter({job_id: job.execution_count for job_id, job in stored.jobs.items()})
    for row in stored.rows:
        assert row.kind == "manual" or row.last_slot <= stored.jobs[row.job_id].cursor


@pytest.mark.slow
def test_backups_under_load_are_of_one_state_each_and_a_service_goes_on_from_one(
    tmp_path: Path, target: Target
) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service:
        for job_id in STEADY:
            service.create(job_id=job_id, target_url=target.url("/steady"), interval={"seconds": 1})
        enlarge(tmp_path / "data" / "jobs.db")
        copies, known = [], []
        with load(service, target) as promised:
            target.wait_for(2 * len(STEADY))
            for number in range(4):
                known.append(set(promised))
                copies.append(back_up(service, f"copy-{number}.db"))
            after = len(target.requests)
            target.wait_for(after + len(STEADY))
        assert service.get("/health/ready").status_code == 200
        assert service.terminate() == 0
        assert [line for line in service.log if line["level"] in {"WARNING", "ERROR", "CRITICAL"}] == []

    states = [read_database(copy) for copy in copies]
    for state, at_least in zip(states, known, strict=True):
        assert_of_one_state(state)
        assert at_least <= {row.execution_id for row in state.rows}
    for before, later in pairwise(states):
        assert before.jobs.keys() < later.jobs.keys()
        assert {row.execution_id for row in before.rows} < {row.execution_id for row in later.rows}
    assert {path.name for path in tmp_path.iterdir()} == {"jobs.d", "data", *(copy.name for copy in copies)}

    running = states[-1].running()
    restore(copies[-1], tmp_path)
    before_restart = len(target.requests)
    with Service(tmp_path) as service:
        target.wait_for(before_restart + 2 * len(STEADY))
        assert service.terminate() == 0
    stored = read_database(tmp_path / "data" / "jobs.db")
    assert_of_one_state(stored)
    assert stored.jobs.keys() == states[-1].jobs.keys()
    ended = {row.execution_id: row.status for row in stored.rows}
    assert {ended[one] for one in running} <= {"interrupted"}
    new = {execution_id_of(one) for one in target.requests[before_restart:]}
    assert not new & {row.execution_id for row in states[-1].rows}


def slot_of(request: Received) -> tuple[str, str | None]:
    return request.target, request.header("X-MyScheduler-Scheduled-At")


@pytest.mark.slow
def test_what_was_sent_after_the_backup_is_sent_again_unless_its_grace_is_over_or_the_manifest_pauses(
    tmp_path: Path, target: Target
) -> None:
    """What the documents say about a restore."""
    grace = 2
    with Service(tmp_path) as service:
        for name, more in {"again": (), "late": (f"misfire_grace_time: {grace}",), "paused": ()}.items():
            every = "interval: {seconds: 1}"
            service.write(f"{name}.yaml", manifest(name, target.url(f"/{name}"), every, "coalesce: false", *more))
        service.until(lambda: len(target.requests) >= 6)
        copy = back_up(service, "copy.db")
        target.wait_for(len(target.requests) + 6)
        assert service.terminate() == 0
    before = {slot_of(one) for one in target.requests}
    time.sleep(grace)
    restore(copy, tmp_path)
    with (tmp_path / "jobs.d" / "paused.yaml").open("a", encoding="utf-8") as file:
        file.write("paused: true\n")
    count = len(target.requests)
    with Service(tmp_path) as service:
        target.wait_for(count + 12)
        reasons = {row["reason"] for row in service.executions("paused")}
        assert service.terminate() == 0
    after = [slot_of(one) for one in target.requests[count:]]
    assert {way for way, _ in after if way != "/again"} == {"/late"}
    assert {way for way, _ in set(after) & before} == {"/again"}
    assert reasons - {"crash"} == {None, "paused"}  # what was in flight when the copy was made has crashed in it


# --- a database of a newer version --------------------------------------------------------------------------------

NEWER = (
    "UPDATE alembic_version SET version_num = '0099'",
    "INSERT INTO upgrades VALUES ('0099', '4.2.0', 1804420800000000)",
)


def refusals(folder: Path, **settings: str) -> list[str]:
    """What each command says that needs the database; all have to fail in one line."""
    (folder / "jobs.d").mkdir(exist_ok=True)
    url = settings.get("DATABASE_URL", "sqlite:///./data/jobs.db")
    serve = subprocess.run(
        COMMAND, cwd=folder, env=environment(**settings), capture_output=True, text=True, timeout=START_SEC, check=False
    )
    ended = [(serve.returncode, serve.stdout, serve.stderr)]
    with chdir(folder):
        for command in (["plan", "--database-url", url], ["db", "upgrade"]):
            result = CliRunner().invoke(main, command, env=settings)
            ended.append((result.exit_code, result.stdout, result.stderr))
    for code, output, told in ended:
        assert (code, output) == (1, "")
        assert len(told.splitlines()) == 1
    return [told for _, _, told in ended]


def test_a_newer_database_is_refused_and_keeps_every_byte(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        assert service.terminate() == 0
    database = tmp_path / "data" / "jobs.db"
    with closing(sqlite3.connect(database)) as connection:
        for statement in NEWER:
            connection.execute(statement)
        connection.commit()
    before = {path.name: path.read_bytes() for path in database.parent.iterdir()}
    (told,) = set(refusals(tmp_path))
    expect("db-refused.txt", told.replace(f"is myscheduler {__version__}", "is myscheduler 0.1.0"))
    assert {path.name: path.read_bytes() for path in database.parent.iterdir()} == before


def test_a_newer_database_is_refused_on_postgresql(tmp_path: Path, postgres: Database) -> None:
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        assert service.terminate() == 0
    for statement in NEWER:
        postgres.ask(statement)
    lives = postgres.ask("SELECT * FROM lives")
    (told,) = set(refusals(tmp_path, DATABASE_URL=postgres.url))
    assert "was brought to revision 0099 by myscheduler 4.2.0 on 2027-03-07 12:00 UTC, and this is " in told
    assert f"which knows revisions up to {HEAD}: run myscheduler 4.2.0 or newer" in told
    assert QUOTED_PASSWORD not in told
    assert postgres.ask("SELECT * FROM lives") == lives
