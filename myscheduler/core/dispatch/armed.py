"""A job in the agenda, and a claim taken from it."""

from dataclasses import dataclass, field
from datetime import datetime

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Schedule


def lane_of(spec: JobSpec, host: str) -> str:
    """The lane in which calls of the job wait: that of its shared target, or else that of its host."""
    return host if spec.target is None else target_lane(spec.target)


def target_lane(target: str) -> str:
    """The lane of a shared target. No host begins with `@`."""
    return f"@{target}"


@dataclass(slots=True)
class Armed:
    """A job in the agenda with its schedule, and how far its slots are claimed, taken and decided.

    Always `claimed` <= `taken` <= `decided`. Steps move the cursor from `taken` to `decided` while they are `waiting`.
    """

    job: Job
    schedule: Schedule
    host: str
    claimed: datetime
    """The cursor as stored in the database."""
    taken: datetime
    """The cursor once the claims taken so far are stored."""
    decided: datetime
    """The cursor once the waiting steps are taken and stored, too."""
    catch_up: CatchUp | None = None
    """The catch-up requested when the job was resumed; reset once all steps decided with it are taken."""
    waiting: list[Step] = field(default_factory=list)
    """Decided, not yet taken; oldest first."""
    is_offered: bool = False
    """Whether the first waiting step is queued, either in the lane of its host or to be recorded only."""
    open: Question | None = None
    """The long decision being made outside the agenda; at most one at a time."""
    wanted: datetime | None = None
    """The time up to which to decide after `open` is answered."""

    @property
    def lane(self) -> str:
        return lane_of(self.job.spec, self.host)

    def question(self, now: datetime, running: int, unsent: int, *, overdue_until: datetime, is_held: bool) -> Question:
        """The decision on the slots up to `now`; see `admit`."""
        return Question(
            self.job.spec,
            self.schedule,
            paused_until=self.job.paused_until,
            running=running,
            cursor=self.decided,
            now=now,
            overdue_until=overdue_until,
            catch_up=self.catch_up,
            unsent=unsent,
            waits_for_database=is_held,
        )

    def undecide(self) -> None:
        """Forget what is decided and not taken yet."""
        self.waiting.clear()
        self.decided, self.open, self.wanted = self.taken, None, None

    def skip(self, reason: Reason) -> None:
        """Have the first waiting slot, if there is one, recorded as skipped."""
        step = self.waiting[0] if self.waiting else None
        if step is not None and step.run is not None:
            skipped = Unrun(Status.SKIPPED, reason, step.run, step.run, 1, self.schedule)
            self.waiting[0] = Step((*step.unrun, skipped), None, step.cursor)

    @property
    def asked_until(self) -> datetime:
        """The time up to which slots are decided, or will be once the open decisions are made."""
        found = (self.decided, self.open.now if self.open else None, self.wanted)
        return max(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim taken from the agenda, to be stored in the database."""

    claim: Claim
    job: Job
    host: str

    @property
    def lane(self) -> str:
        return lane_of(self.job.spec, self.host)
