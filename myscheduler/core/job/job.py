"""A stored job: its spec, its owner, and how far its slots have been decided."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.schedule.slots import LAST_INSTANT


class Owner(StrEnum):
    """Who may change a job: the manifest that declares it, or callers of the REST API."""

    MANIFEST = "manifest"
    API = "api"


class JobState(StrEnum):
    """The status that summaries show."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"


def state_of(schedule_type: str, *, has_slot: bool, is_paused: bool) -> JobState:
    """The status of a job. One whose schedule is over is `completed`, whether it is paused or not; one that runs after
    others has no slots, and is never over.
    """
    if not has_slot and schedule_type != "after":
        return JobState.COMPLETED
    return JobState.PAUSED if is_paused else JobState.RUNNING


@dataclass(frozen=True, slots=True)
class Source:
    """Where a job is declared."""

    path: str
    line: int
    revision: str
    """The revision of the source from which the job's current spec comes."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause set by an operator. It overrides the job's schedule and leaves its spec unchanged."""

    by: str
    at: datetime
    reason: str | None = None
    until: datetime | None = None
    """When the pause ends automatically; `None` means that an operator has to end it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored: its spec and its position in its schedule.

    Every slot up to `cursor` is decided and in the history; every slot after it is still to be decided.
    """

    spec: JobSpec
    owner: Owner
    digest: str
    version: int
    """Increases with each change, so that a decision based on an older state can be refused."""
    created_at: datetime
    updated_at: datetime
    cursor: datetime
    """The last moment up to which every slot is in the history."""
    next_slot: datetime | None
    """The first slot after the cursor."""
    execution_count: int = 0
    last_execution_id: str | None = None
    """The most recent execution that was sent."""
    source: Source | None = None
    pause: Pause | None = None
    catch_up: CatchUp | None = None
    """Overrides the spec's catch-up once, as requested when a pause was ended; not stored."""

    @property
    def job_id(self) -> str:
        return self.spec.job_id

    @property
    def is_paused(self) -> bool:
        """Whether the job is paused: by `paused` of its spec or, if that is `None`, by an operator."""
        return self.pause is not None if self.spec.paused is None else self.spec.paused

    @property
    def paused_until(self) -> datetime | None:
        """Slots before this moment do not run; `None` when the job is not paused."""
        if not self.is_paused:
            return None
        return (self.pause.until if self.pause and self.spec.paused is None else None) or LAST_INSTANT
