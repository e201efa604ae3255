"""The database, on real SQLite and real PostgreSQL: its schema, its claims, its writer, and what is said when it
can't be used.
"""

import asyncio
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql

from myscheduler import __version__
from myscheduler.adapters.store import Store, migrations, open_store, tables
from myscheduler.adapters.store.database import opening as engine
from myscheduler.adapters.store.database import sqlite
from myscheduler.adapters.store.database.reading import read_current
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Record, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Interval
from myscheduler.errors import StoreError, StoreUnavailableError
from tests.support.parts import job, opened
from tests.support.postgres import HANG_UP, PASSWORD, QUOTED_PASSWORD, Database

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'jobs.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database of each kind; a class that is about one kind overrides it."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    database: Database = request.getfixturevalue("postgres")
    return database.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened_store:
        yield opened_store


def test_a_file_system_without_a_log_is_refused(tmp_path: Path) -> None:
    """SQLite's own door to file systems without locks has no shared memory either, which the log needs."""
    says = r"can't use a write-ahead log for the database .*/jobs\.db .*: put it on a local disk"
    door = f"file:{tmp_path}/jobs.db?vfs=unix-dotfile"
    with closing(sqlite3.connect(door, uri=True)) as connection, pytest.raises(StoreError, match=says):
        sqlite._prepare(connection, None)


async def stored(store: Store, job_id: str = "a") -> Job:
    new = job(job_id, NOW)
    await store.write(partial(job_rows.insert_jobs, new=[new]))
    return new


async def found(store: Store, job_id: str = "a") -> Job:
    return (await store.read(partial(job_rows.find_jobs, job_ids=[job_id])))[job_id]


async def history(store: Store, job_id: str = "a") -> list[Record]:
    """Oldest first."""
    return (await store.read(partial(execution_rows.of_job, job_id=job_id, limit=100)))[::-1]


async def claim(store: Store, *claims: Claim) -> list[bool]:
    return await store.write(partial(claim_rows.claim, claims=claims))


def run(of: Job, slot: datetime, *, kind: Kind = Kind.SCHEDULED, unrun: tuple[Unrun, ...] = ()) -> Claim:
    execution = Execution(new_execution_id(slot), of.job_id, slot, kind, Cause.TIMER, of.digest, None, slot)
    if kind is Kind.MANUAL:
        return Claim(of.job_id, of.version, of.digest, None, execution=execution)
    return Claim(of.job_id, of.version, of.digest, None, unrun, execution, slot, slot + HOUR)


def skip(of: Job, first: datetime, last: datetime, slots: int, reason: Reason = Reason.OVERLAP) -> Claim:
    gap = Unrun(Status.SKIPPED, reason, first, last, slots)
    return Claim(of.job_id, of.version, of.digest, None, (gap,), None, last, last + HOUR)


def _clauses(sql: str) -> list[str]:
    """What a statement of the schema says; columns that were added later stand at its end."""
    _, _, inner = re.sub(r"[\s\"]+", " ", sql).strip().partition("(")
    return [sql.split("(", maxsplit=1)[0], *sorted(part.strip(" )") for part in re.split(r",(?![^(]*\))", inner))]


def _everything(url: str) -> dict[str, Any]:
    """What must not change: the bytes of all files, or the columns and rows of the server's tables."""
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    with closing(psycopg.connect(url)) as connection:
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        found = {name: connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))) for name in names}
        return {
            name: ([column.name for column in rows.description or ()], rows.fetchall()) for name, rows in found.items()
        }


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


class TestOpening:
    def test_the_second_opening_finds_everything_in_place(self, url: str) -> None:
        for _ in range(2):
            with open_store(url) as store:
                names = set(sa.inspect(store._engine).get_table_names())
            assert names == {
                "jobs",
                "queued",
                "request_keys",
                "progress",
                "executions",
                "outlines",
                "lives",
                "revisions",
                "audit",
                "upgrades",
                "alembic_version",
            }

    async def test_what_was_written_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url) as store:
            new = await stored(store)
        with open_store(url) as store:
            assert await found(store) == new

    def test_migrations_and_tables_say_the_same(self, store: Store) -> None:
        with store._engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []

    async def test_times_numbers_and_text_come_back_as_they_were(self, store: Store) -> None:
        moment = NOW + timedelta(microseconds=123_457)
        new = job("週次.レポート", moment, name="日本語 🗓️ 'quoted' \\ %s :name", body={"big": 10**30, "small": 0.1})
        await store.write(partial(job_rows.insert_jobs, new=[new]))
        assert await found(store, new.job_id) == new
        one = run(new, moment + HOUR)
        await claim(store, one)
        assert one.execution is not None
        outcome = Outcome(200, None, None, 2**53, "本文 🎌 \ufffd \u2028 end")
        ended = Finish(
            one.execution.execution_id, Status.COMPLETED, one.execution.started_at, moment + HOUR, 1, outcome
        )
        await store.write(partial(claim_rows.finish, finishes=[ended]))
        (row,) = await history(store, new.job_id)
        assert (row.slot, row.completed_at) == (moment + HOUR, moment + HOUR)
        assert (row.response_size, row.excerpt) == (outcome.response_size, outcome.excerpt)

    async def test_ids_are_sorted_by_code_point(self, store: Store) -> None:
        names = ["a", "B", "a-b", "ab", "_", "Z", "é", "z", "あ", "1", "A.b"]
        for name in names:
            await stored(store, name)
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == sorted(names)

    async def test_a_reader_sees_one_state(self, store: Store) -> None:
        loop = asyncio.get_running_loop()

        def look_twice(connection: sa.Connection) -> list[int]:
            before = len(job_rows.all_jobs(connection))
            asyncio.run_coroutine_threadsafe(stored(store), loop).result(10)
            return [before, len(job_rows.all_jobs(connection))]

        assert await store.read(look_twice) == [0, 0]
        assert len(await store.read(job_rows.all_jobs)) == 1


