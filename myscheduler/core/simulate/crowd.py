"""Simulates jobs together that have to do with each other: they run after one another, or share a target with limits.

One `Agenda` with the `Throttles` of the service decides for all jobs, slot by slot. As in the service, slots that fall
due together are decided in the order of the jobs' ids, and wait for their turn in the order in which they were due.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain

from myscheduler.core.chains.following import Follower
from myscheduler.core.chains.graph import Graph
from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken, target_lane
from myscheduler.core.dispatch.retrying import why_not_retried
from myscheduler.core.dispatch.throttles import TargetLimits, Throttles
from myscheduler.core.dispatch.turns import Turn, status_of, turn_of, why_not_begun
from myscheduler.core.history.execution import Cause, Execution, Kind, Link, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.expansion import expand, to_micros
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after
from myscheduler.core.simulate.calls import Calls, Member, Waits
from myscheduler.core.simulate.chained import ChainOutlook, SimulatedChains
from myscheduler.core.simulate.outlook import WAITING, Event, Ledger, Outlook, Sent
from myscheduler.core.simulate.scenario import PERMITS, Scenario
from myscheduler.core.simulate.timeline import Timeline

_AT_ONCE = 100
"""How many claims are taken from the agenda at a time."""


class Crowd:
    """Takes jobs together through the whole scenario. Integer times are in microseconds."""

    def __init__(
        self,
        jobs: Iterable[tuple[Job, Schedule, Ledger]],
        scenario: Scenario,
        *,
        limits: Mapping[str, TargetLimits],
        graph: Graph,
        zone: str,
    ) -> None:
        """`limits` are those of the targets that have any, by name. All jobs that `graph` has are among `jobs`."""
        self._limits = {target_lane(name): one for name, one in limits.items()}
        self._scenario = scenario
        self._zone = zone
        after, until = scenario.start - TICK, scenario.until - TICK
        self._members = {
            job.job_id: Member(
                job, schedule, ledger, chain.from_iterable(expand(schedule, after, until)), scenario.start
            )
            for job, schedule, ledger in jobs
        }
        self._due: list[tuple[int, str]] = []
        """A heap of the next slot of each job."""
        for job_id in self._members:
            self._push_slot(job_id)
        self._ids = 0
        self._chains = SimulatedChains(graph, scenario, self._new_id)
        self._with_room: list[Sent] = []
        """What waited until its job had room, and has it now."""
        self._completed: dict[str, datetime] = {}
        """When required jobs last completed."""
        self._waits = {lane: Waits() for lane in self._limits}
        self._timeline = Timeline(scenario.start)
        self._calls = Calls(
            self._timeline,
            self._members,
            scenario,
            self._waits,
            completed=self._completed,
            why_not=self._why_not,
            end=self._over,
        )

    def run(self) -> dict[str, Outlook]:
        """The outlook of each job, by its id."""
        for start, end in self._scenario.ups():
            self._start(start)
            self._run_until(end)
        return {job_id: one.ledger.close(self._waiting(one)) for job_id, one in self._members.items()}

    @property
    def waits(self) -> dict[str, Waits]:
        """What the limits of each target did, by its name."""
        return {lane.removeprefix("@"): one for lane, one in self._waits.items()}

    def chains(self, *, keep_all: bool) -> list[ChainOutlook]:
        """How the chains went, once all is run; see `SimulatedChains.close`."""
        return list(self._chains.close(keep_all=keep_all))

    def _new_id(self, moment: datetime) -> str:
        """An id of the form of those of the service: they begin with their time."""
        self._ids += 1
        milliseconds = f"{to_micros(moment) // 1000:012x}"
        return f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-{self._ids:012x}"

    def _waiting(self, member: Member) -> Event | None:
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

    # --- starts -------------------------------------------------------------------------------------------------------

    def _start(self, moment: datetime) -> None:
        """Start the service, for the first time or after an outage: slots before `moment` are overdue."""
        self._timeline.restart(moment)
        just_before = moment - TICK
        self._with_room.clear()
        throttles = Throttles()  # in memory, so a restart begins with a new one
        throttles.declare(self._limits)
        self._agenda = Agenda(
            zone=self._zone,
            permits=PERMITS,
            permits_per_host=PERMITS,
            new_id=self._new_id,
            throttles=throttles,
        )
        self._agenda.on_room = self._freed
        self._calls.start(self._agenda, throttles)
        while self._due and self._due[0][0] < to_micros(moment):
            _, job_id = heapq.heappop(self._due)
            self._push_slot(job_id)
        unbegun = [sent for _, member in sorted(self._members.items()) for sent in self._recover(member)]
        for _, member in sorted(self._members.items()):
            member.free_at = moment
            self._agenda.arm(member.job, just_before)
        self._required = self._agenda.requirements.required()
        self._agenda.completed(self._completed)
        self._make_room()
        self._agenda.start(just_before)
        self._wake(to_micros(moment))
        for sent in sorted(unbegun, key=lambda one: one.execution.execution_id):
            self._turn(sent)
        self._settle()

    def _recover(self, member: Member) -> list[Sent]:
        """Go on with what was cut off, or record it as interrupted. Returns what waits for its turn in a chain."""
        left, member.sent = member.sent, []
        member.in_line.clear()
        unbegun = []
        for sent in left:
            sent.has_permit = sent.is_counted = False
            member.sent.append(sent)
            if sent.is_unbegun:
                unbegun.append(sent)
            elif why := self._why_closed(member.job, sent):
                self._over(sent, Status.INTERRUPTED, why)
            else:
                sent.is_counted = True
                self._agenda.begin(member.job.job_id)
                if sent.retry_at is None:
                    self._calls.resend(sent)
                else:
                    self._timeline.do_later(sent.retry_at, sent, self._calls.queue)
        return unbegun

    def _why_closed(self, job: Job, sent: Sent) -> Reason | None:
        if sent.retry_at is not None:
            return why_not_retried(job, sent.execution, self._timeline.now)
        return None if may_resend(job, sent.execution, self._timeline.now) else Reason.CRASH

    # --- time ---------------------------------------------------------------------------------------------------------

    def _run_until(self, end: datetime) -> None:
        """Advance the clock to `end`; events at `end` itself don't happen."""
        stop = to_micros(end)
        while (moment := self._next_event()) is not None and moment < stop:
            self._wake(moment)
            self._timeline.do_due(moment)
            self._settle()

    def _next_event(self) -> int | None:
        """When the next slot, the next answer, or the end of what holds the target back is."""
        now = self._timeline.now
        held_until = self._agenda.held_until(now)
        go_on_at = None if held_until is None else max(to_micros(held_until), to_micros(now) + 1)
        times = (self._due[0][0] if self._due else None, self._timeline.next_at(), go_on_at)
        return min((one for one in times if one is not None), default=None)

    def _wake(self, moment: int) -> None:
        self._timeline.go_to(moment)
        while self._due and self._due[0][0] <= moment:
            _, job_id = heapq.heappop(self._due)
            self._agenda.wake(job_id, self._timeline.now)
            self._push_slot(job_id)
        self._make_room()

    def _settle(self) -> None:
        """Do all that is to be done at this moment."""
        while True:
            for follower in self._chains.follow(self._timeline.now):
                self._follow(follower)
            with_room, self._with_room = self._with_room, []
            for sent in with_room:
                self._begin(sent)
            if not self._send() and not self._chains.has_ended and not self._with_room:
                break
        self._chains.settle()

    # --- slots --------------------------------------------------------------------------------------------------------

    def _send(self) -> bool:
        """Claim and send all that may be sent now. Returns whether there was anything."""
        is_any = False
        while batch := self._agenda.take(self._timeline.now, _AT_ONCE):
            is_any = True
            for taken in batch:
                self._agenda.confirm(taken)
                self._record(self._members[taken.claim.job_id], taken)
            self._make_room()  # a slot that waited after a step to record may need room only now
        return is_any

    def _record(self, member: Member, taken: Taken) -> None:
        if taken.claim.cursor is not None:
            member.job = replace(member.job, cursor=taken.claim.cursor)
        for one in taken.claim.unrun:
            member.ledger.left_out(one)
            self._count_missed(member, one)
            self._follow_left_out(member.job.job_id, one)
        execution = taken.claim.execution
        if execution is None:
            return
        sent = Sent(execution, has_permit=True, is_counted=True)
        member.ledger.sent(sent)
        member.sent.append(sent)
        self._chains.begin(sent, self._timeline.now)
        self._calls.call(sent)

    def _count_missed(self, member: Member, unrun: Unrun) -> None:
        waits = self._waits.get(member.lane)
        is_late = unrun.status is Status.MISSED and unrun.reason == Reason.DEADLINE
        if waits is not None and is_late and unrun.last >= self._timeline.started_at:
            waits.missed += unrun.count

    def _make_room(self) -> None:
        """Cut off the oldest execution of jobs that say `overlap: replace` and have a newer slot due."""
        for job_id in self._agenda.take_crowded():
            self._cut_off(self._members[job_id].sent[0])

    # --- chains -------------------------------------------------------------------------------------------------------

    def _follow_left_out(self, job_id: str, unrun: Unrun) -> None:
        """Do what follows from slots that did not run."""
        others, followers = self._chains.left_out(job_id, unrun, self._timeline.now)
        for other, of_other in others:
            self._members[other].ledger.left_out(of_other)
        for follower in followers:
            self._follow(follower)

    def _follow(self, one: Follower) -> None:
        """Record what the end of another has started or left out; what runs has its turn now."""
        member = self._members[one.job_id]
        link = Link(one.chain_id, one.parent_id, one.until)
        job, now = member.job, self._timeline.now
        sent = Sent(
            Execution(
                one.execution_id, one.job_id, one.slot, Kind.CHAINED, Cause.CHAIN, job.digest, None, now, link=link
            )
        )
        if one.reason is not None:
            sent.end(Status.SKIPPED, now, one.reason)
        member.ledger.sent(sent)
        self._chains.joined(sent, one.parent_id)
        if one.reason is None:
            member.sent.append(sent)
            self._turn(sent)

    def _turn(self, sent: Sent) -> None:
        """Let an execution begin, or have it wait until its job has room."""
        if why := self._why_not(sent):
            self._over(sent, status_of(why), why)
            return
        job_id = sent.execution.job_id
        member = self._members[job_id]
        turn = turn_of(member.job.spec, has_room=self._agenda.may_begin(job_id), waiting=len(member.in_line))
        if turn is Turn.SKIP:
            self._over(sent, Status.SKIPPED, Reason.OVERLAP)
        elif turn is Turn.BEGIN:
            self._count(sent)
            self._calls.queue(sent)
        else:
            member.in_line.append(sent)
            if turn is Turn.REPLACE:
                self._cut_off(member.sent[0])

    def _freed(self, job_id: str) -> None:
        """Give the room that a job may have to what waits for it."""
        in_line = self._members[job_id].in_line
        while in_line and self._agenda.may_begin(job_id):
            sent = in_line.popleft()
            self._count(sent)
            self._with_room.append(sent)

    def _begin(self, sent: Sent) -> None:
        """Let an execution begin that has waited for room."""
        if sent.ended_at is not None:
            return
        if why := self._why_not(sent):
            self._over(sent, status_of(why), why)
        else:
            self._calls.queue(sent)

    def _why_not(self, sent: Sent) -> Reason | None:
        job = self._members[sent.execution.job_id].job
        return why_not_begun(job, sent.execution, self._timeline.now, zone=self._zone)

    def _count(self, sent: Sent) -> None:
        sent.is_counted = True
        self._agenda.begin(sent.execution.job_id)

    def _cut_off(self, sent: Sent) -> None:
        """End an execution for a newer one of its job."""
        self._calls.leave(sent)
        self._over(sent, Status.SKIPPED if sent.is_unbegun else Status.INTERRUPTED, Reason.REPLACED)

    def _over(self, sent: Sent, status: Status, reason: Reason | None = None) -> None:
        job_id = sent.execution.job_id
        member = self._members[job_id]
        sent.end(status, self._timeline.now, reason)
        member.sent = [one for one in member.sent if one is not sent]
        if sent in member.in_line:
            member.in_line.remove(sent)
        if status is Status.COMPLETED and job_id in self._required:
            self._completed[job_id] = self._timeline.now
            self._agenda.completed({job_id: self._timeline.now})
        self._chains.ended(sent)
        if sent.is_counted:
            member.free_at = self._timeline.now
            self._agenda.over(job_id)
            self._agenda.end(job_id)
