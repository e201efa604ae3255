"""Forecasts the calls that jobs will start on each target host: a heat map, the worst minutes, and advice on jitter.

Every slot counts as a start at its due time: retries, queueing and late starts after a downtime are not included. Jobs
that run after others are counted after the slots of those that their chains begin with.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from math import ceil
from types import MappingProxyType
from typing import Any

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import DeclaredInterval, JobSpec
from myscheduler.core.load.chained import NOTHING_CHAINED, Chained
from myscheduler.core.load.jitter_advice import JITTERS, JitterAdvice, advise
from myscheduler.core.load.starts import MINUTE, Group, Horizon, Slots, Starter, Stint, Tally, find_slots
from myscheduler.core.load.target_forecast import USUAL_CALL, Limit, Member, TargetForecast, forecast_targets
from myscheduler.core.schedule.slots import LAST_INSTANT, Schedule

_NOTHING: Mapping[str, Any] = MappingProxyType({})
MOST_WORST = 5
"""The most worst minutes listed for a host."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of a local day."""

    peak: int
    """The most starts in one of its minutes."""
    starts: int


@dataclass(frozen=True, slots=True)
class Day:
    """A row of the heat map."""

    date: date
    hours: tuple[Cell | None, ...]
    """24 cells; `None` for an hour outside the span or skipped by the clock. An hour that occurs twice is one cell."""
    peak: int
    peak_at: datetime
    """The first minute with that many starts."""


@dataclass(frozen=True, slots=True)
class Worst:
    """A minute in which many jobs start."""

    at: datetime
    starts: int
    job_ids: tuple[str, ...]
    again: tuple[datetime, ...]
    """Other days on which the same jobs start at this local time."""


