"""A job in the agenda, and a claim taken from it."""

from dataclasses import dataclass, field
from datetime import datetime

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp, JobSpec
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
