"""The database on real SQLite: its schema, its claims, its writer, and what is said when it can't be used."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from myscheduler.adapters.store import Store, execution_rows, job_rows, open_store, tables
from myscheduler.adapters.store.execution_rows import new_execution_id
from myscheduler.core.admission import Gap, Reason
from myscheduler.core.claim import Claim
from myscheduler.core.execution import Cause, Execution, Failure, Finish, Kind, Outcome, Status
from myscheduler.core.job import Job
from myscheduler.errors import StoreError, StoreUnavailableError
from tests.parts import job, opened

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened_store:
        yield opened_store


async def stored(store: Store, job_id: str = "a") -> Job:
    new = job(job_id, NOW)
    await store.write(partial(job_rows.insert_jobs, new=[new]))
    return new


async def found(store: Store, job_id: str = "a") -> Job:
    return (await store.read(partial(job_rows.find_jobs, job_ids=[job_id])))[job_id]


async def history(store: Store, job_id: str = "a") -> list[execution_rows.Record]:
    """Oldest first."""
    return (await store.read(partial(execution_rows.of_job, job_id=job_id, limit=100)))[::-1]


async def claim(store: Store, *claims: Claim) -> list[bool]:
    return await store.write(partial(execution_rows.claim, claims=claims))


def run(of: Job, slot: datetime, *, kind: Kind = Kind.SCHEDULED, gaps: tuple[Gap, ...] = ()) -> Claim:
    execution = Execution(new_execution_id(slot), of.job_id, slot, kind, Cause.TIMER, of.digest, None, slot)
    if kind is Kind.MANUAL:
        return Claim(of.job_id, of.version, of.digest, None, execution=execution)
    return Claim(of.job_id, of.version, of.digest, None, gaps, execution, slot, slot + HOUR)


def skip(of: Job, first: datetime, last: datetime, slots: int, reason: Reason = Reason.OVERLAP) -> Claim:
    gap = Gap(Status.SKIPPED, reason, first, last, slots)
    return Claim(of.job_id, of.version, of.digest, None, (gap,), None, last, last + HOUR)


class TestOpening:
    def test_the_folder_is_made_and_the_second_opening_finds_everything_in_place(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'jobs.db'}"
        for _ in range(2):
            with open_store(url) as store:
                names = set(sa.inspect(store._engine).get_table_names())
            assert names == {"jobs", "progress", "executions", "alembic_version"}

    async def test_what_was_written_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url) as store:
            new = await stored(store)
        with open_store(url) as store:
            assert await found(store) == new

    def test_migrations_and_tables_say_the_same(self, store: Store) -> None:
        with store._engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []

    def test_migrated_constraints_and_indexes_are_those_of_the_tables(self, store: Store) -> None:
        """What `compare_metadata` doesn't look at: the condition of an index, for one."""
        bare = sa.create_engine("sqlite://")
        tables.metadata.create_all(bare)
        schemas = []
        for engine in (bare, store._engine):
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(
                    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
                )
                schemas.append({name: re.sub(r"[\s\"]+", " ", sql).strip() for name, sql in rows})
        bare.dispose()
        assert schemas[0] == schemas[1]

    def test_a_commit_survives_a_power_cut(self, store: Store) -> None:
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


class TestFileInUse:
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
            pytest.param("nonsense://x/y", "not installed here", id="unknown database"),
            pytest.param("sqlite+nonsense:///x.db", "not installed here", id="unknown driver"),
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

    def test_a_file_that_is_no_database_is_left_as_it_is(self, url: str, tmp_path: Path) -> None:
        text = b"my shopping list\n" * 1000
        (tmp_path / "jobs.db").write_bytes(text)
        with pytest.raises(StoreError, match="can't be used: file is not a database"), open_store(url):
            pass
        assert (tmp_path / "jobs.db").read_bytes() == text

    def test_a_database_of_a_newer_version(self, url: str, tmp_path: Path) -> None:
        with open_store(url):
            pass
        with sqlite3.connect(tmp_path / "jobs.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        with pytest.raises(StoreError, match="another version of myscheduler"), open_store(url):
            pass

    def test_a_second_service_on_one_database(self, url: str) -> None:
        with open_store(url), pytest.raises(StoreError, match="another myscheduler is using"), open_store(url):
            pass
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
            Gap(Status.MISSED, Reason.DEADLINE, NOW + HOUR, NOW + 2 * HOUR, 2),
            Gap(Status.SKIPPED, Reason.COALESCED, NOW + 3 * HOUR, NOW + 3 * HOUR, 1),
        )
        assert await claim(store, run(new, NOW + 4 * HOUR, gaps=gaps)) == [True]
        rows = [(row.status, row.reason, row.slot_count) for row in await history(store)]
        assert rows == [
            (Status.MISSED, Reason.DEADLINE, 2),
            (Status.SKIPPED, Reason.COALESCED, 1),
            (Status.RUNNING, None, 1),
        ]


class TestEnds:
    async def test_finish_writes_what_came_of_it(self, store: Store) -> None:
        new = await stored(store)
        one, two = run(new, NOW + HOUR), run(new, NOW + 2 * HOUR)
        await claim(store, one, two)
        assert one.execution is not None
        outcome = Outcome(503, Failure.HTTP_ERROR, "it said 503", 4, "oops")
        end = Finish(one.execution.execution_id, Status.FAILED, NOW + 1.1 * HOUR, 3, outcome)
        await store.write(partial(execution_rows.finish, finishes=[end]))
        first, second = await history(store)
        assert (first.status, first.attempts, first.http_status, first.response_size) == (Status.FAILED, 3, 503, 4)
        assert (first.error, first.excerpt, first.completed_at) == ("it said 503", "oops", NOW + 1.1 * HOUR)
        assert (second.status, second.completed_at) == (Status.RUNNING, None)

    async def test_finishing_nothing_is_fine(self, store: Store) -> None:
        await store.write(partial(execution_rows.finish, finishes=[]))

    async def test_interrupt_running_closes_only_what_is_open(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + hours * HOUR) for hours in (1, 2, 3)]
        await claim(store, *claims)
        assert claims[0].execution is not None
        end = Finish(claims[0].execution.execution_id, Status.COMPLETED, NOW + 1.1 * HOUR, 1, Outcome(200))
        await store.write(partial(execution_rows.finish, finishes=[end]))
        assert await store.write(partial(execution_rows.interrupt_running, now=NOW + 9 * HOUR)) == 2
        assert await store.write(partial(execution_rows.interrupt_running, now=NOW + 9 * HOUR)) == 0
        rows = [(row.status, row.reason) for row in await history(store)]
        assert rows == [
            (Status.COMPLETED, None),
            (Status.INTERRUPTED, Reason.CRASH),
            (Status.INTERRUPTED, Reason.CRASH),
        ]

    async def test_last_of_jobs_is_the_latest_that_was_sent(self, store: Store) -> None:
        new = await stored(store)
        sent = run(new, NOW + HOUR)
        await claim(store, sent, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1))
        last = await store.read(execution_rows.last_of_jobs)
        assert sent.execution is not None
        assert {name: row.execution_id for name, row in last.items()} == {"a": sent.execution.execution_id}


class TestWriter:
    async def test_what_waits_is_committed_together(self, store: Store) -> None:
        commits = count()
        sa.event.listen(store._engine, "commit", lambda _connection: next(commits))
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