@dataclass(frozen=True, slots=True)
class HostForecast:
    """The starts on one host."""

    host: str
    jobs: int
    starts: int
    peak: int
    """The most starts in a minute."""
    days: tuple[Day, ...]
    worst: tuple[Worst, ...]
    advice: JitterAdvice | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The starts on all hosts, the busiest host first."""

    span: Horizon
    hosts: tuple[HostForecast, ...]
    unanchored: int
    """The number of intervals without an anchor; they are counted as if the jobs were created now."""
    paused: int
    """The number of jobs that are not counted, because their manifests pause them."""
    targets: tuple[TargetForecast, ...] = ()
    """The shared targets that limit their calls."""
    chained: Chained = NOTHING_CHAINED
    """What is assumed of the jobs that run after others."""


def forecast_jobs(
    jobs: Iterable[Job],
    now: datetime,
    days: int,
    zone: str,
    *,
    limits: Mapping[str, Limit] = _NOTHING,
    durations: Mapping[str, timedelta] = _NOTHING,
    chained: Chained = NOTHING_CHAINED,
) -> Forecast:
    """The forecast of stored jobs. Paused jobs are not counted, unless their pause has an end, and neither are those
    that make no calls. `limits` are those of targets, `durations` those of the calls of jobs, as far as known, and
    `chained` says when jobs start that run after others.

    Raises `OverflowError` at the end of the calendar.
    """
    jobs = list(jobs)
    running = [job for job in jobs if is_running(job)]
    starters = _starters(((job.spec, job.created_at) for job in running), zone, chained)
    members = [_member(spec, starter, durations.get(spec.job_id, USUAL_CALL)) for spec, starter in starters]
    span = Horizon.of_days(now, days, zone)
    paused = sum(not is_running(job) and job.spec.ping is None for job in jobs)
    return _forecast(members, limits, span, chained, unanchored=0, paused=paused)


def is_running(job: Job) -> bool:
    """Whether the job is counted: it is not paused, or its pause has an end."""
    return job.paused_until != LAST_INSTANT


def forecast_specs(
    specs: Iterable[JobSpec],
    now: datetime,
    days: int,
    zone: str,
    *,
    limits: Mapping[str, Limit] = _NOTHING,
    duration: timedelta = USUAL_CALL,
    chained: Chained = NOTHING_CHAINED,
) -> Forecast:
    """Forecast `days` days from the minute of `now`; `zone` is the service's, `limits` are those of targets,
    `duration` is how long each call takes, and `chained` says when jobs start that run after others.

    Raises `OverflowError` at the end of the calendar.
    """
    specs = list(specs)
    running = [spec for spec in specs if not spec.paused]
    span = Horizon.of_days(now, days, zone)
    starters = _starters(((spec, now) for spec in running), zone, chained)
    members = [_member(spec, starter, duration) for spec, starter in starters]
    counted = [spec for spec in running if spec.ping is None]
    unanchored = sum(isinstance(spec.schedule, DeclaredInterval) and not spec.schedule.anchor for spec in counted)
    paused = sum(bool(spec.paused) and spec.ping is None for spec in specs)
    return _forecast(members, limits, span, chained, unanchored=unanchored, paused=paused)


def _starters(
    jobs: Iterable[tuple[JobSpec, datetime]], zone: str, chained: Chained
) -> Iterator[tuple[JobSpec, Starter]]:
    """Each job that makes calls, with when it starts: one that runs after others, once for each beginning."""
    compiled = [(spec, compile_schedule(spec, zone=zone, created_at=created_at)) for spec, created_at in jobs]
    schedules = {spec.job_id: schedule for spec, schedule in compiled}
    for spec, schedule in compiled:
        if spec.ping is not None:
            continue
        host, delays = host_key(spec.target_url), chained.delays.get(spec.job_id, _NOTHING)
        begun = [(schedules[root], delay) for root, delay in delays.items() if root in schedules]
        if not begun:
            yield spec, Starter(spec.job_id, host, schedule)
        for of_root, delay in begun:
            offset = timedelta(seconds=ceil(delay.total_seconds()))
            yield spec, Starter(spec.job_id, host, of_root, offset, is_chained=True)


def _member(spec: JobSpec, starter: Starter, duration: timedelta) -> Member:
    return Member(spec.target, starter, timedelta(seconds=spec.misfire_grace_time), duration)


def _forecast(
    members: Sequence[Member],
    limits: Mapping[str, Limit],
    span: Horizon,
    chained: Chained,
    *,
    unanchored: int,
    paused: int,
) -> Forecast:
    starters = [member.starter for member in members]
    margin = _margin(starters)
    found = _finder(span, margin)
    hosts = sorted(_hosts(starters, span, margin, found), key=lambda host: (-host.peak, -host.starts, host.host))
    targets = forecast_targets(members, limits, lambda some: _groups(some, found), span, margin)
    return Forecast(span, tuple(hosts), unanchored, paused, tuple(targets), chained)


def forecast_hosts(starters: Sequence[Starter], span: Horizon) -> Iterator[HostForecast]:
    """The hosts one by one, so that only the minutes of one are in memory."""
    margin = _margin(starters)
    return _hosts(starters, span, margin, _finder(span, margin))


def _margin(starters: Iterable[Starter]) -> int:
    latest = max((starter.offset for starter in starters), default=timedelta())
    return max(max(JITTERS) // 60, -(-latest // MINUTE))


def _finder(span: Horizon, margin: int) -> Callable[[Schedule], Slots]:
    return lru_cache(maxsize=256)(lambda schedule: find_slots(schedule, span, margin))


def _hosts(
    starters: Iterable[Starter], span: Horizon, margin: int, found: Callable[[Schedule], Slots]
) -> Iterator[HostForecast]:
    by_host = defaultdict[str, list[Starter]](list)
    for starter in starters:
        by_host[starter.host].append(starter)
    for host, jobs in by_host.items():
        yield _host(host, _groups(jobs, found), span, margin)


def _groups(jobs: Iterable[Starter], found: Callable[[Schedule], Slots]) -> list[Group]:
    shared = defaultdict[Schedule, list[Starter]](list)
    for job in jobs:
        shared[job.schedule].append(job)
    return [Group(found(schedule), sharing) for schedule, sharing in shared.items()]


def _host(host: str, groups: Sequence[Group], span: Horizon, margin: int) -> HostForecast:
    tally = Tally(span, margin)
    for group in groups:
        tally.add(group)
    starts = tally.starts
    return HostForecast(
        host,
        jobs=len({job.job_id for group in groups for job in group.jobs}),
        starts=sum(starts),
        peak=max(starts),
        days=tuple(_days(starts, span)),
        worst=tuple(_worst(starts, groups, span)),
        advice=advise(groups, tally),
    )


def _days(starts: Sequence[int], span: Horizon) -> Iterator[Day]:
    for day, grouped in groupby(sorted(span.stints, key=_day_of), key=_day_of):
        stints = list(grouped)
        of_hours = [(stint.hour, starts[stint.first : stint.end]) for stint in stints]
        cells = [(hour, Cell(max(counts), sum(counts))) for hour, counts in of_hours]
        peak = max(cell.peak for _, cell in cells)
        peak_at = span.moment(next(_minutes_with(peak, starts, stints)))
        yield Day(date.fromordinal(day), tuple(_merged(cells, hour) for hour in range(24)), peak, peak_at)


def _day_of(stint: Stint) -> int:
    """Days need sorting: a clock that goes back over midnight shows the end of a day again after the next has begun."""
    return stint.day


def _minutes_with(count: int, starts: Sequence[int], stints: Iterable[Stint]) -> Iterator[int]:
    for stint in stints:
        yield from (minute for minute in range(stint.first, stint.end) if starts[minute] == count)


def _merged(cells: Iterable[tuple[int, Cell]], hour: int) -> Cell | None:
    found = [cell for of, cell in cells if of == hour]
    return Cell(max(cell.peak for cell in found), sum(cell.starts for cell in found)) if found else None


def _worst(starts: Sequence[int], groups: Sequence[Group], span: Horizon) -> list[Worst]:
    """The worst minutes. The same jobs at the same time of several days are one entry, so that a nightly peak doesn't
    hide all others.
    """
    found: list[Worst] = []
    for count in sorted({*starts} - {0}, reverse=True):
        if len(found) >= MOST_WORST:
            break
        for minutes in _times_with(count, starts, span.clock):
            found += _by_jobs(count, minutes, groups, span)
    return sorted(found, key=lambda worst: (-worst.starts, worst.at))[:MOST_WORST]


def _times_with(count: int, starts: Sequence[int], clock: Sequence[int]) -> Iterable[list[int]]:
    """The minutes with `count` starts, grouped by their local time, for the first few such times."""
    times: dict[int, list[int]] = {}
    for minute, found in enumerate(starts):
        if found == count and (clock[minute] in times or len(times) < MOST_WORST):
            times.setdefault(clock[minute], []).append(minute)
    return times.values()


def _by_jobs(count: int, minutes: Iterable[int], groups: Sequence[Group], span: Horizon) -> Iterator[Worst]:
    alike = defaultdict[tuple[str, ...], list[datetime]](list)
    for minute in minutes:
        job_ids = sorted(job_id for group in groups for job_id in group.started(minute))
        alike[tuple(job_ids)].append(span.moment(minute))
    for started, (first, *again) in alike.items():
        yield Worst(first, count, started, tuple(again))
