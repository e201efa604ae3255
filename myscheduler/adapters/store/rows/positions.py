"""SQL of what claims are checked against."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from myscheduler.adapters.store.rows.prepared import PreparedQuery
from myscheduler.adapters.store.tables import jobs, progress


class Position(NamedTuple):
    """The state of a job that a claim is checked against."""

    version: int
    cursor: datetime


def positions(connection: sa.Connection, job_ids: Collection[str]) -> dict[str, Position]:
    """The positions of the jobs among `job_ids` that exist, by id."""
    return {
        job_id: Position(version, cursor) for job_id, version, cursor in _POSITIONS.rows(connection, list(set(job_ids)))
    }


_POSITIONS = PreparedQuery(
    sa.select(jobs.c.job_id, jobs.c.version, progress.c.cursor).where(jobs.c.job_id == progress.c.job_id),
    key=jobs.c.job_id,
)
