"""What is special about SQLite: its files, its schema, and what it says when it is full, locked or damaged."""

import asyncio
import re
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store, open_store, tables
from myscheduler.adapters.store.database import sqlite
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.job.job import Job
from myscheduler.errors import StoreError, StoreUnavailableError
from tests.support.parts import job, opened
from tests.support.stored import NOW, sqlite_url, stored

pytestmark = pytest.mark.anyio


def test_a_file_system_without_a_log_is_refused(tmp_path: Path) -> None:
    """SQLite's own door to file systems without locks has no shared memory either, which the log needs."""
    says = r"can't use a write-ahead log for the database .*/jobs\.db .*: put it on a local disk"
    door = f"file:{tmp_path}/jobs.db?vfs=unix-dotfile"
    with closing(sqlite3.connect(door, uri=True)) as connection, pytest.raises(StoreError, match=says):
        sqlite._prepare(connection, None)


def _clauses(sql: str) -> list[str]:
    """What a statement of the schema says; columns that were added later stand at its end."""
    _, _, inner = re.sub(r"[\s\"]+", " ", sql).strip().partition("(")
    return [sql.split("(", maxsplit=1)[0], *sorted(part.strip(" )") for part in re.split(r",(?![^(]*\))", inner))]


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

    @pytest.mark.parametrize("made_before", [pytest.param(0, id="new"), pytest.param(4096, id="made-before")])
    def test_the_log_is_bounded_in_bytes_whatever_the_pages_are(
        self, url: str, tmp_path: Path, made_before: int
    ) -> None:
        if made_before:
            with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
                connection.execute(f"PRAGMA page_size = {made_before}")
                connection.execute("VACUUM")
        with open_store(url) as store, store._writer._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA page_size").scalar() == (made_before or sqlite.PAGE_BYTES)
            connection.exec_driver_sql("CREATE TABLE filled (content BLOB)")
            connection.commit()
            for _ in range(30):
                connection.exec_driver_sql("INSERT INTO filled VALUES (zeroblob(1000000))")
                connection.commit()
            assert sqlite.LOG_BYTES // 2 < sqlite.log_size(tmp_path / "jobs.db") < sqlite.LOG_BYTES + 2 * 1024**2

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
            await store.write(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 1000").close())
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            results = await asyncio.gather(
                *(stored(store, f"job-{number}") for number in range(50)), return_exceptions=True
            )
            assert {type(result) for result in results} == {StoreUnavailableError}
            assert all(str(result).startswith("database is locked (another program") for result in results)
            assert time.monotonic() - began < 10 * 1.0
            other.execute("ROLLBACK")
            await stored(store, "a")
        other.close()

    async def test_a_damaged_file_is_unavailable(self, tmp_path: Path) -> None:
        url = sqlite_url(tmp_path)
        with open_store(url) as store, store._engine.connect() as connection:
            pages = connection.exec_driver_sql(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('jobs', 'progress')"
            )
            places = [(page - 1) * sqlite.PAGE_BYTES for (page,) in pages]
        with (tmp_path / "jobs.db").open("r+b") as file:
            for place in places:
                file.seek(place)
                file.write(b"\xff" * sqlite.PAGE_BYTES)
        with open_store(url) as store:
            for door in (store.read, store.write):
                with pytest.raises(StoreUnavailableError, match=r"^database disk image is malformed \("):
                    await door(job_rows.all_jobs)
