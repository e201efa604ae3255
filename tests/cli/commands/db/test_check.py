"""`myscheduler db check`, as operators and scripts see it."""

import fcntl
import json
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from myscheduler import __version__
from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.database.sqlite import is_in_use
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.cli import main
from tests.support.databases import (
    NOON,
    contents,
    damage,
    db,
    make_empty,
    make_foreign,
    make_newer,
    make_older,
    make_unfinished,
    url,
)
from tests.support.golden import expect
from tests.support.postgres import QUOTED_PASSWORD, Database


def lasting(folder: Path) -> dict[str, bytes]:
    """Without the index of the log, in which readers leave their marks, and which SQLite makes anew."""
    return {name: data for name, data in contents(folder).items() if not name.endswith("-shm")}


def nothing(_path: Path) -> None:
    pass


def timeless(text: str) -> str:
    text = re.sub(r"[\d,.]+ [GM]B on its", "SIZE on its", text)
    return text.replace(f"myscheduler {__version__}", "myscheduler 0.1.0")


STATES = [
    pytest.param(nothing, 0, id="current"),
    pytest.param(make_older, 0, id="older"),
    pytest.param(make_newer, 1, id="newer"),
    pytest.param(make_foreign, 1, id="foreign"),
    pytest.param(make_empty, 1, id="empty"),
    pytest.param(damage, 1, id="damaged"),
    pytest.param(make_unfinished, 1, id="unfinished"),
]


@pytest.mark.parametrize(("make", "code"), STATES)
def test_check_tells_how_a_database_stands_to_this_version(
    database: Path, make: Callable[[Path], None], code: int, request: pytest.FixtureRequest
) -> None:
    make(database)
    before = contents(database.parent)
    result = db("check", "--database-url", "sqlite:///data/jobs.db")
    assert (result.exit_code, result.stderr) == (code, "")
    expect(f"db-check-{request.node.callspec.id}.txt", timeless(result.stdout))
    assert contents(database.parent) == before
    told = json.loads(db("check", "--database-url", "sqlite:///data/jobs.db", "--format", "json").stdout)
    assert (told["usable"], told["known_revision"], told["in_use"]) == (code == 0, HEAD, False)
    assert told["free"] > 0
    assert contents(database.parent) == before


@pytest.mark.parametrize("lost", [1, 50, 4_000, 4_096, 40_000])
def test_a_file_that_was_cut_off_is_found(database: Path, tmp_path: Path, lost: int) -> None:
    os.truncate(database, database.stat().st_size - lost)
    before = contents(tmp_path)
    result = db("check", "--database-url", url(database))
    assert result.exit_code == 1
    assert "damaged: stop the service and restore a backup" in result.output
    assert db("backup", "copy.db", "--database-url", url(database)).exit_code == 1
    assert contents(tmp_path) == before


def test_a_page_that_stands_in_the_log_may_be_cut_off_in_the_file(database: Path, tmp_path: Path) -> None:
    """As a full disk leaves it: SQLite had begun to write into the file what it goes on reading in the log."""
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA user_version = 7")
        for name in ("jobs.db", "jobs.db-wal"):
            shutil.copy(database.parent / name, crashed)
    assert (crashed / "jobs.db-wal").stat().st_size > 0
    with (crashed / "jobs.db").open("ab") as file:
        file.write(b"half a page")
    assert db("check", "--database-url", url(crashed / "jobs.db")).exit_code == 0
    assert db("backup", "copy.db", "--database-url", url(crashed / "jobs.db")).exit_code == 0


def test_json_has_the_same_keys_where_nothing_can_be_looked_at(database: Path) -> None:
    result = db("check", "--database-url", "sqlite:///nowhere.db", "--format", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["usable"]) == (1, False)
    assert "where there is no database" in told["trouble"]
    assert told.keys() == json.loads(db("check", "--database-url", url(database), "--format", "json").stdout).keys()


