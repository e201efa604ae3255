"""An incident: one stretch of trouble of one job, shared target or host, from its beginning to its recovery."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from myscheduler.core.calls.certificates import WARN_DAYS


class IncidentKind(StrEnum):
    """What its subject is in trouble with. This has one open incident of each kind at most."""

    FAILING = "failing"
    """The executions of a job go wrong."""
    LATE = "late"
    """A job neither ran nor was left out for a reason by its deadline."""
    CIRCUIT = "circuit"
    """The circuit of a shared target is open, or half-open."""
    CERTIFICATE = "certificate"
    """The TLS certificate of a host expires soon."""


JOB_KINDS = (IncidentKind.FAILING, IncidentKind.LATE)
"""The kinds whose subject is a job."""


class EndReason(StrEnum):
    """Why an incident ended. Only a recovery is told."""

    RECOVERED = "recovered"
    DELETED = "deleted"
    """Its job was deleted."""
    PAUSED = "paused"
    """Its job was paused, so it can't be late."""
    UNWATCHED = "unwatched"
    """Its job is no longer watched for being late, its target has no circuit breaker any more, or no job calls the
    target or host any more."""
    REMOVED = "removed"
    """Its target is no longer in `targets.yaml`."""


WARNING = timedelta(days=WARN_DAYS)


@dataclass(frozen=True, slots=True)
class Incident:
    """One stretch of trouble, as it is stored."""

    incident_id: str
    """A UUID of version 7 (RFC 9562, 5.7)."""
    subject: str
    """The id of a job, or the name of a target or host, as its kind says."""
    kind: IncidentKind
    began_at: datetime
    """When the first execution of it ended, the deadline that passed, when the circuit opened, or when the certificate
    had `WARN_DAYS` left."""
    noticed_at: datetime
    """When it was recorded, which is later where failures are tolerated."""
    failures: int = 0
    """Executions that went wrong since it began, or calls to the target in a row; 0 where nothing failed."""
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
    def job_id(self) -> str | None:
        return self.subject if self.kind in JOB_KINDS else None

    @property
    def target(self) -> str | None:
        return self.subject if self.kind is IncidentKind.CIRCUIT else None

    @property
    def host(self) -> str | None:
        return self.subject if self.kind is IncidentKind.CERTIFICATE else None

    @property
    def expires_at(self) -> datetime | None:
        """When the certificate ends; `None` for other kinds."""
        return self.began_at + WARNING if self.kind is IncidentKind.CERTIFICATE else None

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether somebody takes care of it, so that nobody is reminded."""
        until = self.acknowledged_until
        return self.acknowledged_by is not None and (until is None or until > now)
