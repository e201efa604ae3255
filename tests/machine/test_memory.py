"""What the service keeps in memory stays the same, however long its jobs are edited."""

import asyncio
import gc
import logging
import tracemalloc
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from functools import _lru_cache_wrapper
from pathlib import Path

import httpx
import pytest

from myscheduler.core.history.execution import Status
from myscheduler.machine import memory
from myscheduler.service import changes
from tests.support.parts import Parts, client, opened
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio

WARM_UP, EDITS = 100, 200
OURS = [
    tracemalloc.Filter(True, "*/myscheduler/*"),
    tracemalloc.Filter(False, tracemalloc.__file__),
    tracemalloc.Filter(False, "*/myscheduler/core/caching.py"),
]
"""Caches fill with each new URL until they are emptied, which a test below looks at."""
MOST_A_KIND = 60
"""So many objects of a class may come or go by chance: caches of few entries fill up."""


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        running.dispatcher.start()  # timers that do not run yet keep all that was asked of them
        yield running


async def _edit(parts: Parts, number: int) -> None:
    """Each one changes the body, the labels and the URL; every third renames the job, every fifth is broken."""
    job_id = f"job-{number // 3:05}"
    text = f"job_id: {job_id}\ninterval: {{hours: 1}}\ntarget_url: https://example.com/?version={number}\n"
    text += f"method: POST\nbody: {{number: {number}, text: {'x' * 5_000}}}\nlabels: {{ticket: T-{number}}}\n"
    parts.manifest("edited.yaml", text + ("methd: x\n" if number % 5 == 0 else ""))
    await parts.sync()


def _ours() -> Counter[str]:
    """Objects of our classes, by class."""
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("myscheduler"))


def _traced() -> int:
    gc.collect()
    return sum(one.size for one in tracemalloc.take_snapshot().filter_traces(OURS).statistics("filename"))


async def test_edits_leave_nothing_behind(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEPT", 10)  # the list of changes is full at once, and grows no more
    monkeypatch.setattr(logging.getLogger("myscheduler"), "propagate", False)  # pytest keeps all that is logged
    for number in range(5):
        parts.manifest(f"other-{number}.yaml", f"job_id: o{number}\ninterval: {{hours: 1}}\ntarget_url: http://x/\n")
    for number in range(WARM_UP):
        await _edit(parts, number)
    before = _ours()
    tracemalloc.start()
    try:
        for number in range(WARM_UP, WARM_UP + EDITS):
            await _edit(parts, number)
        held = _traced()
    finally:
        tracemalloc.stop()
    grown = {kind: count - before[kind] for kind, count in _ours().items() if count - before[kind] > MOST_A_KIND}
    assert not grown
    assert held < EDITS * 1_000, "less than one of the bodies an edit"


async def _round(parts: Parts, api: httpx.AsyncClient, number: int) -> None:
    job = "/api/v1/jobs/by-hand"
    await _edit(parts, number)
    body = {"job_id": "by-hand", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}
    assert (await api.post("/api/v1/jobs", json=body)).status_code == 200
    assert (await api.post("/api/v1/jobs", json=body | {"cron": "x"})).status_code == 422
    assert (await api.post(f"{job}/trigger", json={})).status_code == 200
    assert (await api.post(f"{job}/pause", json={})).status_code == 200
    for path in ("/api/v1/jobs", job, f"{job}/why?at=2026-11-29T00:00", "/api/v1/preview", "/api/v1/sync"):
        assert (await api.get(path)).status_code == 200
    await parts.row_where("by-hand", lambda row: row.status is Status.FAILED)
    assert (await api.delete(job)).status_code == 200


async def test_edits_and_requests_leave_no_cycles_of_ours(parts: Parts) -> None:
    """Those of old objects are looked for so rarely that they would be a leak. `test_cycles` looks at calls."""
    gc.disable()
    try:
        async with client(parts) as api:
            await _round(parts, api, 0)  # lets go of what an earlier test left in the state of libraries
            gc.collect()
            for number in range(1, 5):
                await _round(parts, api, number)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(
            type(one).__qualname__ for one in gc.garbage if str(type(one).__module__).startswith("myscheduler")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert found == {}


def test_caches_say_how_many_entries_they_have_at_most() -> None:
    gc.unfreeze()  # what is frozen is not among the objects
    without = [
        one.__qualname__
        for one in gc.get_objects()
        if isinstance(one, _lru_cache_wrapper)
        and str(one.__module__).startswith("myscheduler")
        and one.cache_parameters()["maxsize"] is None
    ]
    assert set(without) <= {"zone", "_zone_names", "_zone_spellings", "_countries"}, "their arguments are few by nature"


async def test_caches_are_emptied_every_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "COLLECT_SEC", 0.01)
    monkeypatch.setattr(memory, "FORGET_EVERY", 2)
    rounds: list[int] = []
    monkeypatch.setattr(gc, "collect", rounds.append)
    emptied = asyncio.Event()
    seen: list[int] = []

    def forget() -> None:
        seen.append(len(rounds))
        emptied.set()

    task = asyncio.create_task(memory.keep_small(forget))
    await asyncio.wait_for(emptied.wait(), PATIENCE)
    task.cancel()
    assert seen[0] == 1, "in the second round, before its collection"


async def test_a_cycle_of_garbage_does_not_wait_for_many_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class _Node:
        itself: "_Node"

    monkeypatch.setattr(memory, "COLLECT_SEC", 0.01)
    gc.disable()
    try:
        node = _Node()
        node.itself = node
        gone = weakref.ref(node)
        del node
        task = asyncio.create_task(memory.keep_small(lambda: None))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if gone() is None:
                break
        task.cancel()
        assert gone() is None
    finally:
        gc.enable()