class TestSqlite:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return sqlite_url(tmp_path)

    def test_the_folder_is_made(self, tmp_path: Path) -> None:
        with open_store(f"sqlite:///{tmp_path / 'deep' / 'er' / 'jobs.db'}"):
            pass
        assert (tmp_path / "deep" / "er" / "jobs.db").exists()

    def test_migrated_constraints_and_indexes_are_those_of_the_tables(self, store: Store) -> None:
        """What `compare_metadata` doesn't look at: the condition of an index, for one."""
        bare = sa.create_engine("sqlite://")
        tables.metadata.create_all(bare)
        schemas = []
        for one in (bare, store._engine):
            with one.connect() as connection:
                rows = connection.exec_driver_sql(
                    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
                )
                schemas.append({name: _clauses(sql) for name, sql in rows})
        bare.dispose()
        assert schemas[0] == schemas[1]

    def test_a_commit_survives_a_power_cut(self, store: Store) -> None:
        with store._writer._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2

    async def test_nothing_is_written_to_a_file_that_was_taken_away(self, store: Store, tmp_path: Path) -> None:
        database = Path(str(store._engine.url.database))
        database.rename(tmp_path / "away.db")
        for door in (store.read, store.write):
            with pytest.raises(StoreUnavailableError, match="removed or replaced"):
                await door(job_rows.all_jobs)
        (tmp_path / "away.db").rename(database)
        assert await store.write(job_rows.all_jobs) == []

    def test_a_link_to_a_database_in_use_is_refused(self, url: str, tmp_path: Path) -> None:
        with open_store(url) as store:
            link = tmp_path / "link.db"
            link.symlink_to(str(store._engine.url.database))
            with pytest.raises(StoreError, match="another myscheduler"), open_store(f"sqlite:///{link}"):
                pass


