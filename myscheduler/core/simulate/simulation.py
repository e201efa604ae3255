"""Simulates jobs on a virtual clock: which slots would run, be skipped or be caught up on.

All decisions are made by the `Agenda` that the service uses, for one job at a time, with unlimited permits; jobs that
have to do with each other are simulated together (see `linked` and `crowd`). To be fast, slots of an idle job that are
farther apart than a call takes are not given to the agenda: they run on time, and are recorded many at a time. Targets
answer after a fixed time, and fail only where that is assumed.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.throttles import TargetLimits
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
from myscheduler.core.simulate.calls import Waits
from myscheduler.core.simulate.chained import ChainOutlook
from myscheduler.core.simulate.crowd import Crowd
from myscheduler.core.simulate.outlook import WAITING, Event, Late, Ledger, Outlook, Sent
from myscheduler.core.simulate.scenario import PERMITS, Scenario
from myscheduler.core.simulate.slot_feed import SlotFeed
from myscheduler.errors import MySchedulerError

_AT_ONCE = 100
"""How many claims are taken from the agenda at a time."""
MOST_LEFT_OUT = 20_000
"""The most stretches of left-out slots simulated for one job; enough for two an hour for a year."""


class TooManyLeftOutError(MySchedulerError):
    """A job's slots are left out in more than `MOST_LEFT_OUT` separate stretches of the simulated time."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"{job_id}: slots are left out in more than {MOST_LEFT_OUT:,} separate stretches of the simulated time, "
            "which is the limit: simulate a shorter time, or write fewer and longer blackouts"
        )


@dataclass(frozen=True, slots=True)
class Together:
    """The result for jobs that have to do with each other."""

    outlooks: Mapping[str, Outlook]
    """By job."""
    waits: Mapping[str, Waits]
    """What the limits of targets did, by target."""
    chains: Sequence[ChainOutlook]


class Simulation:
    """Simulates many jobs; jobs that differ only in what has no effect on it (see `_NEUTRAL`) share one result."""

    def __init__(self, scenario: Scenario, *, zone: str, keep_all: bool = False) -> None:
        """`zone` is the service's time zone; with `keep_all`, executions on time have events, too."""
        self._scenario = scenario
        self._zone = zone
        self._keep_all = keep_all
        self._known: dict[tuple[Schedule, str, timedelta], Outlook] = {}

    def outlook(self, spec: JobSpec) -> Outlook:
        """Simulate a job that is created at the start of the scenario.

        Raises `TooManyLeftOutError` where its slots are left out in too many stretches.
        """
        schedule = compile_schedule(spec, zone=self._zone, created_at=self._scenario.start)
        latency = self._scenario.latency_of(spec.job_id)
        key = schedule, digest(replace(spec, **_NEUTRAL)), latency
        if key not in self._known:
            self._known[key] = self._simulate(spec, schedule, latency)
        return self._known[key]

    def together(self, specs: Sequence[JobSpec], limits: Mapping[str, TargetLimits]) -> Together:
        """Simulate jobs that have to do with each other: see `linked_jobs`."""
        found: dict[str, Outlook] = {}
        graph = self._scenario.assumed.graph(specs)
        members = []
        for spec in specs:
            schedule = compile_schedule(spec, zone=self._zone, created_at=self._scenario.start)
            job, ledger = self._created(spec, schedule), Ledger(keep_all=self._keep_all)
            if job.is_paused and spec.job_id not in graph:
                found[spec.job_id] = _all_paused(schedule, self._scenario, ledger)
            else:
                members.append((job, schedule, ledger))
        targets = {spec.target for spec in specs}
        of_targets = {name: one for name, one in limits.items() if name in targets}
        crowd = Crowd(members, self._scenario, limits=of_targets, graph=graph, zone=self._zone)
        return Together(found | crowd.run(), crowd.waits, crowd.chains(keep_all=self._keep_all))

    def _created(self, spec: JobSpec, schedule: Schedule) -> Job:
        start = self._scenario.start
        job = lifecycle.create(spec, owner=Owner.MANIFEST, source=None, clock=Clock(start, self._zone)).job
        # a slot at the very start belongs to the simulation
        return replace(job, cursor=start - TICK, next_slot=next_after(schedule, start - TICK))

    def _simulate(self, spec: JobSpec, schedule: Schedule, latency: timedelta) -> Outlook:
        job = self._created(spec, schedule)
        ledger = Ledger(keep_all=self._keep_all)
        if job.is_paused:
            return _all_paused(schedule, self._scenario, ledger)
        return _Course(job, schedule, replace(self._scenario, latency=latency), ledger, zone=self._zone).run()


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
"""Values for fields that have no effect on the simulation: the request, and the schedule as written (the compiled
schedule is compared instead)."""


def _all_paused(schedule: Schedule, scenario: Scenario, ledger: Ledger) -> Outlook:
    skipped = unrun_between(schedule, scenario.start - TICK, scenario.until - TICK, Status.SKIPPED, Reason.PAUSED)
    if skipped:
        ledger.left_out(skipped)
    return ledger.close(None)


