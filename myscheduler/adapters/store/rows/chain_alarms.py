"""SQL of how runs of chains stand, for the incidents of the jobs that they began with.

Every function works inside the caller's transaction.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import WRONG, Cause, Kind, Status
from myscheduler.core.reason import Reason

MOST_WRONG = 100
"""The most rows of one run that are looked at."""
MOST_LATER = 50
"""The most later completions of a job that are looked at."""
MOST_RUNS = 5
"""The newest rows of a job of which the first jobs of their chains are looked up."""


class ChainState(NamedTuple):
    """What has followed the first execution of a chain."""

    is_running: bool
    ended_at: datetime | None


class WrongRow(NamedTuple):
    """A row of a chain that went wrong."""

    chain_id: str
    job_id: str
    execution_id: str
    at: datetime
    reason: str | None
    error: str | None
    revision: str | None
    digest: str | None


def states_of(connection: sa.Connection, execution_ids: Sequence[str]) -> dict[str, ChainState]:
    """How those of these executions' chains stand that others followed."""
    rows = (row for ids in id_lists(execution_ids) for row in connection.execute(_STATES, {"ids": ids}))
    return {row.chain_id: ChainState(bool(row.running), row.ended) for row in rows}


def wrong_rows(connection: sa.Connection, chain_ids: Sequence[str]) -> list[WrongRow]:
    """The rows of these chains that went wrong, by chain in the order in which they ended; without those that a person
    cancelled, and without the first ones.
    """
    return [
        WrongRow(*row)
        for chain_id in chain_ids
        for row in connection.execute(_WRONG_ROWS, {"chain_id": chain_id, "most": MOST_WRONG})
    ]


def made_good(connection: sa.Connection, rows: Iterable[WrongRow], before: Mapping[str, str]) -> set[str]:
    """Those of these executions whose jobs have completed since, such as when they were run again by hand. `before` has
    for chains the execution with which the next one began: what is later belongs to that one.
    """
    later: dict[str, list[str]] = {}
    found = set()
    for row in rows:
        if row.job_id not in later:
            ids = connection.execute(_COMPLETED, {"job_id": row.job_id, "most": MOST_LATER}).scalars()
            later[row.job_id] = sorted(ids)
        place = bisect_right(later[row.job_id], row.execution_id)
        until = before.get(row.chain_id)
        if place < len(later[row.job_id]) and (until is None or later[row.job_id][place] < until):
            found.add(row.execution_id)
    return found


def jobs_over(connection: sa.Connection, chain_id: str) -> set[str]:
    """The jobs of a chain that have ended in it, besides the first one."""
    return set(connection.execute(_OVER, {"chain_id": chain_id}).scalars())


def firsts_of(connection: sa.Connection, job_ids: Iterable[str]) -> set[str]:
    """The jobs with which the newest chains began in which these jobs were started by others."""
    chain_ids: set[str] = set()
    for job_id in job_ids:
        chain_ids |= set(connection.execute(_CHAINS_OF, {"job_id": job_id, "most": MOST_RUNS}).scalars())
    rows = (row for ids in id_lists(sorted(chain_ids)) for row in connection.execute(_FIRST_JOBS, {"ids": ids}))
    return {row.job_id for row in rows}


def late_firsts(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """The jobs with which chains began that have a slot before that moment, and of which something is in progress."""
    return list(connection.execute(_LATE_FIRSTS, {"moment": moment, "most": limit}).scalars())


_MOST: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer)
_OF_CHAIN = executions.c.chain_id == sa.bindparam("chain_id")
_STATES: sa.Select[Any] = (
    sa.select(
        executions.c.chain_id,
        sa.func.max(sa.case((executions.c.status.in_([Status.RUNNING]), 1), else_=0)).label("running"),
        sa.func.max(executions.c.completed_at).label("ended"),
    )
    .where(executions.c.chain_id.in_(IDS))
    .group_by(executions.c.chain_id)
)
_WRONG_ROWS = (
    sa.select(
        executions.c.chain_id, executions.c.job_id, executions.c.execution_id,
        sa.func.coalesce(executions.c.completed_at, executions.c.slot).label("at"), executions.c.reason,
        executions.c.error, executions.c.source_revision, executions.c.digest,
    )
    .where(_OF_CHAIN, executions.c.status.in_(WRONG) | (executions.c.reason == Reason.CHAIN_TIMEOUT))
    .where(sa.func.coalesce(executions.c.reason, "") != str(Reason.CANCELLED))
    .order_by(sa.func.coalesce(executions.c.completed_at, executions.c.slot), executions.c.execution_id)
    .limit(_MOST)
)  # fmt: skip
_COMPLETED = (
    sa.select(executions.c.execution_id)
    .where(executions.c.job_id == sa.bindparam("job_id"), executions.c.status == Status.COMPLETED)
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)
_OVER = sa.select(executions.c.job_id).where(_OF_CHAIN, executions.c.status != str(Status.RUNNING))
_CHAINS_OF = (
    sa.select(executions.c.chain_id)
    .where(executions.c.job_id == sa.bindparam("job_id"), executions.c.kind == Kind.CHAINED)
    .where(executions.c.cause == Cause.CHAIN)
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)
_FIRST_JOBS = sa.select(executions.c.job_id).where(executions.c.execution_id.in_(IDS))
_firsts = executions.alias("firsts")
_LATE_FIRSTS = (
    sa.select(_firsts.c.job_id)
    .distinct()
    .select_from(executions.join(_firsts, _firsts.c.execution_id == executions.c.chain_id))
    .where(
        sa.text("executions.status = 'running'"),  # literally, as its index says it
        executions.c.kind == Kind.CHAINED,
        executions.c.slot < sa.bindparam("moment"),
        _firsts.c.kind == Kind.SCHEDULED,
    )
    .limit(_MOST)
)
