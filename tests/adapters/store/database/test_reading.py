"""Readers see one state of the database, and go on beside a write."""

import asyncio
import threading

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import jobs as job_rows
from tests.support.parts import job
from tests.support.patience import PATIENCE
from tests.support.stored import NOW, stored

pytestmark = pytest.mark.anyio


async def test_a_reader_sees_one_state(store: Store) -> None:
    loop = asyncio.get_running_loop()

    def look_twice(connection: sa.Connection) -> list[int]:
        before = len(job_rows.all_jobs(connection))
        asyncio.run_coroutine_threadsafe(stored(store), loop).result(PATIENCE)
        return [before, len(job_rows.all_jobs(connection))]

    assert await store.read(look_twice) == [0, 0]
    assert len(await store.read(job_rows.all_jobs)) == 1


async def test_readers_go_on_beside_a_write(store: Store) -> None:
    await stored(store, "a")
    is_held, may_go = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        job_rows.insert_jobs(connection, [job("b", NOW)])
        is_held.set()
        may_go.wait(2 * PATIENCE)

    writing = asyncio.create_task(store.write(hold))
    await asyncio.to_thread(is_held.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        seen = await store.read(job_rows.all_jobs)
    may_go.set()
    await writing
    assert [one.job_id for one in seen] == ["a"]