class TestRefusedToOpen:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            pytest.param("sqlite://", "names no file", id="in memory"),
            pytest.param("sqlite:///:memory:", "names no file", id="in memory, spelled out"),
            pytest.param("", "not a database URL", id="empty"),
            pytest.param("jobs.db", "not a database URL", id="a path"),
            pytest.param("sqlite:jobs.db", "not a database URL", id="without slashes"),
            pytest.param("nonsense://x/y", "can't use", id="unknown database"),
            pytest.param("sqlite+nonsense:///x.db", "can't use", id="unknown driver"),
            pytest.param("postgres://me@host/jobs", "write postgresql://", id="a name that is no longer known"),
            pytest.param("sqlite:////proc/nowhere/jobs.db", "can't be written", id="folder can't be made"),
            pytest.param("http://[::1", "not a database URL", id="broken brackets"),
            pytest.param("postgresql://me@host:port/jobs", "not a database URL", id="a port that is no number"),
        ],
    )
    def test_a_url_of_no_use(self, url: str, says: str) -> None:
        with pytest.raises(StoreError, match=says), open_store(url):
            pass

    def test_a_file_stands_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")
        with pytest.raises(StoreError, match="can't be written"), open_store(f"sqlite:///{tmp_path}/data/jobs.db"):
            pass

    def test_a_folder_stands_where_the_file_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "jobs.db").mkdir()
        with pytest.raises(StoreError, match="can't be used"), open_store(f"sqlite:///{tmp_path}/jobs.db"):
            pass

    def test_a_file_that_is_no_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        text = b"my shopping list\n" * 1000
        (tmp_path / "jobs.db").write_bytes(text)
        with pytest.raises(StoreError, match="can't be read: file is not a database"), open_store(sqlite_url(tmp_path)):
            pass
        assert (tmp_path / "jobs.db").read_bytes() == text

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            pytest.param(
                [
                    "UPDATE alembic_version SET version_num = '9999'",
                    "INSERT INTO upgrades VALUES ('9999', '4.2.0', 1804420800000000)",
                ],
                "was brought to revision 9999 by myscheduler 4.2.0 on 2027-03-07 12:00 UTC, and this is myscheduler "
                f"{__version__}, which knows revisions up to {migrations.HEAD}: run myscheduler 4.2.0 or newer, "
                "or restore the backup that was made before the upgrade",
                id="newer",
            ),
            pytest.param(
                ["UPDATE alembic_version SET version_num = '9999'", "DROP TABLE upgrades"],
                "was brought to revision 9999 by a newer myscheduler, and this is myscheduler "
                f"{__version__}, which knows revisions up to {migrations.HEAD}: run the version that ran before, "
                "or newer, or restore the backup that was made before the upgrade",
                id="newer, without the table of versions",
            ),
            pytest.param(
                [
                    "UPDATE alembic_version SET version_num = '9999'",
                    "ALTER TABLE upgrades RENAME COLUMN version TO release",
                ],
                "was brought to revision 9999 by a newer myscheduler, and this is",
                id="newer, with another table of versions",
            ),
            pytest.param(
                ["UPDATE alembic_version SET version_num = '1975ea83b712'"],
                "holds tables of another program: give myscheduler a database of its own",
                id="of another program with Alembic",
            ),
            pytest.param(
                ["DROP TABLE alembic_version"], "holds tables of another program", id="with tables of our names"
            ),
        ],
    )
    def test_a_database_of_others_is_left_as_it_is(self, url: str, changes: list[str], says: str) -> None:
        with open_store(url) as store, store._writer._engine.begin() as connection:
            for change in changes:
                connection.exec_driver_sql(change)
        before = _everything(url)
        with pytest.raises(StoreError) as caught, open_store(url):
            pass
        with pytest.raises(StoreError) as caught_reading:
            read_current(url, job_rows.all_jobs)
        assert says in str(caught.value)
        assert str(caught_reading.value) == str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert _everything(url) == before

    def test_a_file_of_another_program_is_left_as_it_is(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
        before = _everything(sqlite_url(tmp_path))
        with pytest.raises(StoreError, match="tables of another program"), open_store(sqlite_url(tmp_path)):
            pass
        assert _everything(sqlite_url(tmp_path)) == before

    def test_tables_of_others_in_a_schema_of_postgresql_are_not_in_the_way(self, postgres: Database) -> None:
        postgres.ask("CREATE TABLE bookmarks (url TEXT)")
        with open_store(postgres.url):
            pass

    def test_the_migrations_are_those_that_a_start_knows(self) -> None:
        """A start that finds it does not even load Alembic."""
        found = [one.revision for one in ScriptDirectory.from_config(_migrations()).walk_revisions()]
        assert tuple(reversed(found)) == migrations.REVISIONS

    @pytest.mark.parametrize("revision", migrations.REVISIONS[:-1])
    def test_a_migration_that_fails_leaves_the_database_as_it_was(self, url: str, revision: str) -> None:
        """All of them are one transaction, so the older version can be started again."""
        bare = sa.create_engine(url)
        if url.startswith("sqlite"):
            with bare.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # as the service does
        with bare.begin() as connection:
            config = _migrations()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.exec_driver_sql("CREATE TABLE request_keys (in_the_way TEXT)")
        bare.dispose()
        before = _everything(url)
        with pytest.raises(StoreError, match=r"request_keys.* already exists"), open_store(url):
            pass
        after = _everything(url)
        assert {name: after[name] for name in before} == before
        assert set(after) - set(before) <= {"jobs.db.lock"}

    def test_a_second_service_on_one_database(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "PATIENCE_SEC", 0.5)
        with (
            open_store(url),
            pytest.raises(StoreError, match="another myscheduler is using") as caught,
            open_store(url),
        ):
            pass
        assert PASSWORD not in str(caught.value)
        with open_store(url):
            pass  # the lock goes with its holder

    def test_a_password_is_not_shown(self) -> None:
        with pytest.raises(StoreError) as caught, open_store("nonsense://me:hunter2@x/y"):
            pass
        assert "hunter2" not in str(caught.value)


class TestClaim:
    async def test_a_claim_is_recorded_and_moves_the_cursor_and_the_count(self, store: Store) -> None:
        new = await stored(store)
        assert await claim(store, run(new, NOW + HOUR)) == [True]
        (row,) = await history(store)
        assert (row.status, row.slot, row.kind, row.attempts) == (Status.RUNNING, NOW + HOUR, Kind.SCHEDULED, 0)
        after = await found(store)
        assert (after.cursor, after.next_slot, after.execution_count) == (NOW + HOUR, NOW + 2 * HOUR, 1)
        assert after.version == new.version

    @pytest.mark.parametrize("shift", [-1, 1])
    async def test_a_decision_on_another_version_changes_nothing(self, store: Store, shift: int) -> None:
        new = await stored(store)
        stale = run(new, NOW + HOUR)
        stale = Claim(
            stale.job_id, stale.version + shift, stale.digest, None, (), stale.execution, stale.cursor, stale.next_slot
        )
        assert await claim(store, stale) == [False]
        assert await history(store) == []
        assert await found(store) == new

    async def test_a_job_that_is_gone_is_refused(self, store: Store) -> None:
        assert await claim(store, run(job("a", NOW), NOW + HOUR)) == [False]
        assert await history(store) == []

    async def test_a_slot_runs_once(self, store: Store) -> None:
        new = await stored(store)
        first, second = run(new, NOW + HOUR), run(new, NOW + HOUR)
        assert await claim(store, first) == [True]
        assert await claim(store, second) == [False]
        assert [row.execution_id for row in await history(store)] == [first.execution and first.execution.execution_id]
        assert (await found(store)).execution_count == 1

    async def test_a_slot_that_is_claimed_twice_in_one_transaction_runs_once(self, store: Store) -> None:
        new = await stored(store)
        assert sorted(await claim(store, run(new, NOW + HOUR), run(new, NOW + HOUR))) == [False, True]
        assert len(await history(store)) == 1
        assert (await found(store)).execution_count == 1

    async def test_a_manual_run_beside_a_slot_of_the_same_moment(self, store: Store) -> None:
        new = await stored(store)
        both = (run(new, NOW + HOUR), run(new, NOW + HOUR, kind=Kind.MANUAL))
        assert await claim(store, *both) == [True, True]
        after = await found(store)
        assert (after.execution_count, after.cursor) == (2, NOW + HOUR)

    async def test_a_manual_run_leaves_the_cursor_alone(self, store: Store) -> None:
        new = await stored(store)
        assert await claim(store, run(new, NOW + HOUR, kind=Kind.MANUAL)) == [True]
        after = await found(store)
        assert (after.cursor, after.next_slot, after.execution_count) == (new.cursor, new.next_slot, 1)

    async def test_one_refused_claim_does_not_hinder_the_others(self, store: Store) -> None:
        jobs = [await stored(store, name) for name in "abc"]
        gone = job("gone", NOW)
        claims = [run(one, NOW + HOUR) for one in (jobs[0], gone, jobs[1], jobs[2])]
        assert await claim(store, *claims) == [True, False, True, True]
        assert [len(await history(store, name)) for name in ("a", "b", "c", "gone")] == [1, 1, 1, 0]

    async def test_claims_of_a_commit_whose_answer_was_lost_are_accepted_again_and_change_nothing(
        self, store: Store
    ) -> None:
        a, b, c, d = [await stored(store, name) for name in "abcd"]
        await claim(store, skip(b, NOW + HOUR, NOW + HOUR, 1))
        missed = Unrun(Status.MISSED, Reason.DEADLINE, NOW + HOUR, NOW + 3 * HOUR, 3)
        claims = [
            run(a, NOW + 4 * HOUR, unrun=(missed,)),
            skip(b, NOW + 2 * HOUR, NOW + 3 * HOUR, 2),
            run(c, NOW + HOUR, kind=Kind.MANUAL),
            run(d, NOW + HOUR),
            run(d, NOW + 2 * HOUR),
        ]
        assert await claim(store, *claims) == [True] * 5
        jobs = await store.read(job_rows.all_jobs)
        rows = [await history(store, name) for name in "abcd"]
        assert [[row.slot_count for row in of_job] for of_job in rows] == [[3, 1], [3], [1], [1, 1]]
        assert [one.execution_count for one in jobs] == [1, 0, 1, 2]
        assert await claim(store, *claims) == [True] * 5
        assert await store.read(job_rows.all_jobs) == jobs
        assert [await history(store, name) for name in "abcd"] == rows

    async def test_new_claims_beside_repeated_ones_are_counted(self, store: Store) -> None:
        new = await stored(store)
        old = [run(new, NOW + HOUR), run(new, NOW + 1.5 * HOUR, kind=Kind.MANUAL)]
        await claim(store, *old)
        more = [run(new, NOW + 2 * HOUR), run(new, NOW + 2.5 * HOUR, kind=Kind.MANUAL)]
        assert await claim(store, *old, *more) == [True] * 4
        after = await found(store)
        assert (after.execution_count, after.cursor) == (4, NOW + 2 * HOUR)
        assert len(await history(store)) == 4

    async def test_a_repeated_claim_that_ended_meanwhile_keeps_its_end(self, store: Store) -> None:
        new = await stored(store)
        one = run(new, NOW + HOUR)
        await claim(store, one)
        assert one.execution is not None
        ids = [one.execution.execution_id]
        await store.write(partial(claim_rows.interrupt, execution_ids=ids, reason=Reason.DATABASE, now=NOW))
        (before,) = await history(store)
        assert await claim(store, one) == [True]
        assert await history(store) == [before]

    async def test_a_thousand_at_once(self, store: Store) -> None:
        jobs = [job(f"job-{number}", NOW) for number in range(1000)]
        await store.write(partial(job_rows.insert_jobs, new=jobs))
        assert await claim(store, *[run(one, NOW + HOUR) for one in jobs]) == [True] * 1000
        again = await claim(store, *[run(one, NOW + HOUR) for one in jobs])
        assert again == [False] * 1000
        recent = await store.read(partial(execution_rows.recent, limit=5000))
        assert len({row.job_id for row in recent}) == len(recent) == 1000


class TestGaps:
    async def test_gaps_of_one_reason_share_a_row(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 4 * HOUR, 3))
        (row,) = await history(store)
        assert (row.slot, row.last_slot, row.slot_count) == (NOW + HOUR, NOW + 4 * HOUR, 4)
        assert (row.status, row.reason, row.started_at) == (Status.SKIPPED, Reason.OVERLAP, None)
        after = await found(store)
        assert (after.cursor, after.execution_count) == (NOW + 4 * HOUR, 0)

    async def test_another_reason_begins_a_row_of_its_own(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1, Reason.PAUSED))
        await claim(store, skip(new, NOW + 3 * HOUR, NOW + 3 * HOUR, 1))
        assert [row.reason for row in await history(store)] == [Reason.OVERLAP, Reason.PAUSED, Reason.OVERLAP]

    async def test_a_run_between_parts_two_gaps(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 2 * HOUR))
        await claim(store, skip(new, NOW + 3 * HOUR, NOW + 3 * HOUR, 1))
        assert [row.status for row in await history(store)] == [Status.SKIPPED, Status.RUNNING, Status.SKIPPED]

    async def test_a_manual_run_between_does_not_part_them(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 1.5 * HOUR, kind=Kind.MANUAL))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1))
        scheduled = [row for row in await history(store) if row.kind is Kind.SCHEDULED]
        assert [row.slot_count for row in scheduled] == [2]

    async def test_gaps_and_the_run_behind_them_are_one_claim(self, store: Store) -> None:
        new = await stored(store)
        gaps = (
            Unrun(Status.MISSED, Reason.DEADLINE, NOW + HOUR, NOW + 2 * HOUR, 2),
            Unrun(Status.SKIPPED, Reason.COALESCED, NOW + 3 * HOUR, NOW + 3 * HOUR, 1),
        )
        assert await claim(store, run(new, NOW + 4 * HOUR, unrun=gaps)) == [True]
        rows = [(row.status, row.reason, row.slot_count) for row in await history(store)]
        assert rows == [
            (Status.MISSED, Reason.DEADLINE, 2),
            (Status.SKIPPED, Reason.COALESCED, 1),
            (Status.RUNNING, None, 1),
        ]


