"""A job: its spec, whose it is, and how far it has come."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.schedule.slots import LAST_MOMENT


class Owner(StrEnum):
    """Who may change a job: the manifest that declares it, or callers of the REST API."""

    MANIFEST = "manifest"
    API = "api"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a job is declared."""

    path: str
    line: int
    revision: str
    """The revision of the source that brought the job's present spec."""


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator's pause, laid over the job without editing its spec."""

    by: str
    at: datetime
    reason: str | None = None
    until: datetime | None = None
    """When it ends by itself; `None` means that somebody has to end it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored: its spec, and where it stands in its schedule."""

    spec: JobSpec
    owner: Owner
    digest: str
    version: int
    """Grows with each change, so that a decision made on an older state can be refused."""
    created_at: datetime
    updated_at: datetime
    cursor: datetime
    """Every slot up to here is in the history."""
    next_slot: datetime | None
    """The first slot after the cursor."""
    execution_count: int = 0
    last_execution_id: str | None = None
    """The latest that was sent."""
    source: Source | None = None
    pause: Pause | None = None
    catch_up: CatchUp | None = None
    """How the slots after the cursor are caught up on this once, as the end of a pause wished it; not stored."""

    @property
    def job_id(self) -> str:
        return self.spec.job_id

    @property
    def is_paused(self) -> bool:
        """The manifest's word counts; where it is silent, the operators'."""
        return self.pause is not None if self.spec.paused is None else self.spec.paused

    @property
    def paused_until(self) -> datetime | None:
        """Slots before this moment do not run; `None` when the job is not paused."""
        if not self.is_paused:
            return None
        return (self.pause.until if self.pause and self.spec.paused is None else None) or LAST_MOMENT
