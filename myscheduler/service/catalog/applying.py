"""Helpers for writing a plan, or the change of one job, inside a transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.gitops.plan import Known, Plan
from myscheduler.core.history.repeats import Kept
from myscheduler.core.job.job import Job, Source
from myscheduler.core.lifecycle.audit import MANIFEST, AuditAction, AuditEntry, of_spec
from myscheduler.core.lifecycle.transitions import Turn
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.errors import JobNotFoundError, MySchedulerError
from myscheduler.messages.message import said


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


def store_turn(connection: Connection, turn: Turn) -> Job:
    """Write the changed job, and the slots that the change leaves undone. Returns the job."""
    job_rows.update_jobs(connection, [turn.job])
    record_unrun(connection, [turn])
    return turn.job


def record_unrun(connection: Connection, turns: Sequence[Turn]) -> None:
    """Write the slots that the changes leave undone, as rows of the history."""
    undone = [UnrunOfJob(turn.job.job_id, turn.unrun, turn.job.digest, turn.job.source) for turn in turns if turn.unrun]
    unrun_rows.record_unrun(connection, undone)


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
