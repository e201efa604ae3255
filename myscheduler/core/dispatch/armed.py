"""A job whose slots are being decided on."""

from dataclasses import dataclass, field
from datetime import datetime

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp
from myscheduler.core.schedule.slots import Schedule


@dataclass(slots=True)
class Armed:
    """A job that is looked after."""

    job: Job
    schedule: Schedule
    host: str
    claimed: datetime
    """The cursor as it is stored."""
    taken: datetime
    """The cursor when what was taken is stored, too."""
    decided: datetime
    """The cursor when what waits is taken and stored, too."""
    catch_up: CatchUp | None = None
    """What the end of a pause wished, as long as something of it waits."""
    waiting: list[Step] = field(default_factory=list)
    """Decided, not yet taken; oldest first."""
    is_offered: bool = False
    """It stands in its lane, or among those that only have something to record."""
    open: Question | None = None
    """The decision that is being made elsewhere; there is one at a time."""
    wanted: datetime | None = None
    """Up to when is to be decided once that one is made."""

    @property
    def asked_until(self) -> datetime:
        """Up to when it is decided, or will be."""
        found = (self.decided, self.open.now if self.open else None, self.wanted)
        return max(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim on its way into the database."""

    claim: Claim
    job: Job
    host: str
