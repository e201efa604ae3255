"""Pauses and resumes jobs inside a transaction, with the audit entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry, of_pause
from myscheduler.core.lifecycle.transitions import Turn
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.messages.message import said
from myscheduler.service.catalog.applying import store_turns
from myscheduler.service.catalog.effects import Effects
from myscheduler.service.catalog.refusals import refuse_pause


@dataclass(frozen=True, slots=True)
class PauseOrder:
    """What an operator wants for some jobs: pause them."""

    by: str
    reason: str | None = None
    until: datetime | None = None
    """When the pause ends by itself."""

    unchanged: ClassVar = said("paused-already")

    def refuse(self, job: Job) -> None:
        """Raises `JobConflictError` if the manifest of the job sets `paused`."""
        refuse_pause(job, "paused")

    def would_change(self, job: Job, now: datetime) -> bool:
        """Whether the pause of the job would be another after it."""
        before = lifecycle.unpinned(job)
        return self._turn(before, now).job.pause != before.pause

    def carry_out(self, connection: Connection, jobs: Sequence[Job], clock: Clock) -> tuple[list[Job], Effects]:
        """Pause the jobs, and return them as they are then."""
        turns, entries = [], []
        for job in map(lifecycle.unpinned, jobs):
            turn = self._turn(job, clock.now)
            turns.append(turn)
            if turn.job.pause != job.pause:
                entries.append(_entry(AuditAction.PAUSED, turn.job, clock.now, self.by))
        return _stored(connection, turns, entries, clock.now)

    def _turn(self, job: Job, now: datetime) -> Turn:
        return lifecycle.pause(job, by=self.by, now=now, reason=self.reason, until=self.until)


@dataclass(frozen=True, slots=True)
class ResumeOrder:
    """What an operator wants for some jobs: end their pauses."""

    by: str
    catch_up: CatchUp = "none"
    """Which slots of the paused time still run."""

    unchanged: ClassVar = said("not-paused")

    def refuse(self, job: Job) -> None:
        """Raises `JobConflictError` if the manifest of the job sets `paused`."""
        refuse_pause(job, "resumed")

    def would_change(self, job: Job, now: datetime) -> bool:  # noqa: ARG002 - see `PauseOrder`
        """Whether the job is paused."""
        return lifecycle.unpinned(job).pause is not None

    def carry_out(self, connection: Connection, jobs: Sequence[Job], clock: Clock) -> tuple[list[Job], Effects]:
        """End the pauses, and return the jobs as they are then, with the slots that do not run."""
        before = list(map(lifecycle.unpinned, jobs))
        turns = [self._turn(connection, job, clock) for job in before]
        entries = [_entry(AuditAction.RESUMED, job, clock.now, self.by) for job in before if job.pause is not None]
        return _stored(connection, turns, entries, clock.now)

    def _turn(self, connection: Connection, job: Job, clock: Clock) -> Turn:
        if self.catch_up == "none":
            return lifecycle.resume(job, clock=clock)
        row_id, recorded = unrun_rows.last_unrun(connection, job.job_id, job.cursor, Reason.PAUSED)
        reopened = lifecycle.resume_and_catch_up(job, recorded, self.catch_up, clock=clock)
        unrun_rows.shorten(connection, row_id, reopened.recorded)
        return reopened.turn


Order = PauseOrder | ResumeOrder


def _entry(action: AuditAction, job: Job, now: datetime, by: str) -> AuditEntry:
    return of_pause(action, job.job_id, job.pause, at=now, actor=by)


def _stored(
    connection: Connection, turns: Sequence[Turn], entries: Sequence[AuditEntry], now: datetime
) -> tuple[list[Job], Effects]:
    audit_rows.add(connection, entries)
    return store_turns(connection, turns, now)
