"""Advice on a jitter that spreads minutes in which too many jobs start. Its effect is counted, not estimated."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from myscheduler.core.load.starts import Group, Starter, Tally
from myscheduler.core.schedule.jitter import jitter_offset

HANDFUL = 5
"""Up to this many starts in a minute need no advice."""
JITTERS = (120, 300, 600, 900, 1800, 3600)
"""The jitters that are tried, in seconds; less than a minute spreads nothing."""
_FEWER = 5
"""A jitter is enough if it leaves a fifth of the worst minute, or `HANDFUL`."""


@dataclass(frozen=True, slots=True)
class JitterAdvice:
    """A jitter that helps, and its effect."""

    jitter_sec: int
    job_ids: tuple[str, ...]
    """The jobs that should get it: those in crowded minutes whose slots are at least the jitter apart."""
    crowded: int
    """A minute with more starts than this is crowded."""
    leaves: int
    """The most starts in a minute with this jitter, over the whole span and all jobs of the host."""


def advise(groups: Sequence[Group], tally: Tally) -> JitterAdvice | None:
    """The smallest jitter that is enough, else the best one; `None` if none at least halves the worst minute."""
    starts = tally.starts
    peak = max(starts)
    if peak <= HANDFUL:
        return None
    crowded = max(HANDFUL, peak // _FEWER)
    crowd = list(_crowd(groups, frozenset(minute for minute, count in enumerate(starts) if count > crowded)))
    best: JitterAdvice | None = None
    for jitter_sec in JITTERS:
        movable = [group for group in crowd if group.slots.shortest_gap >= jitter_sec]
        leaves = _left_by(jitter_sec, movable, tally)
        if best is None or leaves < best.leaves:
            job_ids = sorted(job.job_id for group in movable for job in group.jobs)
            best = JitterAdvice(jitter_sec, tuple(job_ids), crowded, leaves)
        if leaves <= crowded:
            break
    return best if best and best.leaves <= peak // 2 else None


def _crowd(groups: Iterable[Group], minutes: frozenset[int]) -> Iterator[Group]:
    """The jobs of each group with a schedule that start in any of these minutes and have no jitter yet."""
    for group in groups:
        hits: dict[int, bool] = {}
        jobs: list[Starter] = []
        for job in group.jobs:
            offset = job.offset_sec
            if offset not in hits:
                hits[offset] = group.slots.meet(minutes, offset)
            if hits[offset] and not job.has_jitter and not job.is_chained:
                jobs.append(job)
        if jobs:
            yield Group(group.slots, jobs)


def _left_by(jitter_sec: int, groups: Iterable[Group], tally: Tally) -> int:
    tried = tally.copy()
    for slots, jobs in groups:
        tried.add(Group(slots, jobs), -1)
        tried.add(Group(slots, [replace(job, offset=jitter_offset(job.job_id, jitter_sec)) for job in jobs]))
    return max(tried.starts)
