"""What is remembered of jobs for filters and orders is what the database says."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from myscheduler.adapters.store import Store, open_store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.job_queries import JobQuery, LastResult, Sort
from myscheduler.api.listing import index as index_module
from myscheduler.api.listing import known_jobs
from myscheduler.api.listing.index import Found, JobIndex
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.execution import Finish, Status
from myscheduler.core.job.job import Job, JobState
from myscheduler.core.job.selection import LabelFilter, Selection
from myscheduler.core.lifecycle import transitions
from myscheduler.service.changes import KEPT, Changes
from tests.support.parts import job
from tests.support.stored import HOUR, NOW, claim, found, run, sqlite_url

pytestmark = pytest.mark.anyio
ZONE = "Asia/Tokyo"
FILTERS: tuple[dict[str, Any], ...] = (
    {}, {"status": JobState.PAUSED}, {"status": JobState.RUNNING}, {"paused": False}, {"text": "job-1"},
    {"labels": [LabelFilter("team", "b")]}, {"last_result": LastResult.NONE}, {"last_result": LastResult.SUCCESS},
    {"last_result": LastResult.FAILURE}, {"failing": True}, {"failing": False}, {"held": True},
)  # fmt: skip
QUERIES = [JobQuery(sort=sort, limit=50, **one) for sort in Sort for one in FILTERS]


class World:
    """Jobs that change at random; each change is noted as the service notes it."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.changes = Changes(NOW)
        self.chance = Random(seed)  # noqa: S311 - no secret
        self.ids: list[str] = []
        self.running: list[tuple[str, str]] = []
        self.turn = 0

    async def step(self) -> None:
        self.turn += 1
        acts = [self.create] if not self.ids else [self.create, self.remove, self.pause, self.edit, *[self.begin] * 3]
        await self.chance.choice([*acts, *[self.end] * (3 if self.running else 0)])()

    async def create(self) -> None:
        self.turn += 1
        free = [one for one in (f"job-{number}" for number in range(30)) if one not in self.ids]
        new = job(self.chance.choice(free), NOW + self.turn * HOUR, labels={"team": "a"})
        await self.store.write(partial(job_rows.insert_jobs, new=[new]))
        self.ids.append(new.job_id)
        self.changes.of_catalog([new.job_id])

    async def remove(self) -> None:
        gone = self.ids.pop(self.chance.randrange(len(self.ids)))
        await self.store.write(partial(job_rows.delete_jobs, job_ids=[gone]))
        self.changes.of_catalog([gone])

    async def pause(self) -> None:
        one = await found(self.store, self.chance.choice(self.ids))
        now = NOW + self.turn * HOUR
        await self._update(transitions.pause(one, by="me", now=now, until=now + self.chance.randint(1, 9) * HOUR).job)

    async def edit(self) -> None:
        one = await found(self.store, self.chance.choice(self.ids))
        spec = replace(one.spec, labels={"team": self.chance.choice("ab")})
        await self._update(replace(one, spec=spec, version=one.version + 1))

    async def begin(self) -> None:
        one = await found(self.store, self.chance.choice(self.ids))
        if one.is_paused:
            return
        begun = run(one, NOW + self.turn * HOUR)
        assert await claim(self.store, begun) == [True]
        assert begun.execution is not None
        self.running.append((one.job_id, begun.execution.execution_id))
        self.changes.of_executions([one.job_id], [begun.execution.execution_id], wrong=[])

    async def end(self) -> None:
        job_id, execution_id = self.running.pop(self.chance.randrange(len(self.running)))
        has_failed, now = self.chance.random() < 0.5, NOW + self.turn * HOUR
        status = Status.FAILED if has_failed else Status.COMPLETED
        outcome = Outcome(failure=Failure.HTTP_ERROR if has_failed else None)
        finish = Finish(execution_id, status, now, now, 1, outcome)
        await self.store.write(partial(claim_rows.finish, finishes=[finish]))
        self.changes.of_executions([job_id], [execution_id], wrong=[job_id] if has_failed else [])

    async def _update(self, changed: Job) -> None:
        await self.store.write(partial(job_rows.update_jobs, changed=[changed]))
        self.changes.of_catalog([changed.job_id])

    async def pages(self, index: JobIndex, queries: list[JobQuery]) -> list[object]:
        news = index.news()
        held = self.ids[::3]
        return [await self.store.read(partial(index.find, query=one, held=held, news=news)) for one in queries]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[[int], World]]:
    with open_store(sqlite_url(tmp_path)) as store:
        yield partial(World, store)


