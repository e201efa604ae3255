"""Forecasts what the limits of shared targets do to the calls to come: how long these wait, and which are missed.

It counts minutes, as the forecast does: the calls of a minute are due together, in the order of the jobs' ids. What is
left over waits in the next minutes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from myscheduler.core.calls.rate import Rate
from myscheduler.core.load.starts import MINUTE, Group, Horizon, Starter, Tally

MOST_CROWDED = 5
"""The most crowded minutes listed for a target."""
USUAL_CALL = timedelta(seconds=0.5)
"""How long a call takes of which nothing is known."""
_SHORTEST = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a target allows, over all its jobs."""

    concurrency: int | None
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Member:
    """A job of a target."""

    target: str | None
    starter: Starter
    grace: timedelta
    """How long its slots may wait for their turn."""
    duration: timedelta = USUAL_CALL


@dataclass(frozen=True, slots=True)
class Crowded:
    """A minute with more calls than the target takes at once."""

    at: datetime
    starts: int
    needs: timedelta
    """How long all of them would take, with those that wait from before."""
    missed: tuple[str, ...]
    """The jobs whose slots wait longer than their grace."""
    again: tuple[datetime, ...]
    """Other minutes with as many calls that need as long."""


@dataclass(frozen=True, slots=True)
class TargetForecast:
    """The calls to a target that limits them."""

    target: str
    limit: Limit
    jobs: int
    starts: int
    peak: int
    """The most starts in a minute."""
    in_flight: float
    """The calls on their way at once in that minute, on average, if nothing held them back."""
    crowded: tuple[Crowded, ...]
    """Those that need longest first."""


@dataclass(frozen=True, slots=True)
class _Pace:
    """How fast a target takes calls."""

    free: int
    """So many are sent at once."""
    each: timedelta
    """Then one in each such time."""

    def wait(self, place: float) -> timedelta:
        """How long the call waits that has so many before it."""
        return max(0.0, place + 1 - self.free) * self.each

    def within(self, span: timedelta) -> float:
        """How many calls are sent in a time."""
        return span / self.each


def forecast_targets(
    members: Iterable[Member],
    limits: Mapping[str, Limit],
    grouped: Callable[[Sequence[Starter]], Sequence[Group]],
    span: Horizon,
    margin: int,
) -> Iterator[TargetForecast]:
    """The targets with limits that jobs call, sorted by name. `grouped` expands the schedules of jobs."""
    by_target = defaultdict[str, list[Member]](list)
    for member in members:
        limit = None if member.target is None else limits.get(member.target)
        if member.target is not None and limit is not None and (limit.concurrency or limit.rate):
            by_target[member.target].append(member)
    for target, jobs in sorted(by_target.items()):
        groups = grouped([one.starter for one in jobs])
        tally = Tally(span, margin)
        for group in groups:
            tally.add(group)
        yield _target(target, limits[target], jobs, groups, tally.starts, span)


def _target(
    target: str, limit: Limit, jobs: Sequence[Member], groups: Sequence[Group], starts: Sequence[int], span: Horizon
) -> TargetForecast:
    duration = sum((one.duration for one in jobs), timedelta()) / len(jobs)
    graces = {one.starter.job_id: one.grace for one in jobs}
    return TargetForecast(
        target,
        limit,
        jobs=len(graces),
        starts=sum(starts),
        peak=max(starts),
        in_flight=max(starts) * (duration / MINUTE),
        crowded=tuple(_crowded(starts, _pace(limit, duration), graces, groups, span)),
    )


def _pace(limit: Limit, duration: timedelta) -> _Pace:
    """That of the stricter limit."""
    paces = []
    if limit.rate is not None:
        paces.append(_Pace(limit.rate.burst, limit.rate.spacing))
    if limit.concurrency is not None:
        paces.append(_Pace(limit.concurrency, max(duration, _SHORTEST) / limit.concurrency))
    return _Pace(min(one.free for one in paces), max(one.each for one in paces))


def _crowded(
    starts: Sequence[int], pace: _Pace, graces: Mapping[str, timedelta], groups: Sequence[Group], span: Horizon
) -> Iterator[Crowded]:
    """The worst ones; minutes that are alike are one entry."""
    alike = defaultdict[tuple[timedelta, int, float], list[int]](list)
    for minute, ahead, needs in _busy(starts, pace, graces.values()):
        alike[needs, starts[minute], ahead].append(minute)
    worst = sorted(alike.items(), key=lambda one: (*(-value for value in _weight(one[0])), one[1]))
    for (needs, count, ahead), (minute, *again) in worst[:MOST_CROWDED]:
        started = sorted(job_id for group in groups for job_id in group.started(minute))
        missed = tuple(_missed(started, ahead, pace, graces))
        yield Crowded(span.moment(minute), count, needs, missed, tuple(span.moment(one) for one in again))


def _weight(key: tuple[timedelta, int, float]) -> tuple[float, float]:
    needs, count, _ = key
    return needs.total_seconds(), count


def _busy(starts: Sequence[int], pace: _Pace, graces: Iterable[timedelta]) -> Iterator[tuple[int, float, timedelta]]:
    """Minutes whose calls need longer than a minute, or of which some may be missed: each with how many calls wait
    from before, and how long all need.
    """
    shortest, longest = min((few := list(graces)), default=MINUTE), max(few, default=MINUTE)
    most = pace.free + pace.within(longest)
    in_a_minute, ahead = pace.within(MINUTE), 0.0
    for minute, count in enumerate(starts):
        if count:
            needs = pace.wait(ahead + count - 1)
            if needs > min(MINUTE, shortest):
                yield minute, round(ahead, 3), needs
            ahead = min(ahead + count, max(ahead, most))  # the others are missed
        ahead = max(0.0, ahead - in_a_minute)


def _missed(job_ids: Iterable[str], ahead: float, pace: _Pace, graces: Mapping[str, timedelta]) -> Iterator[str]:
    place = ahead
    for job_id in job_ids:
        if pace.wait(place) > graces[job_id]:
            yield job_id
        else:
            place += 1
