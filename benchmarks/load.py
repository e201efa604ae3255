"""The figures that need only the REST API, so that any server with this API can be measured."""

import asyncio
import contextlib
import math
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from benchmarks.driver import Api, in_parallel, job
from benchmarks.errors import BenchmarkError
from benchmarks.health import watched_health
from benchmarks.sink import Arrival, Sink
from benchmarks.targets import Sizes

CREATE_SEC = 240.0
"""Seconds that a slow server has for creating the jobs of a figure."""
FAR_AWAY = "2099-01-01T00:00:00+00:00"


@dataclass(slots=True)
class Measured:
    """The results of a figure."""

    values: dict[str, float | None] = field(default_factory=dict)
    """By the name of the number; None if this server doesn't provide it."""
    facts: dict[str, object] = field(default_factory=dict)
    """The details behind the numbers."""
    curve: list[tuple[float, float]] = field(default_factory=list)
    """Lateness in seconds, and the share of all calls that had arrived by then."""


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _curve(values: Sequence[float], total: int, points: int = 200) -> list[tuple[float, float]]:
    ordered = sorted(values)
    ranks = sorted({max(1, round(step * len(ordered) / points)) for step in range(points + 1)})
    return [(round(ordered[rank - 1], 6), rank / total) for rank in ranks] if ordered else []


def _ids(figure: str, count: int) -> list[str]:
    return [f"{figure}-{number:05}" for number in range(count)]


@contextlib.asynccontextmanager
async def _removed_at_the_end(api: Api, ids: list[str]) -> AsyncIterator[None]:
    """Removes the jobs, so that they don't slow down the next figure on the same server."""
    try:
        yield
    finally:
        if api.leave_as_found:
            await in_parallel(api.delete, ids, within=CREATE_SEC)


async def _quiet(sink: Sink, seconds: float, *, within: float = 60) -> None:
    """Wait until no call has arrived for this many seconds."""
    deadline, before, since = time.monotonic() + within, -1, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < seconds:
        await asyncio.sleep(0.2)
        if (count := await sink.count()) != before:
            before, since = count, time.monotonic()


async def _history(api: Api, ids: list[str], *, within: float = 30) -> Counter[str] | None:
    """Executions by job, once their sum no longer changes; None if this server does not count them."""
    wanted, before, deadline = set(ids), None, time.monotonic() + within
    while True:
        jobs = [one for one in await api.jobs() if one["job_id"] in wanted]
        if any("execution_count" not in one for one in jobs):
            return None
        counts = Counter({one["job_id"]: int(one["execution_count"]) for one in jobs})
        busy = any((one.get("last_execution") or {}).get("status") == "running" for one in jobs)
        if time.monotonic() > deadline or (counts == before and not busy):
            return counts
        before = counts
        await asyncio.sleep(0.5)


def _by_job(arrivals: list[Arrival]) -> Counter[str]:
    return Counter(one.path.removeprefix("/hit/").replace("/", "-") for one in arrivals)


async def _every_second(api: Api, sink: Sink, figure: str, ids: list[str]) -> int:
    """Create jobs that run each second. Returns how many this server created within its time limit."""
    bodies = (job(one, sink.target(figure, one.rpartition("-")[2]), interval={"seconds": 1}) for one in ids)
    return await in_parallel(api.create, bodies, within=CREATE_SEC)


async def sustained(api: Api, sink: Sink, sizes: Sizes) -> Measured:
    ids = _ids("sustained", sizes.sustained_jobs)
    async with _removed_at_the_end(api, ids):
        created = await _every_second(api, sink, "sustained", ids)
        await asyncio.sleep(sizes.warm_up_sec)
        begin = time.time()
        await asyncio.sleep(sizes.sustained_sec)
        end = time.time()
        await in_parallel(api.pause, ids[:created])
        await _quiet(sink, sizes.quiet_sec)
        recorded = await _history(api, ids)
        arrivals = await sink.take("sustained")
    window = [one for one in arrivals if begin <= one.at < end]
    late = [lateness for one in window if (lateness := one.lateness) is not None]
    received = _by_job(arrivals)
    slots = Counter((one.path, one.slot) for one in arrivals if one.slot)
    return Measured(
        {
            "rate": len(window) / (end - begin),
            "late_p50": quantile(late, 0.5),
            "late_p99": quantile(late, 0.99),
            "lost": None if recorded is None else (recorded - received).total() + (received - recorded).total(),
            "doubled": sum(count - 1 for count in slots.values()) if slots else None,
        },
        {
            "jobs": created,
            "received": len(arrivals),
            "recorded": None if recorded is None else recorded.total(),
            "slowest_sec": max(late, default=None),
        },
    )


