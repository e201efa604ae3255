"""`myscheduler db backup`, as operators and scripts see it."""

import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care import backup
from myscheduler.adapters.store.migrations import HEAD
from tests.support.databases import (
    change,
    contents,
    damage,
    db,
    fill,
    make_empty,
    make_foreign,
    make_newer,
    make_older,
    rows,
    url,
)
from tests.support.patience import PATIENCE

COMMAND = [sys.executable, "-m", "myscheduler", "db"]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_what_is_not_committed_is_no_part_of_a_backup(database: Path, tmp_path: Path) -> None:
    """In a database without a write-ahead log, a change that is under way stands in the file itself."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("PRAGMA cache_size = 1")
    other.execute("BEGIN")
    other.execute("CREATE TABLE more AS SELECT randomblob(1000) AS junk FROM executions, executions, executions")
    assert Path(f"{database}-journal").exists()
    result = db("backup", "copy.db", "--database-url", url(database))
    other.execute("ROLLBACK")
    other.close()
    if result.exit_code == 0:  # else it was locked, and said so
        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("SELECT name FROM sqlite_master WHERE name = 'more'").fetchall() == []
    else:
        assert "locked" in result.stderr


def test_a_backup_is_a_database_that_only_its_owner_reads(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "monday.db"
    before = contents(database.parent)
    result = db("backup", "monday.db", "--database-url", url(database))
    assert (result.exit_code, result.stderr) == (0, "")
    size = f"{target.stat().st_size / 1e3:.1f} kB"
    assert result.stdout == f"monday.db: {size}, revision {HEAD}, 1 job, 3 rows of history; checked\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert dump(target) == dump(database)
    assert contents(database.parent) == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["monday.db"]


def test_a_backup_has_what_stands_in_the_log_only(database: Path, tmp_path: Path) -> None:
    with open_store(url(database)):
        change(database, "UPDATE jobs SET digest = 'new'")
        assert db("backup", "copy.db", "--database-url", url(database)).exit_code == 0
    assert rows(tmp_path / "copy.db", "SELECT digest FROM jobs") == [("new",)]


@pytest.mark.parametrize("make", [pytest.param(make_older, id="older"), pytest.param(make_newer, id="newer")])
def test_databases_of_other_versions_are_backed_up(
    database: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(database)
    assert db("backup", "copy.db", "--database-url", url(database)).exit_code == 0
    assert dump(tmp_path / "copy.db") == dump(database)


def test_standard_output(database: Path, tmp_path: Path) -> None:
    ended = subprocess.run([*COMMAND, "backup", "-", "--database-url", url(database)], capture_output=True, check=True)
    assert sorted(contents(tmp_path)) == ["data/jobs.db", "data/jobs.db.lock"]
    (tmp_path / "copy.db").write_bytes(ended.stdout)
    assert dump(tmp_path / "copy.db") == dump(database)
    assert re.fullmatch(rb"standard output: .* kB, revision \d+, 1 job, 3 rows of history; checked\n", ended.stderr)


def test_a_terminal_is_no_place_for_a_database(database: Path) -> None:
    main_end, other_end = os.openpty()
    ended = subprocess.run(
        [*COMMAND, "backup", "-", "--database-url", url(database)],
        stdout=other_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(main_end)
    os.close(other_end)
    assert ended.returncode == 2
    assert "Error: a terminal can't show a database: redirect the output (> jobs.db), or name a file" in ended.stderr


@pytest.mark.parametrize(
    ("file", "says"),
    [
        pytest.param("there.db", "there.db already exists, and nothing is overwritten", id="taken"),
        pytest.param("dangling.db", "already exists", id="a link that leads nowhere"),
        pytest.param("data", "already exists", id="a folder"),
        pytest.param("no/copy.db", "no is not a folder: create it", id="no folder"),
        pytest.param("there.db/copy.db", "there.db is not a folder", id="below a file"),
        pytest.param("data/jobs.db", "is a file of the database itself", id="itself"),
        pytest.param("link/jobs.db", "is a file of the database itself", id="itself, through a link"),
        pytest.param("data/../link/jobs.db-wal", "is a file of the database itself", id="its log"),
        pytest.param("data/jobs.db-journal", "is a file of the database itself", id="its journal"),
        pytest.param("data/jobs.db.lock", "is a file of the database itself", id="its lock"),
        pytest.param("x" * 300, "File name too long", id="too long a name"),
        pytest.param("circle.db", "choose another name", id="a circle of links"),
        pytest.param("/proc/copy.db", "/proc has 0 bytes free, and ", id="no room at all"),
    ],
)
@pytest.mark.usefixtures("database")
def test_places_that_are_refused(tmp_path: Path, file: str, says: str) -> None:
    (tmp_path / "there.db").write_text("mine", encoding="utf-8")
    (tmp_path / "dangling.db").symlink_to("nowhere.db")
    (tmp_path / "circle.db").symlink_to("circle.db")
    (tmp_path / "link").symlink_to("data")
    before = contents(tmp_path)
    result = db("backup", file, "--database-url", "sqlite:///link/jobs.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(make_foreign, "holds tables of another program, so it is not backed up", id="foreign"),
        pytest.param(make_empty, "is empty, so there is nothing to back up", id="empty"),
        pytest.param(damage, "is damaged, so it was not backed up: ", id="damaged"),
    ],
)
def test_databases_that_are_not_backed_up(
    database: Path, tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    make(database)
    before = contents(tmp_path)
    result = db("backup", "copy.db", "--database-url", url(database))
    assert result.exit_code == 1
    assert says in result.stderr
    assert contents(tmp_path) == before


def test_postgresql_has_a_tool_of_its_own() -> None:
    result = db(
        "backup",
        "a b.dump",
        "--database-url",
        "postgresql://me:hunter2@db.example.com/jobs?password=hunter2&sslmode=require",
    )
    assert result.exit_code == 1
    said = "pg_dump --format=custom '--file=a b.dump' 'postgresql://me@db.example.com/jobs?sslmode=require' (PGPASSWORD"
    assert said in result.stderr
    assert "hunter2" not in result.stderr


def test_no_room(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last room is for the service, which sends nothing while it can't record."""
    monkeypatch.setattr(backup, "RESERVE", 10**18)
    result = db("backup", "copy.db", "--database-url", url(database))
    assert result.exit_code == 1
    assert "1,000,000,000.0 GB of them for the service: make room, or choose another folder" in result.stderr
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    result = db("backup", "-", "--database-url", url(database))
    assert result.exit_code == 1
    assert re.search(
        r"there is no place for the temporary copy.*data has .* free.*nowhere is not a folder", result.stderr
    )
    assert sorted(contents(tmp_path)) == ["data/jobs.db", "data/jobs.db.lock"]


