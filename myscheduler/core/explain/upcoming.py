"""The soonest slots over many jobs that will run, without those that a pause or the schedule's limits leave out.

Only as many slots are computed as are asked for. What can't be known is not considered: an overlap with an execution
that lasts long, a target's limit, a downtime.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from myscheduler.core.job.job import Job
from myscheduler.core.schedule.exclusions import left_out_until, next_run
from myscheduler.core.schedule.slots import LAST_INSTANT, TICK, Schedule, back

MOST_KNOWN = 50_000
"""The most jobs whose next runs are remembered."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A slot of a job."""

    slot: datetime
    job: Job
    schedule: Schedule
    host: str

    def at(self, slot: datetime) -> "Planned":
        return Planned(slot, self.job, self.schedule, self.host)


@dataclass(slots=True)
class KnownRuns:
    """The next run of jobs whose next slots are left out: searching it takes long, and it holds for hours or days."""

    _runs: dict[str, tuple[int, datetime, datetime | None]] = field(default_factory=dict)
    """By job: its version, from when the run was searched, and the run; `None` if there is none."""

    def first_from(self, planned: Planned) -> datetime | None:
        """The first slot from `planned.slot` on that runs; `None` if none was found."""
        job, until = planned.job, planned.job.paused_until
        if until == LAST_INSTANT:
            return None
        start = max(planned.slot, until) if until else planned.slot
        known = self._runs.get(job.job_id)
        if known is not None and known[0] == job.version and known[1] <= start and (known[2] or start) >= start:
            return known[2]
        if start == planned.slot and left_out_until(planned.schedule, start) is None:
            return start
        run = next_run(planned.schedule, back(start, TICK))
        self._runs[job.job_id] = (job.version, start, run)
        return run

    def limit(self) -> None:
        """Forget all, if too many are known."""
        if len(self._runs) > MOST_KNOWN:
            self._runs.clear()


def upcoming(firsts: Iterable[Planned], known: KnownRuns) -> Iterator[Planned | None]:
    """The slots that will run, in order, without end where schedules have none.

    `firsts` are the next slots of the jobs, in order; they may be left out. `None` stands for a step that found no run,
    so that a caller can give up.
    """
    waiting, found = iter(firsts), _Heap()
    first = next(waiting, None)
    while first is not None or found:
        if first is not None and (not found or first.slot <= found.soonest):
            run = known.first_from(first)
            if run is not None:
                found.push(first if run == first.slot else first.at(run))
            first = next(waiting, None)
            yield None
            continue
        planned = found.pop()
        yield planned
        following = next_run(planned.schedule, planned.slot)
        if following is not None:
            found.push(planned.at(following))


class _Heap:
    """Slots that will run; those at the same time are in the order of their job ids."""

    def __init__(self) -> None:
        self._items: list[tuple[datetime, str, Planned]] = []

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def soonest(self) -> datetime:
        return self._items[0][0]

    def push(self, planned: Planned) -> None:
        heappush(self._items, (planned.slot, planned.job.job_id, planned))

    def pop(self) -> Planned:
        return heappop(self._items)[2]
