"""The rules of the service on a virtual clock: what would fire, be skipped, be caught up, without waiting for it.

Nothing is decided here. The `Agenda` that the service runs on decides, one job at a time and with enough permits; only
where a job is idle and its slots leave room between them are they known to run on time, and told many at a time.
Targets answer after a fixed time and never fail.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any, NamedTuple

from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.history.execution import Execution, Status
from myscheduler.core.history.unrun import Unrun, unrun_between
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.spec import DeclaredDate, JobSpec
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import exclusions
from myscheduler.core.schedule.expansion import MICROSECOND, expand, to_datetime, to_micros
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after
from myscheduler.core.simulate.outlook import WAITING, Event, Late, Ledger, Outlook, Sent
from myscheduler.core.simulate.slot_feed import SlotFeed
from myscheduler.errors import MySchedulerError

_PERMITS = 1 << 60
"""More than are ever taken, so none is given back."""
_AT_ONCE = 100
MOST_LEFT_OUT = 20_000
"""So many stretches of time in which a job's slots are left out are told; more than two an hour for a year."""


class TooManyLeftOutError(MySchedulerError):
    """A job's blackouts, calendar and clock changes leave slots out too often in the time that is simulated."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"{job_id}: slots are left out in more than {MOST_LEFT_OUT:,} stretches of this time, too many to tell: "
            "simulate a shorter time, or write fewer and longer blackouts"
        )


class Outage(NamedTuple):
    """The service is killed at `start` and starts again at `end`; a slot at `end` is on time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated: the slots from `start`, included, to `until`, excluded."""

    start: datetime
    until: datetime
    latency: timedelta
    """How long each call takes."""
    outages: tuple[Outage, ...] = ()
    """In order, apart from each other, all within `start` and `until` and the last one over before that."""

    def ups(self) -> Iterator[tuple[datetime, datetime]]:
        """From when to when the service is up, the ends excluded."""
        edges = [Outage(self.start, self.start), *self.outages, Outage(self.until, self.until)]
        for before, after in pairwise(edges):
            if before.end < after.start:
                yield before.end, after.start


class Simulation:
    """Forecasts for many jobs; those that differ in nothing that counts share one."""

    def __init__(self, scenario: Scenario, *, zone: str, keep_all: bool = False) -> None:
        """`zone` is the service's; with `keep_all` the executions on time are among the events."""
        self._scenario = scenario
        self._zone = zone
        self._keep_all = keep_all
        self._known: dict[tuple[Schedule, str], Outlook] = {}

    def outlook(self, spec: JobSpec) -> Outlook:
        """What becomes of the slots of a job that is created when the simulation begins.

        Raises `TooManyLeftOutError` for what can't be told in bounded work.
        """
        schedule = compile_schedule(spec, zone=self._zone, created_at=self._scenario.start)
        key = schedule, digest(replace(spec, **_NEUTRAL))
        if key not in self._known:
            self._known[key] = self._simulate(spec, schedule)
        return self._known[key]

    def _simulate(self, spec: JobSpec, schedule: Schedule) -> Outlook:
        start = self._scenario.start
        job = lifecycle.create(spec, owner=Owner.MANIFEST, source=None, clock=Clock(start, self._zone)).job
        # a slot at the very start belongs to the simulation
        job = replace(job, cursor=start - TICK, next_slot=next_after(schedule, start - TICK))
        ledger = Ledger(keep_all=self._keep_all)
        if job.is_paused:
            return _all_paused(schedule, self._scenario, ledger)
        return _Course(job, schedule, self._scenario, ledger, zone=self._zone).run()


_NEUTRAL: Mapping[str, Any] = {
    "job_id": "",
    "name": "",
    "schedule": DeclaredDate("2000-01-01T00:00:00Z"),
    "timezone": None,
    "target_url": "",
    "method": "",
    "headers": {},
    "body": None,
    "timeout_sec": 1.0,
    "max_retries": 0,
    "retry_backoff_sec": 1.0,
    "labels": {},
}
"""What doesn't count: the request, and the spelling of the schedule, that is compared for itself."""


def _all_paused(schedule: Schedule, scenario: Scenario, ledger: Ledger) -> Outlook:
    skipped = unrun_between(schedule, scenario.start - TICK, scenario.until - TICK, Status.SKIPPED, Reason.PAUSED)
    if skipped:
        ledger.left_out(skipped)
    return ledger.close(None)