async def record(store: Store, *undone: UnrunOfJob) -> None:
    await store.write(partial(unrun_rows.record_unrun, unrun=undone))


def overlap(first: float, last: float | None = None, *, reason: Reason = Reason.OVERLAP) -> Unrun:
    """Hourly slots that were skipped."""
    last = first if last is None else last
    return Unrun(Status.SKIPPED, reason, NOW + first * HOUR, NOW + last * HOUR, round(last - first) + 1)


def undone(of: Job, *gaps: Unrun, is_followed: bool = False) -> UnrunOfJob:
    return UnrunOfJob(of.job_id, gaps, of.digest, None, is_followed)


async def told(store: Store, job_id: str = "a") -> list[tuple[str, float, float, int]]:
    """Each row with its hours from NOW on."""
    return [
        (row.reason or row.status, (row.slot - NOW) / HOUR, (row.last_slot - NOW) / HOUR, row.slot_count)
        for row in await history(store, job_id)
    ]


class TestRecordGaps:
    async def test_each_job_of_a_batch_joins_its_own_row(self, store: Store) -> None:
        jobs = [await stored(store, name) for name in "abc"]
        await record(store, *(undone(one, overlap(hour)) for hour, one in enumerate(jobs[:2], start=1)))
        await record(store, *(undone(one, overlap(hour, hour + 2)) for hour, one in enumerate(jobs, start=5)))
        assert [await told(store, name) for name in "abc"] == [
            [("overlap", 1, 7, 4)],
            [("overlap", 2, 8, 4)],
            [("overlap", 7, 9, 3)],
        ]

    async def test_more_jobs_than_one_statement_can_name(self, store: Store) -> None:
        jobs = [job(f"job-{number}", NOW) for number in range(1_200)]
        await store.write(partial(job_rows.insert_jobs, new=jobs))
        for hour in (1, 2):
            await record(store, *(undone(one, overlap(hour)) for one in jobs))
        rows = await store.read(partial(execution_rows.recent, limit=5_000))
        assert {(row.last_slot, row.slot_count) for row in rows} == {(NOW + 2 * HOUR, 2)}
        assert len(rows) == len(jobs)

    async def test_several_gaps_of_a_job_in_one_batch(self, store: Store) -> None:
        new = await stored(store)
        await record(store, undone(new, overlap(1)))
        paused = overlap(4, 5, reason=Reason.PAUSED)
        await record(
            store, undone(new, overlap(2, 3), paused), undone(new, overlap(6, reason=Reason.PAUSED), overlap(7))
        )
        assert await told(store) == [("overlap", 1, 3, 3), ("paused", 4, 6, 3), ("overlap", 7, 7, 1)]

    async def test_one_status_with_another_reason_and_one_reason_with_another_status_are_apart(
        self, store: Store
    ) -> None:
        new = await stored(store)
        missed = Unrun(Status.MISSED, Reason.OVERLAP, NOW + 3 * HOUR, NOW + 3 * HOUR, 1)
        for one in (overlap(1), overlap(2, reason=Reason.PAUSED), missed):
            await record(store, undone(new, one))
        rows = [(row.status, row.reason, row.slot_count) for row in await history(store)]
        assert rows == [
            (Status.SKIPPED, Reason.OVERLAP, 1),
            (Status.SKIPPED, Reason.PAUSED, 1),
            (Status.MISSED, Reason.OVERLAP, 1),
        ]

    async def test_an_execution_in_between_parts_them_in_one_batch_too(self, store: Store) -> None:
        new = await stored(store)
        skips = [skip(new, NOW + hour * HOUR, NOW + hour * HOUR, 1) for hour in (1, 2, 4, 5)]
        assert await claim(store, *skips[:2], run(new, NOW + 3 * HOUR), *skips[2:]) == [True] * 5
        assert await told(store) == [("overlap", 1, 2, 2), ("running", 3, 3, 1), ("overlap", 4, 5, 2)]

    async def test_an_execution_of_another_job_does_not(self, store: Store) -> None:
        a, b = [await stored(store, name) for name in "ab"]
        skips = [skip(a, NOW + hour * HOUR, NOW + hour * HOUR, 1) for hour in (1, 3)]
        await claim(store, skips[0], run(b, NOW + 2 * HOUR), skips[1])
        assert await told(store) == [("overlap", 1, 3, 2)]

    async def test_gaps_before_an_execution_join_the_row_before_them(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 3 * HOUR, unrun=(overlap(2),)))
        assert await told(store) == [("overlap", 1, 2, 2), ("running", 3, 3, 1)]

    async def test_a_gap_older_than_the_newest_row_is_a_row_of_its_own(self, store: Store) -> None:
        """A one-off whose moment was over when it was declared."""
        new = await stored(store)
        await record(store, undone(new, overlap(5)))
        await record(store, undone(new, overlap(2)))
        assert await told(store) == [("overlap", 2, 2, 1), ("overlap", 5, 5, 1)]

    async def test_a_slot_that_is_in_the_history_already_is_not_counted_twice(self, store: Store) -> None:
        """The same one-off, expired, declared anew."""
        new = await stored(store)
        for _ in range(2):
            await record(store, undone(new, overlap(2)))
        assert await told(store) == [("overlap", 2, 2, 1)]

    async def test_slots_ahead_that_were_sent_keep_their_rows_and_part_the_others(self, store: Store) -> None:
        new = await stored(store)
        hourly = Interval(HOUR, NOW - 9 * HOUR)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1), run(new, NOW + 3 * HOUR), run(new, NOW + 4 * HOUR))
        await claim(store, run(new, NOW + 9 * HOUR))
        await record(store, undone(new, replace(overlap(2, 4), schedule=hourly)))
        await record(store, undone(new, replace(overlap(5), schedule=hourly)))
        whole = (replace(overlap(6), schedule=hourly), replace(overlap(7, 11, reason=Reason.PAUSED), schedule=hourly))
        await record(store, undone(new, *whole))
        assert await told(store) == [
            ("overlap", 1, 2, 2),
            ("running", 3, 3, 1),
            ("running", 4, 4, 1),
            ("overlap", 5, 6, 2),
            ("paused", 7, 8, 2),
            ("running", 9, 9, 1),
            ("paused", 10, 11, 2),
        ]

    async def test_gaps_after_a_moment_are_forgotten_and_the_one_before_it_is_found(self, store: Store) -> None:
        new = await stored(store)
        other = await stored(store, "b")
        claims = [
            skip(new, NOW + HOUR, NOW + 3 * HOUR, 3),
            run(new, NOW + 4 * HOUR),
            skip(new, NOW + 5 * HOUR, NOW + 6 * HOUR, 2),
        ]
        await claim(store, *claims, skip(other, NOW + 5 * HOUR, NOW + 5 * HOUR, 1))

        def last(connection: sa.Connection, until: datetime, reason: Reason | None = None) -> Unrun | None:
            return unrun_rows.last_unrun(connection, "a", until, reason)[1]

        assert await store.read(partial(last, until=NOW + 2 * HOUR)) == overlap(1, 3)
        assert await store.read(partial(last, until=NOW + 4 * HOUR)) is None
        assert await store.read(partial(last, until=NOW + 9 * HOUR, reason=Reason.OVERLAP)) == overlap(5, 6)
        assert await store.read(partial(last, until=NOW + 9 * HOUR, reason=Reason.PAUSED)) is None
        await store.write(partial(unrun_rows.forget_unrun, job_id="a", after=NOW + 2 * HOUR))
        assert await told(store) == [("overlap", 1, 3, 3), ("running", 4, 4, 1)]
        assert await told(store, "b") == [("overlap", 5, 5, 1)]

    async def test_nothing_is_undone(self, store: Store) -> None:
        new = await stored(store)
        await record(store)
        await record(store, undone(new), undone(new, is_followed=True))
        assert await history(store) == []