async def _lead(api: Api, sink: Sink, figure: str, count: int) -> float:
    """Estimates the seconds that this server needs to create this many jobs, with a margin, by creating a few."""
    ids = [f"{figure}-try-{number}" for number in range(min(100, count))]
    begin = time.monotonic()
    await in_parallel(api.create, (job(one, sink.target("try", one), run_at=FAR_AWAY) for one in ids))
    seconds = (time.monotonic() - begin) / len(ids) * count
    await in_parallel(api.delete, ids)
    return 2 + 1.5 * seconds


async def _one_offs(api: Api, sink: Sink, figure: str, ids: list[str], lead: float) -> float:
    """Create jobs that are all due at the same time, which is returned; for a slow server, this time is later."""
    for _ in range(3):
        due = math.ceil(time.time() + lead)
        run_at = datetime.fromtimestamp(due, UTC).isoformat()
        bodies = (job(one, sink.target(figure, one.rpartition("-")[2]), run_at=run_at) for one in ids)
        created = await in_parallel(api.create, bodies, within=due - time.time() - 1.1)
        if created == len(ids) and time.time() < due - 1:
            return due
        await in_parallel(api.delete, ids)
        await sink.take(figure)
        lead *= 2
    raise BenchmarkError(f"{len(ids)} jobs could not be created within {lead / 2:.0f} s")


async def burst(api: Api, sink: Sink, sizes: Sizes, figure: str, *, watched: bool) -> Measured:
    """One-off jobs that are all due at the same time; if `watched`, `/health` is requested meanwhile."""
    ids = _ids(figure, sizes.bursts[figure])
    async with _removed_at_the_end(api, ids):
        due = await _one_offs(api, sink, figure, ids, await _lead(api, sink, figure, len(ids)))
        async with watched_health(api.address) if watched else contextlib.nullcontext() as health:
            await asyncio.sleep(due - time.time())
            await sink.wait_for(len(ids), within=sizes.burst_lost_sec)
        await _quiet(sink, sizes.quiet_sec)
        arrivals = await sink.take(figure)
    received = _by_job(arrivals)
    first: dict[str, float] = {}
    for one in arrivals:
        first.setdefault(one.path, one.at - due)
    late = [lateness for lateness in first.values() if lateness <= sizes.burst_lost_sec]
    return Measured(
        {
            "late_p50": quantile(late, 0.5),
            "late_p99": quantile(late, 0.99),
            "lost": len(ids) - len(late),
            "doubled": sum(1 for count in received.values() if count > 1),
            "health": None
            if health is None
            else health.slowest(due - 1, due + max(late, default=sizes.burst_lost_sec)),
        },
        {"jobs": len(ids), "received": len(arrivals), "slowest_sec": max(late, default=None)},
        _curve(late, len(ids)),
    )


async def list_jobs(api: Api, sink: Sink, sizes: Sizes) -> Measured:
    ids = _ids("list-jobs", sizes.listed_jobs)
    async with _removed_at_the_end(api, ids):
        created = await _every_second(api, sink, "list-jobs", ids)
        await asyncio.sleep(sizes.listed_sec)
        await sink.wait_for(sizes.listed_executions, within=60)  # the first second of an interval has no call
        await in_parallel(api.pause, ids[:created])
        await _quiet(sink, sizes.quiet_sec)
        await sink.take("list-jobs")
        recorded = await _history(api, ids)
        seconds = []
        size = 0
        for _ in range(sizes.list_requests):
            begin = time.perf_counter()
            size = len(await api.jobs_text())
            seconds.append(time.perf_counter() - begin)
    return Measured(
        {"p50": statistics.median(seconds)},
        {
            "jobs": created,
            "executions": None if recorded is None else recorded.total(),
            "bytes": size,
            "p99_sec": quantile(seconds, 0.99),
        },
    )


async def create(api: Api, sink: Sink, sizes: Sizes) -> Measured:
    ids = _ids("create", sizes.created_jobs)
    bodies = [orjson.dumps(job(one, sink.target("create", one), interval={"hours": 1})) for one in ids]
    async with _removed_at_the_end(api, ids):
        begin = time.perf_counter()
        created = await in_parallel(api.create_encoded, bodies, within=CREATE_SEC)
        seconds = time.perf_counter() - begin
        listed = {one["job_id"] for one in await api.jobs()}
    return Measured({"rate": created / seconds}, {"jobs": created, "listed": len(listed.intersection(ids))})
