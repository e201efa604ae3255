"""SQL of whole chains: how they stand. Every function works inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions
from myscheduler.core.chains.runs import ChainSummary, chain_status
from myscheduler.core.history.execution import Status


def summaries(connection: sa.Connection, chain_ids: Sequence[str]) -> dict[str, ChainSummary]:
    """How these chains stand, by id, as far as any of their rows are in the history."""
    rows = defaultdict[str, list[Any]](list)
    for ids in id_lists(chain_ids):
        for statement in (_FIRST, _FOLLOWED):
            for row in connection.execute(statement, {"ids": ids}):
                rows[row.chain_id].append(row)
    return {chain_id: _summary(chain_id, found) for chain_id, found in rows.items()}


def _summary(chain_id: str, rows: Sequence[Any]) -> ChainSummary:
    counts: dict[Status, int] = defaultdict(int)
    for row in rows:
        counts[Status(row.status)] += row.count
    status = chain_status(counts, is_called_off=any(row.called_off for row in rows))
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


_IS_CALLED_OFF = sa.func.sum(sa.case((executions.c.is_called_off, 1), else_=0)).label("called_off")
_FIRST = sa.select(
    executions.c.execution_id.label("chain_id"),
    executions.c.job_id.label("root"),
    executions.c.status,
    executions.c.slot,
    executions.c.started_at,
    executions.c.completed_at,
    sa.case((executions.c.is_called_off, 1), else_=0).label("called_off"),
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
        sa.func.count().label("count"),
    )
    .where(executions.c.chain_id.in_(IDS))
    .group_by(executions.c.chain_id, executions.c.status)
)