def test_check_as_json(database: Path) -> None:
    told = json.loads(db("check", "--database-url", url(database), "--format", "json").stdout)
    assert told.pop("free") > 0
    assert told == {
        "database": url(database),
        "usable": True,
        "trouble": None,
        "version": __version__,
        "standing": "current",
        "revision": HEAD,
        "known_revision": HEAD,
        "upgraded_by": "0.1.0",
        "upgraded_at": datetime.fromtimestamp(NOON / 1e6, UTC).isoformat(),
        "damages": [],
        "in_use": False,
        "size": database.stat().st_size,
        "log_size": 0,
        "jobs": 1,
        "executions": 3,
        "oldest": datetime.fromtimestamp(NOON / 1e6 + 60, UTC).isoformat(),
    }


def test_check_beside_a_service_and_after_a_kill(database: Path, tmp_path: Path) -> None:
    check = ("check", "--format", "json", "--database-url")
    killed = tmp_path / "killed"
    with open_store(url(database)), closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM executions WHERE execution_id = 'e1'")
        connection.commit()
        before = lasting(database.parent)
        told = json.loads(db(*check, url(database)).stdout)
        assert (told["in_use"], told["executions"]) == (True, 2)
        assert told["log_size"] > 0
        assert lasting(database.parent) == before
        shutil.copytree(database.parent, killed)
    before = lasting(killed)
    told = json.loads(db(*check, url(killed / "jobs.db")).stdout)
    assert (told["in_use"], told["executions"]) == (False, 2)
    assert lasting(killed) == before, "the log is for the next start"


def test_check_of_postgresql(postgres: Database) -> None:
    check = ("check", "--format", "json", "--database-url", postgres.url)
    assert db(*check).exit_code == 1, "empty"
    with open_store(postgres.url):
        used = db(*check)
    assert (used.exit_code, json.loads(used.stdout)["in_use"]) == (0, True)
    told = json.loads(db(*check).stdout)
    assert (told["in_use"], told["standing"], told["damages"], told["jobs"]) == (False, "current", None, 0)
    assert told["size"] > 1_000_000
    text = db("check", "--database-url", postgres.url).output
    assert "not checked: a PostgreSQL server checks its files itself" in text
    assert QUOTED_PASSWORD not in text + used.output
    postgres.ask("UPDATE alembic_version SET version_num = '0099'")
    assert "was brought to revision 0099 by a newer myscheduler" in db("check", "--database-url", postgres.url).output


@pytest.mark.parametrize("command", [("check",), ("backup", "copy.db")])
@pytest.mark.parametrize(
    ("named", "says"),
    [
        pytest.param("sqlite:///nowhere.db", "where there is no database", id="no file"),
        pytest.param("sqlite:///text.db", "can't be read: file is not a database", id="a text"),
        pytest.param("sqlite:///.", "names ., which is not a file", id="a folder"),
        pytest.param("sqlite://", "names no file", id="in memory"),
        pytest.param("sqlite:///file:a.db?uri=true", "by a URI of SQLite: write a path", id="a URI"),
        pytest.param("mysql://x/y", "can't use", id="of another kind"),
    ],
)
def test_what_is_no_database(tmp_path: Path, command: tuple[str, ...], named: str, says: str) -> None:
    (tmp_path / "text.db").write_text("no database" * 1_000, encoding="utf-8")
    result = db(*command, "--database-url", named)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


def test_a_look_at_the_lock_keeps_no_service_from_starting(database: Path) -> None:
    with Path(f"{database}.lock").open(encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert is_in_use(database) is False, "two looks are not in each other's way"
        threading.Timer(0.3, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        with open_store(url(database)):
            assert is_in_use(database) is True


@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_the_environment_names_the_database(database: Path, command: str) -> None:
    result = CliRunner().invoke(main, ["db", command], env={"DATABASE_URL": url(database)})
    assert result.exit_code == 0, result.output