class TestEnds:
    async def test_finish_writes_what_came_of_it(self, store: Store) -> None:
        new = await stored(store)
        one, two = run(new, NOW + HOUR), run(new, NOW + 2 * HOUR)
        await claim(store, one, two)
        assert one.execution is not None
        outcome = Outcome(503, Failure.HTTP_ERROR, "it said 503", 4, "oops")
        end = Finish(one.execution.execution_id, Status.FAILED, NOW + 1.05 * HOUR, NOW + 1.1 * HOUR, 3, outcome)
        await store.write(partial(claim_rows.finish, finishes=[end]))
        first, second = await history(store)
        assert (first.started_at, second.started_at) == (NOW + 1.05 * HOUR, two.execution and two.execution.started_at)
        assert (first.status, first.attempts, first.http_status, first.response_size) == (Status.FAILED, 3, 503, 4)
        assert (first.error, first.excerpt, first.completed_at) == ("it said 503", "oops", NOW + 1.1 * HOUR)
        assert (second.status, second.completed_at) == (Status.RUNNING, None)

    async def test_finishing_nothing_is_fine(self, store: Store) -> None:
        await store.write(partial(claim_rows.finish, finishes=[]))

    async def test_what_is_running_is_interrupted_and_nothing_else(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + hours * HOUR) for hours in (1, 2, 3)]
        await claim(store, *claims)
        assert claims[0].execution is not None
        end = Finish(claims[0].execution.execution_id, Status.COMPLETED, NOW, NOW + 1.1 * HOUR, 1, Outcome(200))
        await store.write(partial(claim_rows.finish, finishes=[end]))
        ids = [row.execution_id for row in await store.read(execution_rows.running)]
        assert ids == [one.execution.execution_id for one in claims[1:] if one.execution]
        close = partial(claim_rows.interrupt, execution_ids=ids, reason=Reason.CRASH, now=NOW + 9 * HOUR)
        await store.write(close)
        assert await store.read(execution_rows.running) == []
        rows = [(row.status, row.reason) for row in await history(store)]
        assert rows == [
            (Status.COMPLETED, None),
            (Status.INTERRUPTED, Reason.CRASH),
            (Status.INTERRUPTED, Reason.CRASH),
        ]

    async def test_a_further_attempt_is_counted_on_those_named(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + hours * HOUR) for hours in (1, 2)]
        await claim(store, *claims)
        ids = [one.execution.execution_id for one in claims if one.execution]
        for _ in range(2):
            await store.write(partial(claim_rows.count_attempt, execution_ids=ids[1:]))
        assert [(row.attempts, row.status) for row in await history(store)] == [
            (0, Status.RUNNING),
            (2, Status.RUNNING),
        ]

    async def test_what_was_running_can_be_executed_again_as_it_was_claimed(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + HOUR), run(new, NOW + HOUR, kind=Kind.MANUAL)]
        await claim(store, *claims)
        rows = await store.read(execution_rows.running)
        assert [row.execution() for row in sorted(rows, key=lambda row: row.kind, reverse=True)] == [
            one.execution for one in claims
        ]

    async def test_a_job_names_the_latest_execution_that_was_sent(self, store: Store) -> None:
        new = await stored(store)
        sent = run(new, NOW + HOUR)
        await claim(store, sent, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1))
        assert sent.execution is not None
        assert (await found(store)).last_execution_id == sent.execution.execution_id
        rows = await store.read(partial(execution_rows.by_ids, execution_ids=[sent.execution.execution_id, "unknown"]))
        assert [row.execution() for row in rows] == [sent.execution]


