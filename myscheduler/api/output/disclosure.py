"""Which rows of the history a caller is shown as they are: those of jobs whose editor it is. Others are masked.

A job may be deleted, and another caller may create one with the same id and other labels. What ran before is then not
of that job: it is as if the job were deleted still.
"""

from collections.abc import Sequence

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.jobs import chunks
from myscheduler.adapters.store.rows.listed import Listed
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Record, is_of
from myscheduler.core.job.job import Job


def shown_rows(masking: Masking, principal: Principal, connection: Connection, rows: list[Listed]) -> list[Listed]:
    """Rows of a list as the caller may see them."""
    if principal.has_everywhere(Role.EDITOR):
        return rows
    jobs = _jobs_of(connection, rows)
    return [
        one if _may_edit(principal, one, job) else masking.listed(one, job)
        for one, job in ((one, jobs.get(one.job_id)) for one in rows)
    ]


def shown_record(masking: Masking, principal: Principal, record: Record, job: Job | None) -> Record:
    """A row as the caller may see it; `job` is the present one, if it exists."""
    return record if _may_edit(principal, record, job) else masking.record(record, job)


def shown_detail(
    masking: Masking, principal: Principal, connection: Connection, *, record: Record, attempts: Sequence[Attempt]
) -> tuple[Record, Sequence[Attempt]]:
    """A row with its attempts, as the caller may see them."""
    job = _jobs_of(connection, [record]).get(record.job_id)
    if _may_edit(principal, record, job):
        return record, attempts
    return masking.record(record, job), masking.attempts(attempts, record, job)


def masked_records(connection: Connection, masking: Masking, records: Sequence[Record]) -> list[Record]:
    """The rows as callers may see them who are editors of no job."""
    jobs = _jobs_of(connection, records)
    return [masking.record(one, jobs.get(one.job_id)) for one in records]


def _may_edit(principal: Principal, record: Record | Listed, job: Job | None) -> bool:
    labels = job.spec.labels if job and is_of(job, record.execution_id) else {}
    return principal.may_act(Role.EDITOR, record.job_id, labels)


def _jobs_of(connection: Connection, records: Sequence[Record | Listed]) -> dict[str, Job]:
    """The jobs of the rows by id, as far as they exist."""
    found: dict[str, Job] = {}
    for some in chunks(list(dict.fromkeys(one.job_id for one in records))):
        found |= job_rows.find_jobs(connection, some)
    return found