@pytest.mark.parametrize("seed", range(4))
async def test_a_page_is_what_is_read_anew(make: Callable[[int], World], seed: int) -> None:
    world = make(seed)
    index = JobIndex(ZONE, world.changes)
    for _ in range(60):
        await world.step()
        some = world.chance.sample(QUERIES, 6)
        assert await world.pages(index, some) == await world.pages(JobIndex(ZONE, world.changes), some)
    assert await world.pages(index, QUERIES) == await world.pages(JobIndex(ZONE, world.changes), QUERIES)


@pytest.mark.parametrize(("name", "limit"), [("MANY", 0), ("KEPT", 3)])
async def test_also_if_many_have_changed_or_there_are_too_many(
    make: Callable[[int], World], monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(known_jobs if name == "MANY" else index_module, name, limit)
    world = make(7)
    index = JobIndex(ZONE, world.changes)
    for _ in range(20):
        await world.step()
        assert await world.pages(index, QUERIES[::5]) == await world.pages(JobIndex(ZONE, world.changes), QUERIES[::5])


async def test_what_was_not_noted_is_found_when_all_is_compared(
    make: Callable[[int], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(1)
    index = JobIndex(ZONE, world.changes)
    query = JobQuery(sort=Sort.NEXT_RUN, limit=50)
    for _ in range(5):
        await world.create()
    before = await world.pages(index, [query])
    await world.store.write(partial(job_rows.delete_jobs, job_ids=world.ids[:2]))
    assert await world.pages(index, [query]) == before
    selected = await world.store.read(partial(index.select, selection=Selection(ids=("*",))))
    assert list(selected) == sorted(world.ids[2:])
    monkeypatch.setattr(index_module, "COMPARED_SEC", 0.0)
    assert await world.pages(index, [query]) == await world.pages(JobIndex(ZONE, world.changes), [query]) != before


async def test_after_more_changes_than_are_kept(make: Callable[[int], World]) -> None:
    world = make(2)
    index = JobIndex(ZONE, world.changes)
    query = JobQuery(sort=Sort.NEXT_RUN, limit=50)
    await world.create()
    await world.pages(index, [query])
    await world.create()
    world.changes.of_jobs([f"other-{number}" for number in range(KEPT)])
    assert await world.pages(index, [query]) == await world.pages(JobIndex(ZONE, world.changes), [query])


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_asked_before_all_jobs_are_read_is_the_same(make: Callable[[int], World], seed: int) -> None:
    world = make(seed)
    warm, failing = JobIndex(ZONE, world.changes), set[str]()
    everything = JobQuery(sort=Sort.NEXT_RUN, limit=50)
    for _ in range(60):
        await world.step()
        await world.pages(warm, [everything])
        asked = [*world.chance.sample(world.ids, len(world.ids) // 2), "no-such-job"]
        found = [
            await world.store.read(partial(index.failing, job_ids=asked, news=index.news()))
            for index in (warm, JobIndex(ZONE, world.changes))
        ]
        assert found[0] == found[1]
        failing |= found[0]
        [page] = await world.pages(
            JobIndex(ZONE, world.changes), [JobQuery(ids=asked, sort=Sort.ID_DESCENDING, limit=3)]
        )
        existing = sorted(set(asked) & set(world.ids), reverse=True)
        assert isinstance(page, Found)
        assert (page.job_ids, page.total, page.last is None) == (existing[:3], len(existing), len(existing) <= 3)
    assert failing
