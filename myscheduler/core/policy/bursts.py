"""How many calls may start in a minute on one host: a rule of a policy about all jobs together.

Only changes are refused: each that makes a job start in a minute over the limit in which it did not start before. All
changes of a pass are treated alike, whatever their order, and jobs that do not change are left alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.starts import MINUTE, Group, Horizon, Starter, Tally, find_slots
from myscheduler.core.policy.caps import Cap
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.cron import WallInterval, members_of
from myscheduler.core.schedule.slots import FIRST_INSTANT, LAST_INSTANT, Adjusted, Interval, Never, Once, Schedule
from myscheduler.messages.message import said

DAYS = 7
"""How many days ahead starts are counted."""


@dataclass(frozen=True, slots=True)
class Burst:
    """The worst minute over the limit in which a job starts."""

    host: str
    at: datetime
    """Start of the minute, in local time."""
    starts: int
    """Calls of all jobs that start on the host in that minute."""
    most: int
    place: str
    """The limit, and where the policy sets it."""

    def complain(self, spec: JobSpec) -> Complaint:
        """The complaint about one job that starts in this minute."""
        message = said(
            "too-many-starts", starts=self.starts, host=self.host, at=self.at, most=self.most, place=self.place
        )
        return Complaint((spec.schedule_type,), "policy-starts", message)


def starter_of(spec: JobSpec, *, zone: str, created_at: datetime) -> Starter | None:
    """When the job starts, for counting; `None` if its manifest pauses it or it makes no calls.

    `created_at` is the anchor of intervals without one. Jobs that differ only in their jitter share a schedule, so that
    it is expanded once.
    """
    if spec.paused or spec.ping is not None:
        return None
    schedule = compile_schedule(spec, zone=zone, created_at=created_at)
    host = host_key(spec.target_url)
    if isinstance(schedule, Adjusted) and not schedule.blackouts and _is_endless(schedule):
        plain = replace(schedule, offset=timedelta()) if schedule.days else schedule.rhythm
        return Starter(spec.job_id, host, plain, schedule.offset)
    return Starter(spec.job_id, host, schedule)


def _is_endless(schedule: Adjusted) -> bool:
    return (schedule.start, schedule.end) == (FIRST_INSTANT, LAST_INSTANT)


def find_bursts(
    before: Mapping[str, Starter], after: Mapping[str, Starter], caps: Iterable[Cap], *, clock: Clock
) -> dict[str, Burst]:
    """The changes to refuse, by job id: a job is changed if it is not the same in `before` and `after`.

    A refused change is not made, so the job's state in `before` is counted again. `zone` is the service's.
    """
    blamed: dict[str, Burst] = {}
    for cap in caps:
        if cap.most is None:
            continue
        span = Horizon.of_days(clock.now, DAYS, clock.zone)
        counted = _Counted(_only(before, cap), _only(after, cap), cap.most, cap.place, span)
        blamed = counted.blame() | blamed
    return blamed


def _only(starters: Mapping[str, Starter], cap: Cap) -> Mapping[str, Starter]:
    if cap.job_ids is None:
        return starters
    return {job_id: starter for job_id, starter in starters.items() if job_id in cap.job_ids}


class _Counted:
    """Counts the starts under one limit, and finds the changes that it refuses."""

    def __init__(
        self, before: Mapping[str, Starter], after: Mapping[str, Starter], most: int, place: str, span: Horizon
    ) -> None:
        self._before = before
        self._after = after
        self._most = most
        self._place = place
        self._span = span
        self._hosts = defaultdict[str, dict[str, Starter]](dict)
        """The jobs counted on each host; a refused change is taken back."""
        for job_id, starter in after.items():
            self._hosts[starter.host][job_id] = starter
        latest = max((one.offset for one in (*before.values(), *after.values())), default=timedelta())
        self._margin = -(-latest // MINUTE)
        self._slots = lru_cache(maxsize=1_024)(lambda schedule: find_slots(schedule, span, self._margin))

    def blame(self) -> dict[str, Burst]:
        """The changes to refuse, by job id.

        Taking a change back may bring its job back to another host, which then has to be counted again: loops until no
        further change is refused.
        """
        changed = {job_id for job_id, starter in self._after.items() if starter != self._before.get(job_id)}
        hosts = {self._after[job_id].host for job_id in changed}
        blamed: dict[str, Burst] = {}
        while hosts:
            found = {job_id: burst for host in hosts for job_id, burst in self._on_host(host, changed)}
            for job_id in found:
                self._take_back(job_id)
            hosts = {self._before[job_id].host for job_id in found if job_id in self._before}
            changed -= found.keys()
            blamed |= found
        return blamed

    def _take_back(self, job_id: str) -> None:
        del self._hosts[self._after[job_id].host][job_id]
        if earlier := self._before.get(job_id):
            self._hosts[earlier.host][job_id] = earlier

    def _on_host(self, host: str, changed: set[str]) -> Iterator[tuple[str, Burst]]:
        jobs = self._hosts[host].values()
        if sum(map(_most_a_minute, jobs)) <= self._most:
            return
        tally = Tally(self._span, self._margin)
        for group in self._grouped(jobs):
            tally.add(group)
        starts = tally.starts
        over = [minute for minute, count in enumerate(starts) if count > self._most]
        over.sort(key=lambda minute: -starts[minute])  # the worst first, among equal ones the earliest
        ranks = {minute: rank for rank, minute in enumerate(over)}
        worst: dict[tuple[_Pace, _Pace | None], int | None] = {}
        for starter in [job for job in jobs if over and job.job_id in changed]:
            paces = self._pace(starter), self._earlier(starter)
            if paces not in worst:
                worst[paces] = self._worst(*paces, ranks)
            if (minute := worst[paces]) is not None:
                yield starter.job_id, Burst(host, self._span.moment(minute), starts[minute], self._most, self._place)

    def _grouped(self, jobs: Iterable[Starter]) -> Iterator[Group]:
        shared = defaultdict[object, list[Starter]](list)
        for job in jobs:
            shared[job.schedule].append(job)
        return (Group(self._slots(sharing[0].schedule), sharing) for sharing in shared.values())

    def _pace(self, starter: Starter) -> "_Pace":
        return _Pace(starter.schedule, starter.offset_sec)

    def _earlier(self, starter: Starter) -> "_Pace | None":
        """How the job started on this host before the change; `None` if it did not."""
        earlier = self._before.get(starter.job_id)
        return self._pace(earlier) if earlier is not None and earlier.host == starter.host else None

    def _worst(self, pace: "_Pace", earlier: "_Pace | None", ranks: Mapping[int, int]) -> int | None:
        """The first minute by rank with more starts of the job than before, or `None`."""
        starts, before = self._starts(pace), self._starts(earlier) if earlier else Counter[int]()
        for minute in sorted(ranks.keys() & starts.keys(), key=ranks.__getitem__):
            if starts[minute] > before[minute]:
                return minute
        return None

    def _starts(self, pace: "_Pace") -> Counter[int]:
        """How often such a job starts in each minute."""
        return self._slots(pace.schedule).per_minute(pace.offset_sec)


class _Pace(NamedTuple):
    """When a job starts, regardless of which job it is."""

    schedule: Schedule
    offset_sec: int


def _most_a_minute(starter: Starter) -> int:
    """An upper bound for the starts of the job in a minute, including times moved out of a clock's gap."""
    rhythm = starter.schedule.rhythm if isinstance(starter.schedule, Adjusted) else starter.schedule
    match rhythm:
        case Once():
            return 1
        case Never():
            return 0
        case Interval(every, _):
            return -(-MINUTE // every)
        case WallInterval():
            return 2
        case _:
            times = [one.expression for one in members_of(rhythm)]
            return sum(len(one.seconds) + (not one.real_time) for one in times)
