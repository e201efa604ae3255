"""Helpers for writing a plan, or the change of one job, inside a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.core.gitops.plan import Adopt, Conflict, Create, Delete, Hold, Known, Move, Plan, Update
from myscheduler.core.history.repeats import Kept
from myscheduler.core.job.job import Job, Owner, Source
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.lifecycle.audit import MANIFEST, AuditAction, AuditEntry, of_spec
from myscheduler.core.lifecycle.transitions import Turn
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.core.schedule.clock import Clock
from myscheduler.errors import JobNotFoundError, MySchedulerError
from myscheduler.messages.message import said
from myscheduler.service.catalog.effects import Effects, record_undone


class StalePlanError(MySchedulerError):
    """A job changed after the plan was made: make a new plan."""

    def __init__(self) -> None:
        super().__init__(said("plan-stale"))


def entry_of(action: AuditAction, before: Job | None, after: Job, now: datetime) -> AuditEntry:
    """The audit entry for a job that a manifest created or changed; `before` is `None` for a new one."""
    return of_spec(action, before.spec if before else None, after.spec, at=now, actor=MANIFEST, source=after.source)


def source_of(declared: DeclaredJob, plan: Plan) -> Source:
    """Where the job is declared: file, line, and the revision of the plan."""
    return Source(declared.path, declared.line, plan.revision)


def current(stored: Mapping[str, Job], known: Known) -> Job:
    """The stored job that the plan was made for. Raises `StalePlanError` if it has changed since, or is gone."""
    job = stored.get(known.job_id)
    if job is None or job.version != known.version:
        raise StalePlanError
    return job


@dataclass(slots=True)
class Turns:
    """What a plan comes to for the stored jobs."""

    created: list[Turn] = field(default_factory=list)
    changed: list[Turn] = field(default_factory=list)
    removed: list[Job] = field(default_factory=list)
    audited: list[tuple[AuditAction, Job | None, Job]] = field(default_factory=list)
    """Each action, with the job before and after it."""
    are_adopted: bool = False
    """Whether some of the changed ones were jobs of the API."""


def turns_of(plan: Plan, stored: Mapping[str, Job], clock: Clock) -> Turns:
    """Decide the changes of a plan. Raises `StalePlanError`."""
    turns = Turns()
    for change in plan.changes:
        match change:
            case Create(declared):
                if declared.job_id in stored:
                    raise StalePlanError
                source = source_of(declared, plan)
                turn = lifecycle.create(
                    declared.whole_spec, owner=Owner.MANIFEST, source=source, clock=clock, known_digest=declared.digest
                )
                turns.created.append(turn)
                turns.audited.append((AuditAction.CREATED, None, turn.job))
            case Update(declared, known):
                job, source = current(stored, known), source_of(declared, plan)
                turns.changed.append(lifecycle.change(job, declared.whole_spec, source=source, clock=clock))
                turns.audited.append((AuditAction.UPDATED, job, turns.changed[-1].job))
            case Adopt(declared, known):
                turns.are_adopted = True
                job, source = current(stored, known), source_of(declared, plan)
                turns.changed.append(lifecycle.adopt(job, declared.whole_spec, source=source, clock=clock))
                turns.audited.append((AuditAction.ADOPTED, job, turns.changed[-1].job))
            case Move(declared, known):
                turns.changed.append(lifecycle.move(current(stored, known), source_of(declared, plan), now=clock.now))
            case Delete(known):
                turns.removed.append(current(stored, known))
            case Hold() | Conflict():
                pass
            case _:
                assert_never(change)
    return turns


def store_turns(connection: Connection, turns: Sequence[Turn], now: datetime) -> tuple[list[Job], Effects]:
    """Write the changed jobs, and the slots that the changes leave undone."""
    jobs = [turn.job for turn in turns]
    job_rows.update_jobs(connection, jobs)
    return jobs, record_undone(connection, turns, now)


def record(connection: Connection, entry: AuditEntry | None, kept: Kept | None) -> None:
    """Write an audit entry, and the answer that is stored for repeated requests."""
    audit_rows.add(connection, [entry] if entry else [])
    key_rows.keep(connection, [kept] if kept else [])


def find_job(connection: Connection, job_id: str) -> Job:
    """The job with this id. Raises `JobNotFoundError`."""
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    if job is None:
        raise JobNotFoundError(job_id)
    return job
