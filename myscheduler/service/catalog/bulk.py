"""Decides what becomes of each job of a bulk operation."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.history.repeats import Kept
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditEntry
from myscheduler.errors import JobConflictError, JobNotFoundError
from myscheduler.service.catalog.pausing import Order


class Result(StrEnum):
    DONE = "done"
    SKIPPED = "skipped"
    """Nothing had to be done."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    job_id: str
    result: Result
    detail: str | None = None
    """Why it was skipped or refused."""
    execution_id: str | None = None
    """Of a job that was triggered."""


Settle = Callable[[Sequence[Outcome]], tuple[AuditEntry | None, Kept | None]]


def decide(
    order: Order, jobs: Mapping[str, Job], job_ids: Iterable[str], now: datetime
) -> tuple[list[Job], list[Outcome]]:
    """The jobs that the order changes, and the outcome of each of `job_ids` then; `jobs` has those that exist."""
    wanted, outcomes = [], []
    for job_id in job_ids:
        job = jobs.get(job_id)
        outcome = _outcome(order, job_id, job, now)
        outcomes.append(outcome)
        if job is not None and outcome.result is Result.DONE:
            wanted.append(job)
    return wanted, outcomes


def _outcome(order: Order, job_id: str, job: Job | None, now: datetime) -> Outcome:
    if job is None:
        return Outcome(job_id, Result.SKIPPED, str(JobNotFoundError(job_id)))
    try:
        order.refuse(job)
    except JobConflictError as error:
        return Outcome(job_id, Result.REFUSED, str(error))
    if not order.would_change(job, now):
        return Outcome(job_id, Result.SKIPPED, order.unchanged)
    return Outcome(job_id, Result.DONE)


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many jobs had each result."""
    found = Counter(one.result for one in outcomes)
    return {str(result): found[result] for result in Result}
