"""The one writer: what waits is committed together, and what fails undoes itself alone."""

import asyncio
import threading
from functools import partial
from itertools import count

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.job.job import Job
from tests.support.parts import job
from tests.support.patience import PATIENCE
from tests.support.stored import NOW, stored

pytestmark = pytest.mark.anyio


class TestWriter:
    async def test_what_waits_is_committed_together(self, store: Store) -> None:
        commits = count()
        sa.event.listen(store._writer._engine, "commit", lambda _connection: next(commits))
        is_held, may_go = threading.Event(), threading.Event()

        def hold(_connection: sa.Connection) -> None:
            is_held.set()
            may_go.wait(2 * PATIENCE)

        async with asyncio.TaskGroup() as group:
            group.create_task(store.write(hold))
            await asyncio.to_thread(is_held.wait, PATIENCE)
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