class _Course:
    """One job through the whole scenario."""

    def __init__(self, job: Job, schedule: Schedule, scenario: Scenario, ledger: Ledger, *, zone: str) -> None:
        after, until = scenario.start - TICK, scenario.until - TICK
        self._schedule = schedule
        self._scenario = scenario
        self._ledger = ledger
        self._service = _Service(job, ledger, latency=scenario.latency, zone=zone)
        self._latency = scenario.latency // MICROSECOND
        self._may_overlap = job.spec.overlap == "allow"
        self._slots = SlotFeed(expand(schedule, after, until), room=-1 if self._may_overlap else self._latency)
        found = list(islice(exclusions(schedule, after, until), MOST_LEFT_OUT + 1))
        if len(found) > MOST_LEFT_OUT:
            raise TooManyLeftOutError(job.job_id)
        self._left_out = [(to_micros(start), to_micros(end), Reason(why)) for start, end, why in found]

    def run(self) -> Outlook:
        for start, end in self._scenario.ups():
            self._start(start)
            self._live(to_micros(end), is_killed=end < self._scenario.until)
        return self._ledger.close(self._undone())

    def _undone(self) -> Event | None:
        """The slots that are due and were neither sent nor recorded."""
        cursor, end = self._service.cursor, self._scenario.until - TICK
        first = next_after(self._schedule, cursor)
        if first is None or first > end:
            return None
        last = last_until(self._schedule, end, after=cursor) or first
        return Event(WAITING, None, first, last, count_between(self._schedule, cursor, end))

    def _start(self, moment: datetime) -> None:
        self._service.start(moment)
        self._slots.skip_to(to_micros(moment))
        if self._slots.peek() == to_micros(moment):
            self._slots.advance()
            self._service.wake(moment)
        self._service.send(moment)

    def _live(self, end: int, *, is_killed: bool) -> None:
        """Let the clock run up to `end`; what would happen just then does not."""
        calm_until = end - self._latency if is_killed else end
        while True:
            if self._may_overlap or not self._service.is_busy:
                self._leap(calm_until)
            slot, answer = self._slots.peek(), self._service.next_answer
            if slot is not None and slot < end and (answer is None or slot <= answer):
                self._slots.advance()
                self._service.wake(to_datetime(slot))
                self._service.send(to_datetime(slot))
            elif answer is not None and answer < end:
                self._service.end_first()
            else:
                return

    def _leap(self, before: int) -> None:
        """Nothing waits and nothing is in the way: slots that leave room for each other run on time."""
        last: int | None = None
        while slots := self._slots.take_calm(before):
            self._tell_calm(slots)
            last = slots[-1]
        if last is not None:
            self._service.leap(to_datetime(last))

    def _tell_calm(self, slots: Sequence[int]) -> None:
        """They all run, unless they are left out."""
        told = 0
        nearest = bisect_right(self._left_out, slots[0], key=lambda one: one[1])
        for start, end, why in self._left_out[nearest:]:
            if start > slots[-1]:
                break
            first, behind = bisect_left(slots, start), bisect_left(slots, end)
            if first < behind:
                self._ledger.ran_on_time(slots[told:first])
                begin, last = to_datetime(slots[first]), to_datetime(slots[behind - 1])
                self._ledger.left_out(Unrun(Status.SKIPPED, why, begin, last, behind - first))
                told = behind
        self._ledger.ran_on_time(slots[told:])


class _Service:
    """What the dispatcher does for a job, with a clock that is told to it and targets that answer in time."""

    def __init__(self, job: Job, ledger: Ledger, *, latency: timedelta, zone: str) -> None:
        self._job = job
        self._ledger = ledger
        self._latency = latency
        self._zone = zone
        self._under_way: deque[tuple[int, Sent]] = deque()
        """With the moments of their answers; the oldest first, and so the first to be answered."""
        self.cursor = job.cursor
        """As it is stored."""

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way)

    @property
    def next_answer(self) -> int | None:
        return self._under_way[0][0] if self._under_way else None

    def start(self, moment: datetime) -> None:
        """Start, for the first time or after having been killed: slots before that moment are overdue."""
        self._started_at = moment
        self._agenda = Agenda(
            zone=self._zone, permits=_PERMITS, permits_per_host=_PERMITS, new_id=lambda _now: "simulated"
        )
        self._recover(moment)
        just_before = moment - TICK
        self._agenda.arm(replace(self._job, cursor=self.cursor), just_before)
        self._make_room()
        self._agenda.start(just_before)

    def _recover(self, now: datetime) -> None:
        left, self._under_way = self._under_way, deque()
        for _, sent in left:
            if may_resend(self._job, sent.execution, now):
                sent.sent_at, sent.late = now, Late.RESENT
                self._agenda.begin(self._job.job_id)
                self._under_way.append((to_micros(now + self._latency), sent))
            else:
                sent.cut_off = Reason.CRASH

    def wake(self, now: datetime) -> None:
        """A slot is due."""
        self._agenda.wake(self._job.job_id, now)
        self._make_room()

    def _make_room(self) -> None:
        for _ in self._agenda.take_crowded():
            _, sent = self._under_way.popleft()
            sent.cut_off = Reason.REPLACED
            self._agenda.over(self._job.job_id)
            self._agenda.end(self._job.job_id)

    def send(self, now: datetime) -> None:
        """Claim and send what has its turn."""
        while batch := self._agenda.take(now, _AT_ONCE):
            for taken in batch:
                self._agenda.confirm(taken)
                self.cursor = taken.claim.cursor or self.cursor
                self._record(taken.claim.unrun, taken.claim.execution, now)
            self._make_room()  # what waited behind a record may be in want of it only now

    def _record(self, unrun: Iterable[Unrun], execution: Execution | None, now: datetime) -> None:
        for one in unrun:
            self._ledger.left_out(one)
        if execution is not None:
            sent = Sent(execution, now, self._late(execution.slot, now))
            self._ledger.sent(sent)
            self._under_way.append((to_micros(now + self._latency), sent))

    def _late(self, slot: datetime, now: datetime) -> Late | None:
        if slot < self._started_at:
            return Late.CATCH_UP
        return Late.QUEUED if slot < now else None

    def end_first(self) -> None:
        """The oldest execution has its answer."""
        answer, _ = self._under_way.popleft()
        self._agenda.over(self._job.job_id)
        self._agenda.end(self._job.job_id)
        self.send(to_datetime(answer))

    def leap(self, slot: datetime) -> None:
        """Slots up to that one are decided, and their executions over."""
        self.cursor = slot
        self._agenda.arm(replace(self._job, cursor=slot), slot)