def test_the_copy_of_a_stream_is_made_in_the_temporary_folder_where_there_is_no_room_beside(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_obstacle", lambda folder, _: "is full" if folder == database.parent else None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = db("backup", "-", "--database-url", url(database))
    assert result.exit_code == 0
    assert result.stdout_bytes[:15] == b"SQLite format 3"
    assert sorted(contents(tmp_path)) == ["data/jobs.db", "data/jobs.db.lock"]


def test_a_disk_that_becomes_full_meanwhile(database: Path, tmp_path: Path) -> None:
    change(database, "DELETE FROM executions", "DELETE FROM jobs")
    fill(database, executions=2_000)
    limit = database.stat().st_size // 2
    ended = subprocess.run(
        [*COMMAND, "backup", "copy.db", "--database-url", url(database)], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert ended.returncode == 1
    assert re.fullmatch(r"Error: the database .* can't be copied to \., and nothing is left there: .*\n", ended.stderr)
    assert "the disk is full" in ended.stderr or "free some disk space" in ended.stderr
    assert sorted(contents(tmp_path)) == ["data/jobs.db", "data/jobs.db.lock"]


@pytest.fixture
def large(database: Path) -> Path:
    """Its backup takes long enough to be interrupted."""
    change(database, "DELETE FROM executions", "DELETE FROM jobs")
    fill(database, executions=60_000)
    return database


def test_an_interrupt_while_a_connection_is_put_back_shows_no_traceback(database: Path, tmp_path: Path) -> None:
    """The moment is so short that signals seldom hit it."""
    code = """
import sys
from sqlalchemy.engine.default import DefaultDialect
from myscheduler.cli import main

rolled_back = []

def do_rollback(self, connection):
    rolled_back.append(connection)
    if len(rolled_back) == 2:
        raise KeyboardInterrupt

DefaultDialect.do_rollback = do_rollback
main(sys.argv[1:])
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, "db", "backup", str(tmp_path / "copy.db"), "--database-url", url(database)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "\nAborted!\n")


def heed_signals() -> None:
    """The tests may run where they are ignored, as below `nohup` or as a shell's background job; that is inherited."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_backup_leaves_no_half_file(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    ends: list[bytes] = []
    for tried, delay in enumerate((0, 0.03, 0.1, 0.2, *[0] * 20)):
        if ends and tried >= 4:
            break  # the further ones are for machines on which others were too late
        running = subprocess.Popen(
            [*COMMAND, "backup", str(copy), "--database-url", url(large)], stderr=subprocess.PIPE,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no other thread runs here
        )  # fmt: skip
        while running.poll() is None and not list(copy.parent.iterdir()):
            time.sleep(0.001)
        time.sleep(delay)
        running.send_signal(number)
        _, told = running.communicate(timeout=PATIENCE)
        if copy.exists():
            assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
            assert rows(copy, "SELECT count(*) FROM executions") == [(60_000,)]
            copy.unlink()
        else:
            ends.append(told)
        left = list(copy.parent.iterdir())
        assert not left or number is signal.SIGKILL
        for path in left:
            assert path.name.startswith(backup.PART)
            path.unlink()
    assert ends, "none was interrupted"
    assert set(ends) <= {b"\nAborted!\n", b"Aborted!\n", b""}
