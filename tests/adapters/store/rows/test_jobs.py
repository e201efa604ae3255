"""Jobs as rows: they come back as they were, in the order of their ids, and a fleet is written in pieces."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Finish, Status
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from tests.support.parts import job
from tests.support.stored import HOUR, NOW, claim, found, history, run, stored

pytestmark = pytest.mark.anyio


async def test_times_numbers_and_text_come_back_as_they_were(store: Store) -> None:
    moment = NOW + timedelta(microseconds=123_457)
    new = job("週次.レポート", moment, name="日本語 🗓️ 'quoted' \\ %s :name", body={"big": 10**30, "small": 0.1})
    await store.write(partial(job_rows.insert_jobs, new=[new]))
    assert await found(store, new.job_id) == new
    one = run(new, moment + HOUR)
    await claim(store, one)
    assert one.execution is not None
    outcome = Outcome(200, None, None, 2**53, "本文 🎌 \ufffd \u2028 end")
    ended = Finish(one.execution.execution_id, Status.COMPLETED, one.execution.started_at, moment + HOUR, 1, outcome)
    await store.write(partial(claim_rows.finish, finishes=[ended]))
    (row,) = await history(store, new.job_id)
    assert (row.slot, row.completed_at) == (moment + HOUR, moment + HOUR)
    assert (row.response_size, row.excerpt) == (outcome.response_size, outcome.excerpt)


async def test_ids_are_sorted_by_code_point(store: Store) -> None:
    names = ["a", "B", "a-b", "ab", "_", "Z", "é", "z", "あ", "1", "A.b"]
    for name in names:
        await stored(store, name)
    assert [one.job_id for one in await store.read(job_rows.all_jobs)] == sorted(names)


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
