"""`myscheduler db backup`, `db check` and `db upgrade`, as operators and scripts see them."""

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler import __version__
from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care import backup
from myscheduler.adapters.store.database.sqlite import is_in_use
from myscheduler.adapters.store.migrations import HEAD, REVISIONS
from myscheduler.cli import main
from tests.support.golden import expect
from tests.support.postgres import QUOTED_PASSWORD, Database

NOON = 1_804_420_800_000_000  # 2027-03-07 12:00 UTC
COMMAND = [sys.executable, "-m", "myscheduler", "db"]


def db(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["db", *arguments], prog_name="myscheduler")


def url(path: Path | str) -> str:
    return f"sqlite:///{path}"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def fill(path: Path, executions: int = 3) -> None:
    """A job with that many rows of history, a minute apart."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (job_id, owner, spec, digest, version, created_at, updated_at) "
            "VALUES ('a', 'api', '{}', 'd', 1, 0, 0)"
        )
        connection.executemany(
            "INSERT INTO executions (execution_id, job_id, slot, kind, cause, status, last_slot, slot_count, attempts,"
            " error) VALUES (?, 'a', ?, 'scheduled', 'timer', 'failed', 0, 1, 1, hex(randomblob(200)))",
            [(f"e{number}", NOON + 60_000_000 * number) for number in range(1, executions + 1)],
        )


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Of this version, with little in it, and nobody uses it."""
    path = tmp_path / "data" / "jobs.db"
    with open_store(url(path)):
        pass
    fill(path)
    change(path, "UPDATE upgrades SET version = '0.1.0', upgraded_at = 1804420800000000")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lasting(folder: Path) -> dict[str, bytes]:
    """Without the index of the log, in which readers leave their marks, and which SQLite makes anew."""
    return {name: data for name, data in contents(folder).items() if not name.endswith("-shm")}


# --- check --------------------------------------------------------------------------------------------------------


def nothing(_path: Path) -> None:
    pass


YOUNG_TABLES = ("upgrades", "queued", "request_keys")
"""They came after revision 0004."""


def make_older(path: Path) -> None:
    change(path, *(f"DROP TABLE {table}" for table in YOUNG_TABLES), "UPDATE alembic_version SET version_num = '0004'")


def make_newer(path: Path) -> None:
    change(
        path,
        "UPDATE alembic_version SET version_num = '0099'",
        "INSERT INTO upgrades VALUES ('0099', '4.2.0', 1804420800000000)",
        "ALTER TABLE executions RENAME COLUMN slot TO due_at",
        "ALTER TABLE jobs RENAME TO tasks",
    )


def make_foreign(path: Path) -> None:
    path.unlink()
    change(path, "CREATE TABLE bookmarks (url TEXT)")


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage(path: Path) -> None:
    """An index loses its entries, which a look at the tables alone doesn't notice."""
    with path.open("r+b") as file:
        ((page,),) = rows(
            path,
            "SELECT rootpage FROM sqlite_master WHERE name = 'executions_job_slot_kind' "
            "OR name = 'sqlite_autoindex_executions_2' LIMIT 1",
        )
        file.seek((int(str(page)) - 1) * 4096 + 3)
        file.write(b"\x00\x01")


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


# --- backup -------------------------------------------------------------------------------------------------------


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
        _, told = running.communicate(timeout=20)
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


# --- upgrade ------------------------------------------------------------------------------------------------------


def test_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "data" / "jobs.db"
    upgrade = partial(db, "upgrade", "--database-url", url(path))
    assert upgrade().stdout == f"created a new database of revision {HEAD}\n"
    assert upgrade().stdout == f"nothing to do: the database has revision {HEAD} already\n"
    fill(path)
    make_older(path)
    result = upgrade()
    assert (result.exit_code, result.stdout) == (0, f"upgraded the database from revision 0004 to {HEAD}\n")
    ((revision, version),) = rows(path, "SELECT revision, version FROM upgrades")
    assert (revision, version) == (REVISIONS[-1], __version__)
    assert rows(path, "SELECT count(*) FROM executions") == [(3,)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(make_newer, "was brought to revision 0099 by myscheduler 4.2.0", id="newer"),
        pytest.param(make_foreign, "holds tables of another program", id="foreign"),
    ],
)
def test_databases_that_are_not_upgraded(database: Path, make: Callable[[Path], None], says: str) -> None:
    make(database)
    before = contents(database.parent)
    result = db("upgrade", "--database-url", url(database))
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert contents(database.parent) == before


def test_upgrade_of_postgresql(postgres: Database) -> None:
    upgrade = partial(db, "upgrade", "--database-url", postgres.url)
    assert upgrade().stdout == f"created a new database of revision {HEAD}\n"
    postgres.ask(f"DROP TABLE {', '.join(YOUNG_TABLES)}")
    postgres.ask("UPDATE alembic_version SET version_num = '0004'")
    assert upgrade().stdout == f"upgraded the database from revision 0004 to {HEAD}\n"
    assert upgrade().stdout == f"nothing to do: the database has revision {HEAD} already\n"
    assert postgres.ask("SELECT revision, version FROM upgrades") == [(HEAD, __version__)]


def test_a_service_is_not_upgraded_away_under_its_feet(database: Path) -> None:
    with open_store(url(database)):
        result = db("upgrade", "--database-url", url(database))
    assert result.exit_code == 1
    assert "another myscheduler is using the database" in result.stderr


@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_the_environment_names_the_database(database: Path, command: str) -> None:
    result = CliRunner().invoke(main, ["db", command], env={"DATABASE_URL": url(database)})
    assert result.exit_code == 0, result.output
