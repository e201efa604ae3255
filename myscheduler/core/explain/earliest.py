"""When a job that runs after others can begin at the earliest, under assumed durations of the jobs before it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from myscheduler.core.chains.graph import Graph, by_depth
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.left_out import left_out_at
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.exclusions import runs_after
from myscheduler.core.schedule.slots import TICK, Schedule, back
from myscheduler.core.schedule.zones import local_time

ASSUMED = timedelta(seconds=0.5)
"""How long a job takes of which nothing is known."""
MOST_TRIED = 2_000
"""How many times are looked at to find those at which the job may begin."""

MOST_STEPS = 200_000
"""How many edges are looked at for a job: of one that very many chains reach, only the first of these are regarded."""

DurationOf = Callable[[str], timedelta]
"""Returns how long a job takes, by its id."""


@dataclass(frozen=True, slots=True)
class Way:
    """How soon a job can begin in the chains of one job with a schedule."""

    root: str
    delay: timedelta
    """From the slot of that job."""
    path: tuple[str, ...]
    """The jobs whose ends determine it, one after another; the first is `root`."""
    is_too_late: bool
    """Whether the chain times out first."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A time at which a job can begin at the earliest."""

    at: datetime
    slot: datetime
    """The slot with which the chain begins."""
    path: tuple[str, ...]
    left_out: Reason | None
    """Why the job does not run at that time, if its own limits leave it out."""


def ways_to(graph: Graph, job_id: str, duration_of: DurationOf) -> Iterator[Way]:
    """The ways to a job that runs after others, by the jobs with which its chains may begin.

    All jobs before it are taken to run, as its edges want. So a job with `if_skipped: run` may begin earlier than this,
    when one before it is skipped; all others may only begin later.
    """
    depths = dict(by_depth(graph, graph.above(job_id) | {job_id}))
    jobs = sorted(depths, key=lambda one: (depths[one], one))
    edges = sum(len(graph.parents(one)) for one in jobs)
    for root in sorted(graph.roots(job_id))[: max(1, MOST_STEPS // (edges + 1))]:
        found = _begins_in(graph, root, jobs, duration_of).get(job_id)
        if found is not None:
            delay, path = found
            timeout = graph.timeouts.get(root)
            yield Way(root, delay, path, timeout is not None and delay >= timedelta(seconds=timeout))


_Known = tuple[timedelta, tuple[str, ...]]


def _begins_in(graph: Graph, root: str, jobs: Iterable[str], duration_of: DurationOf) -> Mapping[str, _Known]:
    """When those of the jobs begin that are in the chains of one, with their ways. None comes before its parents."""
    begins: dict[str, _Known] = {root: (timedelta(), ())}
    for one in jobs:
        after = graph.afters.get(one)
        if after is None:
            continue
        ends = {
            parent: (begins[parent][0] + duration_of(parent), (*begins[parent][1], parent))
            for parent in after.jobs
            if parent in begins
        }
        if (begin := _begin(after, ends)) is not None:
            begins[one] = begin
    return begins


def _begin(after: DeclaredAfter, ends: Mapping[str, _Known]) -> _Known | None:
    """When a job begins, with the way; `ends` are those of the jobs before it that are in the chain."""
    if not ends or (after.join == "all" and len(ends) < len(after.edges) and after.if_skipped != "run"):
        return None
    choose = max if after.join == "all" else min
    first = choose(ends.values(), key=lambda one: one[0])
    asked = ends.get(after.when.job) if after.when else None
    return max(first, asked or first, key=lambda one: one[0])


def begins(
    spec: JobSpec,
    ways: Iterable[Way],
    roots: Mapping[str, Schedule],
    start: datetime,
    count: int,
    *,
    until: datetime | None,
    zone: str,
) -> tuple[Begin, ...]:
    """The first `count` times from `start` to `until` at which a job can begin, and those between at which it is left
    out.

    `roots` are the schedules of jobs; `zone` is the service's IANA zone.
    """
    times = [_slots(way, roots[way.root], start) for way in ways if way.root in roots and not way.is_too_late]
    found = list[Begin]()
    for at, slot, way in islice(merge(*times, key=lambda one: one[0]), MOST_TRIED):
        if until is not None and at > until:
            break
        found.append(Begin(at, slot, way.path, left_out_at(spec, at, zone=zone)))
        count -= found[-1].left_out is None
        if count <= 0:
            break
    return tuple(found)


def _slots(way: Way, schedule: Schedule, start: datetime) -> Iterator[tuple[datetime, datetime, Way]]:
    return ((slot + way.delay, slot, way) for slot in runs_after(schedule, back(start, way.delay) - TICK))


@dataclass(frozen=True, slots=True)
class Earliest:
    """How the earliest times come about at which a job can run that runs after others."""

    begins: tuple[Begin, ...]
    durations: Mapping[str, timedelta]
    """How long the jobs take that determine these times."""
    too_late: tuple[str, ...]
    """The jobs in whose chains it never runs, as they time out before."""
    paused: tuple[str, ...]
    """The jobs that begin its chains and are paused, so that it does not run, either."""

    def as_json(self, zone: str) -> dict[str, Any]:
        return {
            "durations_sec": {job_id: length.total_seconds() for job_id, length in self.durations.items()},
            "times": [
                {
                    "at": local_time(one.at, zone).isoformat(),
                    "slot": local_time(one.slot, zone).isoformat(),
                    "path": list(one.path),
                }
                for one in self.begins
                if one.left_out is None
            ],
            "too_late": list(self.too_late),
            "paused": list(self.paused),
        }
