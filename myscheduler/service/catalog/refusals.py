"""The errors for changes that a job does not allow: of a manifest's job through the API, or to an id that is taken."""

from collections.abc import Collection

from myscheduler.core.job.job import Job, Owner
from myscheduler.errors import JobChangedError, JobConflictError
from myscheduler.messages.message import said

Versions = Collection[int] | None
"""The versions of a job that may be changed; `None` for all of them."""


def conflict(job_id: str, existing: Job | None) -> JobConflictError:
    """The error for a new job whose id is taken by `existing`."""
    if existing is not None and existing.owner is Owner.MANIFEST:
        return _manifest_conflict(existing, "replaced")
    return JobConflictError(said("job-exists", job_id=job_id))


def refuse_manifest(job: Job, done: str) -> None:
    """Raise `JobConflictError` if the job is declared in a manifest; `done` says what can't be done (`deleted`)."""
    if job.owner is Owner.MANIFEST:
        raise _manifest_conflict(job, done)


def refuse_version(job: Job, versions: Versions) -> None:
    """Raise `JobChangedError` if the job has none of these versions."""
    if versions is not None and job.version not in versions:
        raise JobChangedError(job.job_id)


def _manifest_conflict(job: Job, done: str) -> JobConflictError:
    message = said("declared-in-manifest", job_id=job.job_id, done=done, place=_place(job))
    return JobConflictError(message)


def refuse_pause(job: Job, done: str) -> None:
    """Raise `JobConflictError` if the job's manifest sets `paused`; `done` is `paused` or `resumed`."""
    if job.spec.paused is not None and job.owner is Owner.MANIFEST:
        written = "true" if job.spec.paused else "false"
        message = said("paused-set-in-manifest", job_id=job.job_id, done=done, place=_place(job), written=written)
        raise JobConflictError(message)


def _place(job: Job) -> str:
    return f"{job.source.path}:{job.source.line}" if job.source else said("a-manifest")
