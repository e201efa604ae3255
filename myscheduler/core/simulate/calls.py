"""The calls of simulated executions: permits, attempts, and how they end."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.retry import retry_delay
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import lane_of
from myscheduler.core.dispatch.throttles import Throttles
from myscheduler.core.dispatch.turns import status_of
from myscheduler.core.history.execution import Status
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Schedule
from myscheduler.core.simulate.outlook import Late, Ledger, Sent
from myscheduler.core.simulate.scenario import Scenario
from myscheduler.core.simulate.timeline import Timeline

_FAILED = Outcome(http_status=500, failure=Failure.HTTP_ERROR)
_FINE = Outcome(http_status=200)


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
class Member:
    """A job that is simulated together with others."""

    job: Job
    schedule: Schedule
    ledger: Ledger
    slots: Iterator[int]
    free_at: datetime
    """When it could last begin a call: since its start, or the end of its last one."""
    lane: str = ""
    """The lane in which its calls wait."""
    sent: list[Sent] = field(default_factory=list)
    """What has begun, or waits for its turn in a chain, oldest first."""
    in_line: deque[Sent] = field(default_factory=deque)
    """Those of them that wait until the job has room."""

    def __post_init__(self) -> None:
        self.lane = lane_of(self.job.spec, host_key(self.job.spec.target_url))


class Calls:
    """Makes the attempts of executions, as far as permits allow."""

    def __init__(
        self,
        timeline: Timeline,
        members: Mapping[str, Member],
        scenario: Scenario,
        waits: Mapping[str, Waits],
        *,
        completed: Mapping[str, datetime],
        why_not: Callable[[Sent], Reason | None],
        end: Callable[[Sent, Status, Reason | None], None],
    ) -> None:
        """`waits` is by the lanes that are limited, and `completed` has when required jobs last completed. `why_not`
        says why an execution of a chain may not begin now, and `end` is called with each that is over.
        """
        self._timeline = timeline
        self._members = members
        self._scenario = scenario
        self._waits = waits
        self._completed = completed
        self._why_not = why_not
        self._end = end

    def start(self, agenda: Agenda, throttles: Throttles) -> None:
        """Use these from now on: the service starts."""
        self._agenda, self._throttles = agenda, throttles

    def queue(self, sent: Sent) -> None:
        """Have an attempt wait for a permit."""
        self._agenda.queue(self._lane(sent), sent.execution.slot, partial(self._permitted, sent))

    def resend(self, sent: Sent) -> None:
        """Have an attempt that was cut off by an outage wait for a permit again."""
        self._agenda.queue(self._lane(sent), sent.execution.slot, partial(self._permitted_again, sent))

    def _lane(self, sent: Sent) -> str:
        return self._members[sent.execution.job_id].lane

    def _permitted_again(self, sent: Sent) -> None:
        if sent.ended_at is None:
            sent.sent_at, sent.late = self._timeline.now, Late.RESENT
        self._permitted(sent)

    def _permitted(self, sent: Sent) -> None:
        """Send an attempt, as it has a permit now."""
        sent.has_permit = True
        if sent.ended_at is not None:  # while it waited
            self.leave(sent)
        elif sent.is_unbegun and (why := self._why_not(sent)):
            self.leave(sent)
            self._end(sent, status_of(why), why)
        else:
            self.call(sent)

    def call(self, sent: Sent) -> None:
        """Send an attempt that has a permit."""
        if sent.sent_at is None:
            self._note_first(sent)
        sent.attempts, sent.retry_at = sent.attempts + 1, None
        answer_at = self._timeline.now + self._scenario.latency_of(sent.execution.job_id)
        self._timeline.do_later(answer_at, sent, self._answered)

    def _note_first(self, sent: Sent) -> None:
        now, started_at, member = self._timeline.now, self._timeline.started_at, self._members[sent.execution.job_id]
        asked = sent.execution.started_at if sent.is_chained else sent.execution.slot
        ready = max(asked, started_at)
        if member.job.spec.overlap != "allow":
            ready = max(ready, member.free_at)
        met_at = max((self._completed.get(one.job, ready) for one in member.job.spec.requires), default=ready)
        sent.sent_at = now
        if asked < started_at and not sent.is_chained:
            sent.late = Late.CATCH_UP
        elif now > max(ready, met_at):
            sent.late = Late.THROTTLED
        elif met_at > ready:
            sent.late = Late.REQUIREMENT
        elif asked < now:
            sent.late = Late.QUEUED
        if (waits := self._waits.get(member.lane)) is not None:
            ready = max(ready, met_at)
            waits.calls += 1
            waits.waited += now > ready
            waits.longest = max(waits.longest, now - ready)

    def _answered(self, sent: Sent) -> None:
        """End an attempt: its answer has come."""
        now, execution = self._timeline.now, sent.execution
        fails = self._scenario.assumed.fails(execution.job_id, execution.slot)
        outcome = _FAILED if fails else _FINE
        self.leave(sent, outcome)
        delay = None
        if fails:
            elapsed, spec = (now - (sent.sent_at or now)).total_seconds(), self._members[execution.job_id].job.spec
            delay = retry_delay(spec, outcome, sent.attempts, elapsed_sec=elapsed, now=now)
        if isinstance(delay, float):
            sent.retry_at = now + timedelta(seconds=delay)
            self._timeline.do_later(sent.retry_at, sent, self.queue)
        else:
            self._end(sent, Status.FAILED if fails else Status.COMPLETED, None)

    def leave(self, sent: Sent, outcome: Outcome | None = None) -> None:
        """Return its permit, if it has one; `outcome` is that of its attempt, if that is known."""
        if sent.has_permit:
            sent.has_permit = False
            lane = self._lane(sent)
            self._agenda.leave(lane)
            self._throttles.note(lane, outcome, self._timeline.now)
