"""The rows of a job's history, reduced to what incidents need, and what each says about the job."""

from datetime import datetime
from typing import NamedTuple

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.reason import Reason

LEFT_OUT_BY_US = frozenset({Reason.DEADLINE, Reason.DATABASE, Reason.BACKLOG, Reason.NO_PING})
"""Why slots are missed that their job should have run, and nobody wanted otherwise."""
UNHEARD = frozenset({Reason.NO_PING})
"""The same of a job that expects pings: where the service itself was away, nobody knows whether they were sent."""
_RAN = frozenset({Status.COMPLETED, Status.FAILED, Status.INTERRUPTED})


class Past(NamedTuple):
    """A row of a job's history."""

    execution_id: str
    slot: datetime
    cause: Cause
    status: Status
    reason: str | None
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None
    revision: str | None
    """That of the manifest that it ran with; `None` for a job of the API."""
    digest: str | None = None
    """That of the spec that it ran with."""

    @property
    def is_good(self) -> bool | None:
        """Whether the execution went well; `None` if it says nothing: it did not run or has not ended, or a person
        cancelled it.
        """
        if self.status is Status.COMPLETED:
            return True
        if self.status in {Status.FAILED, Status.INTERRUPTED} and self.reason != Reason.CANCELLED:
            return False
        return None

    @property
    def has_run(self) -> bool:
        """Whether it ran to an end, good or bad."""
        return self.status in _RAN

    @property
    def at(self) -> datetime:
        """When it is known what became of it."""
        return self.completed_at or self.slot
