"""SQL of slots that did not run: each run of them is a row of the history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.inserting import IDS, insert_new
from myscheduler.adapters.store.rows.jobs import id_lists, source_values
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.history.gaps import Gap, without
from myscheduler.core.history.reasons import Reason
from myscheduler.core.job.job import Source
from myscheduler.core.schedule.slots import TICK


@dataclass(frozen=True, slots=True)
class Undone:
    """Slots of a job that did not run, in their order."""

    job_id: str
    gaps: tuple[Gap, ...]
    digest: str
    source: Source | None
    is_followed: bool = False
    """An execution follows, so that later gaps don't join these."""


def record_gaps(connection: sa.Connection, undone: Sequence[Undone]) -> None:
    """Record slots that did not run; those of a job join its row before them when that tells of the same reason."""
    if not any(one.gaps for one in undone):
        return
    latest = _latest(connection, [one.job_id for one in undone if one.gaps])
    undone = _around_others(connection, undone, latest)
    new: list[dict[str, Any]] = []
    longer: dict[str, dict[str, Any]] = {}
    for one in undone:
        for gap in one.gaps:
            row = latest.get(one.job_id)
            if (
                row is None
                or (row["status"], row["reason"]) != (gap.status, gap.reason)
                or row["last_slot"] >= gap.first
            ):
                row = _gap_values(one, gap)
                new.append(row)
                latest[one.job_id] = row
            else:
                row["last_slot"] = gap.last
                row["slot_count"] += gap.count
                if "b_id" in row:
                    longer[row["b_id"]] = row
        if one.is_followed:
            latest.pop(one.job_id, None)
    if new:
        connection.execute(insert_new(connection), new)
    if longer:
        values = [{name: row[name] for name in ("b_id", "last_slot", "slot_count")} for row in longer.values()]
        connection.execute(_LENGTHEN, values)


def last_gap(
    connection: sa.Connection, job_id: str, until: datetime, reason: Reason | None = None
) -> tuple[str, Gap | None]:
    """The id of a job's last scheduled row that begins by `until`, and the slots that it stands for, if they did not
    run (for that reason).
    """
    row = connection.execute(_BEFORE, {"b_job_id": job_id, "b_until": until}).first()
    if row is None or row.started_at is not None or (reason is not None and row.reason != reason):
        return "", None
    return row.execution_id, Gap(Status(row.status), Reason(row.reason), row.slot, row.last_slot, row.slot_count)


def forget_gaps(connection: sa.Connection, job_id: str, after: datetime) -> None:
    """Remove a job's rows that begin after that moment and stand for slots that did not run."""
    connection.execute(_FORGET, {"b_job_id": job_id, "b_after": after})


def shorten(connection: sa.Connection, execution_id: str, left: Gap | None) -> None:
    """Let a row of slots that did not run stand for those of `left` only; for none of them, it goes."""
    row = executions.c.execution_id == execution_id
    if left is None:
        connection.execute(sa.delete(executions).where(row))
    else:
        connection.execute(sa.update(executions).where(row).values(last_slot=left.last, slot_count=left.count))


def _latest(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The last scheduled row of each job."""
    return {
        row.job_id: dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        for ids in id_lists(job_ids)
        for row in connection.execute(_LATEST, {"ids": ids}).all()
    }


def _around_others(
    connection: sa.Connection, undone: Sequence[Undone], latest: dict[str, dict[str, Any]]
) -> Sequence[Undone]:
    """The same without slots that have rows already; in `latest` comes the row before the new ones.

    There are such rows only after the clock was set back: they tell of what was sent before.
    """
    firsts = {one.job_id: one.gaps[0].first for one in reversed(undone) if one.gaps}
    disordered = {
        job_id: first for job_id, first in firsts.items() if job_id in latest and latest[job_id]["last_slot"] >= first
    }
    for job_id, first in disordered.items():
        del latest[job_id]
        row = connection.execute(_BEFORE, {"b_job_id": job_id, "b_until": first - TICK}).first()
        if row is not None:
            latest[job_id] = {"b_id": row.execution_id} | {name: getattr(row, name) for name in _JOINED}
    return [
        piece
        for one in undone
        for piece in (_pieces(connection, one) if one.gaps and one.job_id in disordered else [one])
    ]


def _pieces(connection: sa.Connection, one: Undone) -> list[Undone]:
    """Cut at the slots that have rows, which stand between the pieces from now on."""
    span = {"b_job_id": one.job_id, "b_first": one.gaps[0].first, "b_last": one.gaps[-1].last}
    slots = [row.slot for row in connection.execute(_SLOTS, span)]
    gaps = [part for gap in one.gaps for part in without(gap, slots)]
    return [replace(one, gaps=(gap,), is_followed=True) for gap in gaps[:-1]] + [replace(one, gaps=tuple(gaps[-1:]))]


def _gap_values(undone: Undone, gap: Gap) -> dict[str, Any]:
    return {
        "execution_id": new_execution_id(gap.first),
        "job_id": undone.job_id,
        "slot": gap.first,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": gap.status,
        "reason": gap.reason,
        "last_slot": gap.last,
        "slot_count": gap.count,
        "digest": undone.digest,
        **source_values(undone.source),
        "attempts": 0,
    }


def _select_latest() -> sa.Select[Any]:
    earlier = executions.alias()
    newest = (
        sa.select(earlier.c.execution_id)
        .where(earlier.c.job_id == progress.c.job_id, earlier.c.kind == Kind.SCHEDULED)
        .order_by(earlier.c.slot.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [
        executions.c.job_id,
        executions.c.execution_id.label("b_id"),
        executions.c.status,
        executions.c.reason,
        executions.c.last_slot,
        executions.c.slot_count,
    ]
    join = sa.select(*columns).join_from(progress, executions, executions.c.execution_id == newest)
    return join.where(progress.c.job_id.in_(IDS))


_LATEST = _select_latest()

_JOINED = ("status", "reason", "last_slot", "slot_count")

_OF_SCHEDULE = (executions.c.job_id == sa.bindparam("b_job_id")) & (executions.c.kind == Kind.SCHEDULED)

_BEFORE = (
    sa.select(executions)
    .where(_OF_SCHEDULE, executions.c.slot <= sa.bindparam("b_until"))
    .order_by(executions.c.slot.desc())
    .limit(1)
)

_SLOTS = (
    sa.select(executions.c.slot)
    .where(_OF_SCHEDULE, executions.c.slot.between(sa.bindparam("b_first"), sa.bindparam("b_last")))
    .order_by(executions.c.slot)
)

_FORGET = sa.delete(executions).where(
    _OF_SCHEDULE, executions.c.slot > sa.bindparam("b_after"), executions.c.started_at.is_(None)
)

_LENGTHEN = (
    sa.update(executions)
    .where(executions.c.execution_id == sa.bindparam("b_id"))
    .values(last_slot=sa.bindparam("last_slot"), slot_count=sa.bindparam("slot_count"))
)
