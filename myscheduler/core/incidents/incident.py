"""An incident: one stretch of trouble of one job, from its beginning to its recovery."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IncidentKind(StrEnum):
    """What a job is in trouble with. It has one open incident of each kind at most."""

    FAILING = "failing"
    """Its executions go wrong."""
    LATE = "late"
    """It neither ran nor was left out for a reason by its deadline."""


class EndReason(StrEnum):
    """Why an incident ended. Only a recovery is told."""

    RECOVERED = "recovered"
    DELETED = "deleted"
    """Its job was deleted."""
    PAUSED = "paused"
    """Its job was paused, so it can't be late."""
    UNWATCHED = "unwatched"
    """Its job is no longer watched for being late."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One stretch of trouble, as it is stored."""

    incident_id: str
    """A UUID of version 7 (RFC 9562, 5.7)."""
    job_id: str
    kind: IncidentKind
    began_at: datetime
    """When the first execution of it ended, or the deadline that passed."""
    noticed_at: datetime
    """When it was recorded, which is later where failures are tolerated."""
    failures: int = 0
    """Executions that went wrong since it began; 0 for one of a late job."""
    first_execution_id: str | None = None
    last_execution_id: str | None = None
    error: str | None = None
    """What the last of them said, without credentials that the target repeated."""
    source_revision: str | None = None
    """That of the manifest that the first of them ran with."""
    good_revision: str | None = None
    """That of the manifest that last completed before; `None` if none is known."""
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    told_at: datetime | None = None
    """When its beginning or its last reminder was queued; `None` if nobody is to be told."""
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_until: datetime | None = None
    """Until then there are no reminders; `None` with `acknowledged_by` means until it ends."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether somebody takes care of it, so that nobody is reminded."""
        until = self.acknowledged_until
        return self.acknowledged_by is not None and (until is None or until > now)