class _Course:
    """Takes one job through the whole scenario.

    The clock goes from event to event: to the next slot or the next answer, whichever is earlier, the slot first when
    both are at the same time. Integer times are in microseconds since the Unix epoch.
    """

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
            self._run_until(to_micros(end), is_killed=end < self._scenario.until)
        return self._ledger.close(self._waiting())

    def _waiting(self) -> Event | None:
        """The due slots that were neither sent nor recorded."""
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

    def _run_until(self, end: int, *, is_killed: bool) -> None:
        """Advance the clock to `end`; events at `end` itself don't happen."""
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
        """Record slots that are followed by enough time for their call, as nothing is running: they run on time."""
        last: int | None = None
        while slots := self._slots.take_calm(before):
            self._record_calm(slots)
            last = slots[-1]
        if last is not None:
            self._service.leap(to_datetime(last))

    def _record_calm(self, slots: Sequence[int]) -> None:
        """Record the slots as run on time, except those that are left out."""
        recorded = 0
        nearest = bisect_right(self._left_out, slots[0], key=lambda one: one[1])
        for start, end, why in self._left_out[nearest:]:
            if start > slots[-1]:
                break
            first, stop = bisect_left(slots, start), bisect_left(slots, end)
            if first < stop:
                self._ledger.ran_on_time(slots[recorded:first])
                begin, last = to_datetime(slots[first]), to_datetime(slots[stop - 1])
                self._ledger.left_out(Unrun(Status.SKIPPED, why, begin, last, stop - first))
                recorded = stop
        self._ledger.ran_on_time(slots[recorded:])


class _Service:
    """Does for one job what the dispatcher does, with the time passed in, and answers that take `latency`."""

    def __init__(self, job: Job, ledger: Ledger, *, latency: timedelta, zone: str) -> None:
        self._job = job
        self._ledger = ledger
        self._latency = latency
        self._zone = zone
        self._running: deque[tuple[int, Sent]] = deque()
        """Running executions with the times of their answers, in microseconds; the oldest is answered first."""
        self.cursor = job.cursor
        """The cursor that the service would have stored."""

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    @property
    def next_answer(self) -> int | None:
        return self._running[0][0] if self._running else None

    def start(self, moment: datetime) -> None:
        """Start the service, for the first time or after an outage: slots before `moment` are overdue."""
        self._started_at = moment
        self._agenda = Agenda(
            zone=self._zone, permits=PERMITS, permits_per_host=PERMITS, new_id=lambda _now: "simulated"
        )
        self._recover(moment)
        just_before = moment - TICK
        self._agenda.arm(replace(self._job, cursor=self.cursor), just_before)
        self._make_room(moment)
        self._agenda.start(just_before)

    def _recover(self, now: datetime) -> None:
        left, self._running = self._running, deque()
        for _, sent in left:
            if may_resend(self._job, sent.execution, now):
                sent.sent_at, sent.late = now, Late.RESENT
                self._agenda.begin(self._job.job_id)
                self._running.append((to_micros(now + self._latency), sent))
            else:
                sent.end(Status.INTERRUPTED, now, Reason.CRASH)

    def wake(self, now: datetime) -> None:
        """Have the slots up to `now` decided."""
        self._agenda.wake(self._job.job_id, now)
        self._make_room(now)

    def _make_room(self, now: datetime) -> None:
        for _ in self._agenda.take_crowded():
            _, sent = self._running.popleft()
            sent.end(Status.INTERRUPTED, now, Reason.REPLACED)
            self._agenda.over(self._job.job_id)
            self._agenda.end(self._job.job_id)

    def send(self, now: datetime) -> None:
        """Claim and send all that may be sent now."""
        while batch := self._agenda.take(now, _AT_ONCE):
            for taken in batch:
                self._agenda.confirm(taken)
                self.cursor = taken.claim.cursor or self.cursor
                self._record(taken.claim.unrun, taken.claim.execution, now)
            self._make_room(now)  # a slot that waited after a step to record may need room only now

    def _record(self, unrun: Iterable[Unrun], execution: Execution | None, now: datetime) -> None:
        for one in unrun:
            self._ledger.left_out(one)
        if execution is not None:
            sent = Sent(execution, now, self._late(execution.slot, now))
            self._ledger.sent(sent)
            self._running.append((to_micros(now + self._latency), sent))

    def _late(self, slot: datetime, now: datetime) -> Late | None:
        if slot < self._started_at:
            return Late.CATCH_UP
        return Late.QUEUED if slot < now else None

    def end_first(self) -> None:
        """End the oldest execution: its answer has come."""
        answer, _ = self._running.popleft()
        self._agenda.over(self._job.job_id)
        self._agenda.end(self._job.job_id)
        self.send(to_datetime(answer))

    def leap(self, slot: datetime) -> None:
        """Move the cursor to `slot`: all slots up to it are decided, and their executions have ended."""
        self.cursor = slot
        self._agenda.arm(replace(self._job, cursor=slot), slot)