class TestWriter:
    async def test_what_waits_is_committed_together(self, store: Store) -> None:
        commits = count()
        sa.event.listen(store._writer._engine, "commit", lambda _connection: next(commits))
        is_held, may_go = threading.Event(), threading.Event()

        def hold(_connection: sa.Connection) -> None:
            is_held.set()
            may_go.wait(10)

        async with asyncio.TaskGroup() as group:
            group.create_task(store.write(hold))
            await asyncio.to_thread(is_held.wait, 10)
            for number in range(100):
                group.create_task(stored(store, f"job-{number}"))
            await asyncio.sleep(0)  # all 100 have asked
            may_go.set()
        assert next(commits) == 2
        assert len(await store.read(job_rows.all_jobs)) == 100

    async def test_a_failing_piece_undoes_itself_alone(self, store: Store) -> None:
        def fail(connection: sa.Connection) -> None:
            job_rows.insert_jobs(connection, [job("broken", NOW)])
            raise ZeroDivisionError

        results = await asyncio.gather(
            stored(store, "a"), store.write(fail), stored(store, "b"), return_exceptions=True
        )
        assert [type(result) for result in results] == [Job, ZeroDivisionError, Job]
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a", "b"]

    async def test_a_statement_that_fails_undoes_itself_alone(self, store: Store) -> None:
        await stored(store, "a")
        results = await asyncio.gather(
            stored(store, "b"), stored(store, "a"), stored(store, "c"), return_exceptions=True
        )
        assert [type(result) for result in results] == [Job, sa.exc.IntegrityError, Job]
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a", "b", "c"]

    async def test_an_error_shows_no_values(self, store: Store) -> None:
        secret = job("a", NOW, headers={"Authorization": "Bearer hunter2"})
        await stored(store, "a")
        with pytest.raises(sa.exc.IntegrityError) as caught:
            await store.write(partial(job_rows.insert_jobs, new=[secret]))
        assert "hunter2" not in str(caught.value)

    async def test_a_caller_who_left_does_not_stop_it(self, store: Store) -> None:
        leaving = asyncio.create_task(stored(store, "a"))
        await asyncio.sleep(0)
        leaving.cancel()
        await stored(store, "b")
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a", "b"]

    async def test_readers_go_on_beside_a_write(self, store: Store) -> None:
        await stored(store, "a")
        is_held, may_go = threading.Event(), threading.Event()

        def hold(connection: sa.Connection) -> None:
            job_rows.insert_jobs(connection, [job("b", NOW)])
            is_held.set()
            may_go.wait(10)

        writing = asyncio.create_task(store.write(hold))
        await asyncio.to_thread(is_held.wait, 10)
        async with asyncio.timeout(5):
            seen = await store.read(job_rows.all_jobs)
        may_go.set()
        await writing
        assert [one.job_id for one in seen] == ["a"]


