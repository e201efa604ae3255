"""Simulates the jobs of a shared target together, as its limits on concurrency and rate hold over all of them.

One `Agenda` with the `Throttles` of the service decides for all jobs, slot by slot. As in the service, slots that fall
due together are decided in the order of the jobs' ids, and wait for their turn in the order in which they were due.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken, target_lane
from myscheduler.core.dispatch.throttles import TargetLimits, Throttles
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.expansion import expand, to_datetime, to_micros
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after
from myscheduler.core.simulate.outlook import WAITING, Event, Late, Ledger, Outlook, Sent
from myscheduler.core.simulate.scenario import PERMITS, Scenario

_AT_ONCE = 100
"""How many claims are taken from the agenda at a time."""


@dataclass(slots=True)
class Waits:
    """What the limits of a target did to its calls."""

    calls: int = 0
    waited: int = 0
    """How many calls were sent later than their jobs could have sent them."""
    longest: timedelta = timedelta()
    missed: int = 0
    """How many slots were missed that fell due while the service was up."""


@dataclass(slots=True)
class _Member:
    """A job of the target."""

    job: Job
    schedule: Schedule
    ledger: Ledger
    slots: Iterator[int]
    free_at: datetime
    """When it could last begin a call: since its start, or the end of its last one."""
    running: list[Sent] = field(default_factory=list)
    """Oldest first."""


class Crowd:
    """Takes the jobs of one target through the whole scenario. Integer times are in microseconds."""

    def __init__(
        self,
        target: str,
        limits: TargetLimits,
        jobs: Iterable[tuple[Job, Schedule, Ledger]],
        scenario: Scenario,
        *,
        zone: str,
    ) -> None:
        """None of the jobs is paused, and none calls another target. Targets never fail, so circuits stay closed."""
        self._lane = target_lane(target)
        self._limits = replace(limits, breaker=None)
        self._scenario = scenario
        self._zone = zone
        after, until = scenario.start - TICK, scenario.until - TICK
        self._members = {
            job.job_id: _Member(
                job, schedule, ledger, chain.from_iterable(expand(schedule, after, until)), scenario.start
            )
            for job, schedule, ledger in jobs
        }
        self._due: list[tuple[int, str]] = []
        """A heap of the next slot of each job."""
        for job_id in self._members:
            self._push_slot(job_id)
        self._answers: list[tuple[int, int, str, Sent]] = []
        """A heap of when calls end, in the order in which they were sent."""
        self._order = 0
        self.waits = Waits()

    def run(self) -> dict[str, Outlook]:
        """The outlook of each job, by its id."""
        for start, end in self._scenario.ups():
            self._start(start)
            self._run_until(end)
        return {job_id: one.ledger.close(self._waiting(one)) for job_id, one in self._members.items()}

    def _waiting(self, member: _Member) -> Event | None:
        """The due slots of a job that were neither sent nor recorded."""
        cursor, end = member.job.cursor, self._scenario.until - TICK
        first = next_after(member.schedule, cursor)
        if first is None or first > end:
            return None
        last = last_until(member.schedule, end, after=cursor) or first
        return Event(WAITING, None, first, last, count_between(member.schedule, cursor, end))

    def _push_slot(self, job_id: str) -> None:
        slot = next(self._members[job_id].slots, None)
        if slot is not None:
            heapq.heappush(self._due, (slot, job_id))

    def _start(self, moment: datetime) -> None:
        """Start the service, for the first time or after an outage: slots before `moment` are overdue."""
        self._started_at, self._now, just_before = moment, moment, moment - TICK
        self._answers.clear()
        throttles = Throttles()  # in memory, so a restart begins with a new one
        throttles.declare({self._lane: self._limits})
        self._agenda = Agenda(
            zone=self._zone,
            permits=PERMITS,
            permits_per_host=PERMITS,
            new_id=lambda _now: "simulated",
            throttles=throttles,
        )
        while self._due and self._due[0][0] < to_micros(moment):
            _, job_id = heapq.heappop(self._due)
            self._push_slot(job_id)
        for _, member in sorted(self._members.items()):
            member.free_at = moment
            self._recover(member, moment)
            self._agenda.arm(member.job, just_before)
        self._make_room()
        self._agenda.start(just_before)
        self._wake(to_micros(moment))
        self._send(moment)

    def _recover(self, member: _Member, now: datetime) -> None:
        """Send executions again that the outage cut off, or record them as interrupted."""
        left, member.running = member.running, []
        for sent in left:
            if not may_resend(member.job, sent.execution, now):
                sent.cut_off = Reason.CRASH
                continue
            self._agenda.begin(member.job.job_id)
            member.running.append(sent)
            self._agenda.queue(self._lane, sent.execution.slot, partial(self._resend, member, sent))

    def _resend(self, member: _Member, sent: Sent) -> None:
        """Send an execution again, as it has a permit now."""
        if sent.cut_off is not None:  # while it waited
            self._agenda.leave(self._lane)
            return
        sent.sent_at, sent.late = self._now, Late.RESENT
        self._answer_later(member, sent)

    def _run_until(self, end: datetime) -> None:
        """Advance the clock to `end`; events at `end` itself don't happen."""
        stop = to_micros(end)
        while (moment := self._next_event()) is not None and moment < stop:
            self._now = now = to_datetime(moment)
            self._wake(moment)
            self._end(moment)
            self._send(now)

    def _next_event(self) -> int | None:
        """When the next slot, the next answer, or the end of what holds the target back is."""
        held_until = self._agenda.held_until(self._now)
        times = [
            *(heap[0][0] for heap in (self._due, self._answers) if heap),
            *([max(to_micros(held_until), to_micros(self._now) + 1)] if held_until is not None else ()),
        ]
        return min(times, default=None)

    def _wake(self, moment: int) -> None:
        self._now = to_datetime(moment)
        while self._due and self._due[0][0] <= moment:
            _, job_id = heapq.heappop(self._due)
            self._agenda.wake(job_id, self._now)
            self._push_slot(job_id)
        self._make_room()

    def _end(self, moment: int) -> None:
        while self._answers and self._answers[0][0] <= moment:
            _, _, job_id, sent = heapq.heappop(self._answers)
            self._agenda.leave(self._lane)
            self._over(self._members[job_id], sent)

    def _over(self, member: _Member, sent: Sent) -> None:
        member.running = [one for one in member.running if one is not sent]
        member.free_at = self._now
        self._agenda.over(member.job.job_id)
        self._agenda.end(member.job.job_id)

    def _make_room(self) -> None:
        for job_id in self._agenda.take_crowded():
            member = self._members[job_id]
            sent = member.running[0]
            sent.cut_off = Reason.REPLACED
            if len(left := [one for one in self._answers if one[3] is not sent]) < len(self._answers):
                self._answers = left
                heapq.heapify(left)
                self._agenda.leave(self._lane)
            self._over(member, sent)

    def _send(self, now: datetime) -> None:
        """Claim and send all that may be sent now."""
        self._now = now
        while batch := self._agenda.take(now, _AT_ONCE):
            for taken in batch:
                self._agenda.confirm(taken)
                self._record(self._members[taken.claim.job_id], taken)
            self._make_room()  # a slot that waited after a step to record may need room only now

    def _record(self, member: _Member, taken: Taken) -> None:
        if taken.claim.cursor is not None:
            member.job = replace(member.job, cursor=taken.claim.cursor)
        for one in taken.claim.unrun:
            member.ledger.left_out(one)
            self._count_missed(one)
        execution = taken.claim.execution
        if execution is None:
            return
        ready = max(execution.slot, self._started_at)
        if member.job.spec.overlap != "allow":
            ready = max(ready, member.free_at)
        sent = Sent(execution, self._now, self._late(execution.slot, ready))
        self.waits.calls += 1
        self.waits.waited += self._now > ready
        self.waits.longest = max(self.waits.longest, self._now - ready)
        member.ledger.sent(sent)
        member.running.append(sent)
        self._answer_later(member, sent)

    def _count_missed(self, unrun: Unrun) -> None:
        if unrun.status is Status.MISSED and unrun.reason == Reason.DEADLINE and unrun.last >= self._started_at:
            self.waits.missed += unrun.count

    def _answer_later(self, member: _Member, sent: Sent) -> None:
        self._order += 1
        entry = (to_micros(self._now + self._scenario.latency), self._order, member.job.job_id, sent)
        heapq.heappush(self._answers, entry)

    def _late(self, slot: datetime, ready: datetime) -> Late | None:
        if slot < self._started_at:
            return Late.CATCH_UP
        if self._now > ready:
            return Late.THROTTLED
        return Late.QUEUED if slot < self._now else None
