"""The newest results of jobs, in databases of each kind."""

from functools import partial

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import standings as standing_rows
from myscheduler.adapters.store.rows.standings import LastResults
from myscheduler.core.history.execution import Status
from tests.support.parts import job
from tests.support.stored import HOUR, NOW, ended

pytestmark = pytest.mark.anyio

GOOD, BAD, CUT, NOW_ON = Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.RUNNING


async def results(store: Store, *job_ids: str) -> dict[str, LastResults]:
    return await store.read(partial(standing_rows.last_results, job_ids=job_ids))


@pytest.mark.parametrize(
    ("statuses", "success", "failure", "last", "failures"),
    [
        pytest.param((), None, None, None, 0, id="never ran"),
        pytest.param((GOOD,), 0, None, 0, 0, id="one success"),
        pytest.param((BAD, BAD), None, 1, 1, 2, id="never completed"),
        pytest.param((BAD, GOOD, BAD, BAD, NOW_ON), 1, 3, 3, 2, id="failing again"),
        pytest.param((BAD, GOOD, CUT), 1, 2, 1, 0, id="interrupted after a success"),
        pytest.param((GOOD, BAD, CUT, BAD), 0, 3, 3, 2, id="an interrupted one neither counts nor ends it"),
    ],
)
async def test_the_newest_results(
    store: Store,
    statuses: tuple[Status, ...],
    success: int | None,
    failure: int | None,
    last: int | None,
    failures: int,
) -> None:
    """`success`, `failure` and `last` are the places of the executions that the results are of."""
    ids = await ended(store, "a", *statuses)
    rows = {row.execution_id: row for row in await store.read(partial(execution_rows.by_ids, execution_ids=ids))}

    def completed_at(place: int | None) -> object:
        return None if place is None else rows[ids[place]].completed_at

    duration = None
    if last is not None:
        row = rows[ids[last]]
        assert row.started_at
        assert row.completed_at
        duration = (row.completed_at - row.started_at).total_seconds()
    expected = LastResults(completed_at(success), completed_at(failure), duration, failures)  # type: ignore[arg-type]
    assert await results(store, "a") == {"a": expected}


async def test_many_jobs_and_those_that_do_not_exist(store: Store) -> None:
    await ended(store, "a", BAD)
    await ended(store, "b", GOOD)
    found = await results(store, "a", "b", "c")
    assert {job_id: one.consecutive_failures for job_id, one in found.items()} == {"a": 1, "b": 0}
    assert await results(store) == {}


async def test_an_old_failure_is_not_searched_for_ever(store: Store) -> None:
    await ended(store, "a", BAD, *[GOOD] * standing_rows.RECENT)
    assert (await results(store, "a"))["a"].last_failure is None


async def test_another_job_with_the_same_id_begins_anew(store: Store) -> None:
    await ended(store, "a", GOOD, BAD)
    await store.write(partial(job_rows.delete_jobs, job_ids=["a"]))
    assert await results(store, "a") == {}
    await store.write(partial(job_rows.insert_jobs, new=[job("a", NOW + 9 * HOUR)]))
    assert await results(store, "a") == {"a": LastResults(None, None, None, 0)}