class TestTrouble:
    async def test_a_full_database_refuses_writes_still_reads_and_heals(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts:
            await stored(parts.store, "a")
            parts.fill()
            many = [job(f"job-{number}", NOW, body="x" * 1000) for number in range(100)]
            with pytest.raises(StoreUnavailableError, match="full"):
                await parts.store.write(partial(job_rows.insert_jobs, new=many))
            assert set(await parts.jobs()) == {"a"}
            parts.make_room()
            await parts.store.write(partial(job_rows.insert_jobs, new=many))
            assert len(await parts.jobs()) == 101

    async def test_one_too_large_piece_does_not_take_the_others_with_it(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts:
            await stored(parts.store, "a")
            await parts.store.write(partial(job_rows.delete_jobs, job_ids=["a"]))
            parts.fill()
            huge = job("huge", NOW, body="x" * 1_000_000)
            results = await asyncio.gather(
                stored(parts.store, "a"),
                parts.store.write(partial(job_rows.insert_jobs, new=[huge])),
                return_exceptions=True,
            )
            assert [type(result) for result in results] == [Job, StoreUnavailableError]

    async def test_a_locked_database_fails_all_that_waits_at_once(self, tmp_path: Path) -> None:
        url = sqlite_url(tmp_path)
        with open_store(url) as store, sqlite3.connect(tmp_path / "jobs.db", isolation_level=None) as other:
            await store.write(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 300").close())
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            results = await asyncio.gather(
                *(stored(store, f"job-{number}") for number in range(50)), return_exceptions=True
            )
            assert {type(result) for result in results} == {StoreUnavailableError}
            assert all(str(result).startswith("database is locked (another program") for result in results)
            assert time.monotonic() - began < 10 * 0.3
            other.execute("ROLLBACK")
            await stored(store, "a")
        other.close()

    async def test_a_damaged_file_is_unavailable(self, tmp_path: Path) -> None:
        url = sqlite_url(tmp_path)
        with open_store(url) as store, store._engine.connect() as connection:
            pages = connection.exec_driver_sql(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('jobs', 'progress')"
            )
            places = [(page - 1) * 4096 for (page,) in pages]
        with (tmp_path / "jobs.db").open("r+b") as file:
            for place in places:
                file.seek(place)
                file.write(b"\xff" * 4096)
        with open_store(url) as store:
            for door in (store.read, store.write):
                with pytest.raises(StoreUnavailableError, match=r"^database disk image is malformed \("):
                    await door(job_rows.all_jobs)


SCHEMA = """
SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull::text, collname
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_collation ON pg_collation.oid = attcollation
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND relname <> 'alembic_version'
UNION ALL
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 'alembic_version'::regclass
UNION ALL
SELECT tablename, indexname, indexdef, '', ''
FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
ORDER BY 1, 2, 3
"""


class TestPostgresql:
    @pytest.fixture
    def url(self, postgres: Database) -> str:
        return postgres.url

    def test_migrated_columns_constraints_and_indexes_are_those_of_the_tables(
        self, store: Store, postgres: Database
    ) -> None:
        """What `compare_metadata` doesn't look at: collations and the condition of an index, for two."""
        migrated = postgres.ask(SCHEMA)
        with store._writer._engine.begin() as connection:
            tables.metadata.drop_all(connection)
            tables.metadata.create_all(connection)
        assert migrated == postgres.ask(SCHEMA)
        assert {row[4] for row in migrated if row[1].endswith(("job_id", "execution_id"))} == {"C"}

    @pytest.mark.parametrize("is_writer", [True, False])
    def test_settings_of_a_session(self, store: Store, is_writer: bool) -> None:
        with (store._writer._engine if is_writer else store._engine).connect() as connection:
            for name, value in {
                "synchronous_commit": "on",
                "transaction_read_only": "off" if is_writer else "on",
                "transaction_isolation": "read committed" if is_writer else "repeatable read",
                "lock_timeout": "5s",
                "statement_timeout": "30s",
                "idle_in_transaction_session_timeout": "30s",
                "tcp_keepalives_idle": "4",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "2",
            }.items():
                assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value, name

    def test_a_commit_waits_for_the_disk_whatever_the_database_says(self, postgres: Database) -> None:
        postgres.ask(f"ALTER DATABASE {postgres.name} SET synchronous_commit = off")
        with open_store(postgres.url) as store, store._writer._engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"

    def test_a_start_waits_for_the_service_before_it(self, postgres: Database) -> None:
        holder = taken(postgres)
        timer = threading.Timer(0.7, holder.close)
        timer.start()
        with open_store(postgres.url):
            assert holder.closed
        timer.join()

    def test_another_schema_is_another_database(self, postgres: Database) -> None:
        postgres.ask("CREATE SCHEMA other")
        with open_store(postgres.url), open_store(f"{postgres.url}?options=-csearch_path%3Dother") as store:
            assert sa.inspect(store._engine).default_schema_name == "other"
        assert postgres.ask("SELECT schemaname FROM pg_tables WHERE tablename = 'jobs' ORDER BY 1") == [
            ("other",),
            ("public",),
        ]

    async def test_lost_connections_are_made_anew_with_the_lock(self, store: Store, postgres: Database) -> None:
        await stored(store, "a")
        await store.read(job_rows.all_jobs)
        assert postgres.hang_up() == 2
        await stored(store, "b")
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a", "b"]
        assert locks(postgres) == 1

    async def test_a_connection_that_is_lost_in_the_middle(self, store: Store, postgres: Database) -> None:
        def fall(connection: sa.Connection) -> None:
            job_rows.insert_jobs(connection, [job("a", NOW)])
            postgres.hang_up()
            job_rows.insert_jobs(connection, [job("b", NOW)])

        with pytest.raises(StoreUnavailableError) as caught:
            await store.write(fall)
        assert "\n" not in str(caught.value)
        with pytest.raises(StoreUnavailableError):
            await store.read(lambda connection: (postgres.hang_up(), job_rows.all_jobs(connection)))
        assert await store.read(job_rows.all_jobs) == []
        await stored(store, "a")
        assert locks(postgres) == 1

    async def test_nothing_is_written_once_another_service_has_the_lock(self, store: Store, postgres: Database) -> None:
        await stored(store, "a")
        postgres.hang_up()
        with taken(postgres):
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="another myscheduler is using the database") as caught:
                    await stored(store, "b")
                assert PASSWORD not in str(caught.value)
            assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a"]
        await stored(store, "b")
        assert locks(postgres) == 1

    async def test_a_locked_table_fails_all_that_waits_at_once(self, store: Store, postgres: Database) -> None:
        def hurry(connection: sa.Connection) -> None:
            connection.exec_driver_sql("SET lock_timeout = '300ms'")

        await store.write(hurry)
        with postgres.connect() as other, other.transaction():
            other.execute("LOCK TABLE jobs")
            began = time.monotonic()
            results = await asyncio.gather(
                *(stored(store, f"job-{number}") for number in range(50)), return_exceptions=True
            )
            assert {(type(result), str(result)) for result in results} == {
                (StoreUnavailableError, "canceling statement due to lock timeout")
            }
            assert time.monotonic() - began < 10 * 0.3
        await stored(store, "a")

    async def test_a_full_disk_does_not_take_smaller_pieces_with_it(self, store: Store) -> None:
        def overfill(connection: sa.Connection) -> None:
            connection.exec_driver_sql("DO 'BEGIN RAISE ''no room'' USING ERRCODE = ''disk_full''; END'")

        results = await asyncio.gather(
            stored(store, "a"), store.write(overfill), stored(store, "b"), return_exceptions=True
        )
        assert [type(result) for result in results] == [Job, StoreUnavailableError, Job]

    async def test_a_server_that_is_gone(self, store: Store, postgres: Database) -> None:
        """As far as the service can see: the database refuses everyone."""
        await stored(store, "a")
        await store.read(job_rows.all_jobs)
        administration = Database(postgres.port, "postgres")
        with postgres.connect() as last:
            administration.ask(f"ALTER DATABASE {postgres.name} ALLOW_CONNECTIONS false")
            last.execute(HANG_UP)
        for door in (store.read, store.write):
            with pytest.raises(StoreUnavailableError, match="not currently accepting connections") as caught:
                await door(job_rows.all_jobs)
            assert "\n" not in str(caught.value)
        administration.ask(f"ALTER DATABASE {postgres.name} ALLOW_CONNECTIONS true")
        for door in (store.read, store.write):
            assert len(await door(job_rows.all_jobs)) == 1

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            pytest.param({"password": "wrong-hunter2"}, "password authentication failed", id="wrong password"),
            pytest.param({"database": "nowhere"}, 'database "nowhere" does not exist', id="unknown database"),
            pytest.param({"port": 1}, "refused", id="nobody listens"),
            pytest.param({"host": "no.such.host.invalid"}, "no.such.host.invalid", id="unknown host"),
            pytest.param({"query": {"nonsense": "1"}}, "nonsense", id="unknown option"),
        ],
    )
    def test_a_database_that_cannot_be_reached(self, postgres: Database, change: dict[str, Any], says: str) -> None:
        url = sa.make_url(postgres.url).set(**change).render_as_string(hide_password=False)
        with pytest.raises(StoreError, match=f"can't be used: .*{says}") as caught, open_store(url):
            pass
        said = str(caught.value)
        assert "\n" not in said
        assert not any(word in said for word in (PASSWORD, QUOTED_PASSWORD, "hunter2"))

    def test_a_password_among_the_options_is_not_shown(self, postgres: Database) -> None:
        url = f"postgresql://127.0.0.1:{postgres.port}/nowhere?user=postgres&password=hunter2"
        with pytest.raises(StoreError) as caught, open_store(url):
            pass
        assert "hunter2" not in str(caught.value)

    def test_a_user_who_may_not_make_tables(self, postgres: Database) -> None:
        postgres.ask("REVOKE CREATE ON SCHEMA public FROM public")
        role = f"{postgres.name}_guest"
        postgres.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'")
        url = sa.make_url(postgres.url).set(username=role, password="guest").render_as_string(hide_password=False)
        with pytest.raises(StoreError, match="can't be used: permission denied for schema public"), open_store(url):
            pass
        postgres.ask(f"DROP ROLE {role}")

    def test_without_its_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(StoreError, match=r"pip install 'psycopg\[binary\]'"), open_store("postgresql://x/y"):
            pass


