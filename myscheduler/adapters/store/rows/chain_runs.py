"""SQL of whole chains: how they stand. Every function works inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions
from myscheduler.core.chains.runs import ChainSummary, OverChain, chain_status
from myscheduler.core.history.execution import WRONG, Status
from myscheduler.core.reason import Reason


def summaries(connection: sa.Connection, chain_ids: Sequence[str]) -> dict[str, ChainSummary]:
    """How these chains stand, by id, as far as any of their rows are in the history."""
    rows = defaultdict[str, list[Any]](list)
    for ids in id_lists(chain_ids):
        for statement in (_FIRST, _FOLLOWED):
            for row in connection.execute(statement, {"ids": ids}):
                rows[row.chain_id].append(row)
    return {chain_id: _summary(chain_id, found) for chain_id, found in rows.items()}


def over_of(connection: sa.Connection, chain_ids: Collection[str]) -> tuple[OverChain, ...]:
    """Those of these chains of which nothing is in progress any more, so that nothing more can follow.

    It is asked about each end of a chain, so it reads no more than it needs.
    """
    found = defaultdict[str, list[Any]](list)
    for ids in id_lists(list(chain_ids)):
        for statement in (_FIRST_ENDS, _LATER_ENDS):
            for row in connection.execute(statement, {"ids": ids}):
                found[row.chain_id].append(row)
    return tuple(_over(chain_id, rows) for chain_id, rows in found.items() if not any(row.running for row in rows))


def _over(chain_id: str, rows: Sequence[Any]) -> OverChain:
    wrong, good, late = (any(getattr(row, name) for row in rows) for name in ("wrong", "completed", "timed_out"))
    statuses = [status for status, is_any in ((Status.FAILED, wrong), (Status.COMPLETED, good)) if is_any]
    begun = [row.began for row in rows if row.began is not None]
    micros = max(row.ended for row in rows) - min(begun) if begun else None
    status = chain_status(statuses, is_called_off=any(row.called_off for row in rows), is_timed_out=late)
    return OverChain(chain_id, status, None if micros is None else micros / 1_000_000)


def _summary(chain_id: str, rows: Sequence[Any]) -> ChainSummary:
    counts: dict[Status, int] = defaultdict(int)
    for row in rows:
        counts[Status(row.status)] += row.count
    called_off, late = (any(getattr(row, name) for row in rows) for name in ("called_off", "timed_out"))
    status = chain_status(counts, is_called_off=called_off, is_timed_out=late)
    started = [row.started_at for row in rows if row.started_at is not None]
    ended = [row.completed_at for row in rows if row.completed_at is not None]
    return ChainSummary(
        chain_id,
        next((row.root for row in rows if row.root is not None), None),
        min(row.slot for row in rows),
        status,
        min(started, default=None),
        max(ended, default=None) if Status.RUNNING not in counts else None,
        dict(counts),
    )


def _is_any(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.max(sa.case((condition, 1), else_=0))


_IS_LATE = executions.c.reason == Reason.CHAIN_TIMEOUT
_STATES = (
    _is_any(executions.c.status.in_([Status.RUNNING])).label("running"),
    _is_any(executions.c.status.in_(WRONG)).label("wrong"),
    _is_any(executions.c.status == Status.COMPLETED).label("completed"),
    _is_any(executions.c.is_called_off).label("called_off"),
    _is_any(_IS_LATE).label("timed_out"),
    sa.func.min(sa.type_coerce(executions.c.started_at, sa.BigInteger)).label("began"),
    sa.func.max(sa.type_coerce(executions.c.completed_at, sa.BigInteger)).label("ended"),
)
_FIRST_ENDS = (
    sa.select(executions.c.execution_id.label("chain_id"), *_STATES)
    .where(executions.c.execution_id.in_(IDS))
    .group_by(executions.c.execution_id)
)
_LATER_ENDS = (
    sa.select(executions.c.chain_id, *_STATES).where(executions.c.chain_id.in_(IDS)).group_by(executions.c.chain_id)
)
_IS_CALLED_OFF = sa.func.sum(sa.case((executions.c.is_called_off, 1), else_=0)).label("called_off")
_FIRST = sa.select(
    executions.c.execution_id.label("chain_id"),
    executions.c.job_id.label("root"),
    executions.c.status,
    executions.c.slot,
    executions.c.started_at,
    executions.c.completed_at,
    sa.case((executions.c.is_called_off, 1), else_=0).label("called_off"),
    sa.literal(0).label("timed_out"),
    sa.literal(1).label("count"),
).where(executions.c.execution_id.in_(IDS))
_FOLLOWED = (
    sa.select(
        executions.c.chain_id,
        sa.null().label("root"),
        executions.c.status,
        sa.func.min(executions.c.slot).label("slot"),
        sa.func.min(executions.c.started_at).label("started_at"),
        sa.func.max(executions.c.completed_at).label("completed_at"),
        _IS_CALLED_OFF,
        _is_any(_IS_LATE).label("timed_out"),
        sa.func.count().label("count"),
    )
    .where(executions.c.chain_id.in_(IDS))
    .group_by(executions.c.chain_id, executions.c.status)
)
