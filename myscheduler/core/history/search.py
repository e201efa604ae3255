"""What a list of executions is searched for, and which jobs it is about."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason

LATE = timedelta(minutes=1)
"""Executions that began at least so long after their slot have an index of their own: there are few of them."""


@dataclass(frozen=True, slots=True)
class Search:
    """The rows that a list is to have. `None` and empty sets leave a condition out."""

    job_ids: frozenset[str] | None = None
    """Rows of these jobs only; if the set is empty, there are none."""
    statuses: frozenset[Status] = frozenset()
    reason: Reason | None = None
    kind: Kind | None = None
    cause: Cause | None = None
    chain_id: str | None = None
    """The rows of this chain only."""
    is_chained: bool = False
    """Only rows of chains."""
    begins_chains: bool = False
    """With `is_chained`: executions in progress count, too, because others run after them."""
    start: datetime | None = None
    """Rows whose (first) slot is at this time or later."""
    until: datetime | None = None
    """Rows whose (first) slot is at this time or earlier."""
    min_duration: timedelta | None = None
    """Executions that are over and took at least this long, over all attempts."""
    min_lateness: timedelta | None = None
    """Executions that began at least this long after their slot."""

    def of_jobs(self, job_ids: frozenset[str] | None) -> "Search":
        return replace(self, job_ids=job_ids)


def chosen_jobs(
    jobs: Iterable[tuple[Job, str]], *, job_ids: Collection[str] | None, labels: Mapping[str, str], host: str | None
) -> frozenset[str] | None:
    """The ids of the jobs that a list is about; `None` for all jobs.

    `jobs` are those that exist, with their `host_key`s. `job_ids` may name deleted jobs, which have no labels and no
    host. A job has to have all `labels`.
    """
    if not labels and host is None:
        return None if job_ids is None else frozenset(job_ids)
    chosen = [job.spec for job, key in jobs if host is None or key == host]
    if job_ids is not None:
        named = frozenset(job_ids)
        chosen = [spec for spec in chosen if spec.job_id in named]
    for name, value in labels.items():
        chosen = [spec for spec in chosen if spec.labels.get(name) == value]
    return frozenset(spec.job_id for spec in chosen)
