"""Strips that are kept are those of the history."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest

from myscheduler.adapters.store import Store, open_store
from myscheduler.adapters.store.rows.listed import Brief
from myscheduler.api.listing import strips as strips_module
from myscheduler.api.listing.strips import Strips
from myscheduler.api.shapes.stats import StatsViews, StripView
from myscheduler.core.history.execution import Status
from myscheduler.service.changes import KEPT, Changes
from tests.support.stored import HOUR, NOW, claim, ended, found, run, sqlite_url

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    with open_store(sqlite_url(tmp_path)) as opened:
        await ended(opened, "a", Status.COMPLETED)
        await ended(opened, "b", Status.FAILED, Status.COMPLETED)
        yield opened


@pytest.fixture
def changes() -> Changes:
    return Changes(NOW)


@pytest.fixture
def strips(store: Store, changes: Changes) -> Strips:
    return Strips(store, changes, StatsViews("UTC"))


async def counts(strips: Strips, *job_ids: str, limit: int = 5) -> dict[str, int]:
    answer = orjson.loads(await strips.read(job_ids, limit))
    assert answer["count"] == len(job_ids)
    assert [one["job_id"] for one in answer["strips"]] == list(job_ids)
    return {one["job_id"]: len(one["results"]) for one in answer["strips"]}


async def again(store: Store, job_id: str) -> None:
    assert await claim(store, run(await found(store, job_id), NOW + 9 * HOUR)) == [True]


async def test_each_job_and_number_for_itself(strips: Strips) -> None:
    assert await counts(strips, "b", "a", "none") == {"b": 2, "a": 1, "none": 0}
    assert await counts(strips, "a", "b", limit=1) == {"a": 1, "b": 1}
    assert await counts(strips, "none", "b") == {"none": 0, "b": 2}


async def test_a_job_that_ran_is_read_again(strips: Strips, store: Store, changes: Changes) -> None:
    await counts(strips, "a", "b")
    await again(store, "a")
    await again(store, "b")
    changes.of_executions(["a"], [], wrong=[])
    assert await counts(strips, "a", "b") == {"a": 2, "b": 2}
    changes.of_executions(["b"], [], wrong=[])
    assert await counts(strips, "b") == {"b": 3}


async def test_what_ran_while_it_was_read_is_not_kept(store: Store, changes: Changes) -> None:
    class Meanwhile(StatsViews):
        def strip(self, job_id: str, rows: Sequence[Brief]) -> StripView:
            changes.of_jobs([job_id])
            return super().strip(job_id, rows)

    strips = Strips(store, changes, Meanwhile("UTC"))
    await counts(strips, "a")
    await again(store, "a")
    assert await counts(strips, "a") == {"a": 2}


async def test_all_are_read_again_after_too_many_changes_and_after_a_while(
    strips: Strips, store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await counts(strips, "a", "b")
    await again(store, "a")
    assert await counts(strips, "a") == {"a": 1}
    changes.of_jobs(map(str, range(KEPT)))
    assert await counts(strips, "a") == {"a": 2}
    await again(store, "b")
    monkeypatch.setattr(strips_module, "KEPT_SEC", 0.0)
    assert await counts(strips, "b") == {"b": 3}


async def test_no_more_bytes_are_kept_than_allowed(
    strips: Strips, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips_module, "KEPT_BYTES", 400)
    assert await counts(strips, "a", "b") == {"a": 1, "b": 2}
    await again(store, "a")
    await again(store, "b")
    assert await counts(strips, "a", "b") == {"a": 2, "b": 2}  # the newest one is kept