def taken(database: Database) -> psycopg.Connection[Any]:
    """A connection that holds the lock, as that of another service."""
    connection = database.connect()
    got = connection.execute("SELECT pg_try_advisory_lock(1297699651, hashtext('public'))").fetchone()
    assert got == (True,)
    return connection


def locks(database: Database) -> int:
    """How many sessions hold the lock."""
    (row,) = database.ask(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND classid = 1297699651 AND granted AND datname = current_database()"
    )
    return int(row[0])


async def test_no_statement_carries_the_values_of_a_whole_fleet(store: Store) -> None:
    """They would all be in memory at once, several times over."""
    fleet = [job(f"job-{number:04}", NOW) for number in range(2 * job_rows.CHUNK + 1)]
    entries = (AuditEntry(NOW, "a", AuditAction.CREATED, one.job_id) for one in fleet)
    carried: list[int] = []

    def look(_connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, is_many: bool) -> None:
        carried.append(len(parameters) if is_many else 1)

    def work(connection: sa.Connection) -> None:
        sa.event.listen(connection, "before_cursor_execute", look)
        job_rows.insert_jobs(connection, fleet)
        job_rows.update_jobs(connection, fleet)
        audit_rows.add(connection, entries)
        sa.event.remove(connection, "before_cursor_execute", look)

    await store.write(work)
    assert max(carried) == job_rows.CHUNK
    assert sum(carried) == 5 * len(fleet)
    assert len(await store.read(job_rows.all_jobs)) == len(fleet)
