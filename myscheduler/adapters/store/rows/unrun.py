"""SQL for slots that did not run: each `Unrun`, a stretch of slots with one reason, is a row of the history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.inserting import IDS, INSERT
from myscheduler.adapters.store.rows.jobs import id_lists, source_values
from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.history.unrun import Unrun, without
from myscheduler.core.job.job import Source
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import TICK


@dataclass(frozen=True, slots=True)
class UnrunOfJob:
    """Slots of a job that did not run, in order, to be recorded."""

    job_id: str
    unrun: tuple[Unrun, ...]
    digest: str
    source: Source | None
    is_followed: bool = False
    """Whether an execution comes after them, so later slots are not joined with these."""


@dataclass(slots=True)
class _Row:
    """The last row of a job with kind `scheduled`, as it is stored or will be."""

    last_slot: datetime
    unrun: Unrun | None
    """The slots of the row; `None` for an execution."""
    execution_id: str | None = None
    """The id of a stored row; `None` for one to be inserted."""

    def take_in(self, following: Unrun) -> bool:
        """Extend the row by `following` if it has the same reason. Returns whether it has."""
        both = self.unrun.joined(following) if self.unrun and self.last_slot < following.first else None
        if both:
            self.last_slot, self.unrun = both.last, both
        return both is not None


def record_unrun(connection: sa.Connection, unrun: Sequence[UnrunOfJob]) -> Sequence[UnrunOfJob]:
    """Record slots that did not run: extend the job's last row if it has the same reason, else insert rows.

    Returns those that were recorded: some may have had rows before.
    """
    if not any(one.unrun for one in unrun):
        return ()
    latest = _latest(connection, [one.job_id for one in unrun if one.unrun])
    new: list[tuple[UnrunOfJob, _Row]] = []
    longer: dict[str, _Row] = {}
    unrecorded = _around_others(connection, unrun, latest)
    for one in unrecorded:
        for slots in one.unrun:
            row = latest.get(one.job_id)
            if row is None or not row.take_in(slots):
                latest[one.job_id] = row = _Row(slots.last, slots)
                new.append((one, row))
            elif row.execution_id is not None:
                longer[row.execution_id] = row
        if one.is_followed:
            latest.pop(one.job_id, None)
    if new:
        INSERT.execute(connection, [_values(one, row.unrun) for one, row in new if row.unrun])
    if longer:
        rows = [
            {"b_id": id_, "b_last_slot": row.unrun.last, "b_slot_count": row.unrun.count}
            for id_, row in longer.items()
            if row.unrun
        ]
        _LENGTHEN.execute(connection, rows)
    return unrecorded


def last_unrun(
    connection: sa.Connection, job_id: str, until: datetime, reason: Reason | None = None
) -> tuple[str, Unrun | None]:
    """The id and slots of a job's last row with kind `scheduled` and a first slot up to `until`.

    Returns `("", None)` if there is none, if it is an execution, or if `reason` is given and the row's is another one.
    """
    row = connection.execute(_BEFORE, {"b_job_id": job_id, "b_until": until}).first()
    if row is None or row.started_at is not None or (reason is not None and row.reason != reason):
        return "", None
    return row.execution_id, _unrun_of(row)


def forget_unrun(connection: sa.Connection, job_id: str, after: datetime) -> None:
    """Delete a job's rows of slots that did not run whose first slot is later than `after`."""
    connection.execute(_FORGET, {"b_job_id": job_id, "b_after": after})


def shorten(connection: sa.Connection, execution_id: str, left: Unrun | None) -> None:
    """Cut a row of slots that did not run down to the slots of `left`; delete it for `None`."""
    row = executions.c.execution_id == execution_id
    if left is None:
        connection.execute(sa.delete(executions).where(row))
    else:
        connection.execute(sa.update(executions).where(row).values(last_slot=left.last, slot_count=left.count))


def _latest(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, _Row]:
    """The last row with kind `scheduled` of each job that has one."""
    return {
        row.job_id: _stored_row(row)
        for ids in id_lists(job_ids)
        for row in connection.execute(_LATEST, {"ids": ids}).all()
    }


def _stored_row(row: sa.Row[Any]) -> _Row:
    return _Row(row.last_slot, _unrun_of(row) if row.status in _UNRUN else None, row.execution_id)


def _unrun_of(row: sa.Row[Any]) -> Unrun:
    return Unrun(Status(row.status), Reason(row.reason), row.slot, row.last_slot, row.slot_count)


def _around_others(
    connection: sa.Connection, unrun: Sequence[UnrunOfJob], latest: dict[str, _Row]
) -> Sequence[UnrunOfJob]:
    """Returns `unrun` without slots that already have rows, and sets `latest` to the rows just before the new ones.

    Such rows exist only after the clock was set back: they are executions sent before that.
    """
    firsts = {one.job_id: one.unrun[0].first for one in reversed(unrun) if one.unrun}
    disordered = {
        job_id: first for job_id, first in firsts.items() if job_id in latest and latest[job_id].last_slot >= first
    }
    for job_id, first in disordered.items():
        del latest[job_id]
        row = connection.execute(_BEFORE, {"b_job_id": job_id, "b_until": first - TICK}).first()
        if row is not None:
            latest[job_id] = _stored_row(row)
    return [
        piece
        for one in unrun
        for piece in (_pieces(connection, one) if one.unrun and one.job_id in disordered else [one])
    ]


def _pieces(connection: sa.Connection, one: UnrunOfJob) -> list[UnrunOfJob]:
    """Cut at the slots that already have rows; all pieces but the last are followed by such a row."""
    span = {"b_job_id": one.job_id, "b_first": one.unrun[0].first, "b_last": one.unrun[-1].last}
    slots = [row.slot for row in connection.execute(_SLOTS, span)]
    parts = [part for unrun in one.unrun for part in without(unrun, slots)]
    followed = [replace(one, unrun=(part,), is_followed=True) for part in parts[:-1]]
    return [*followed, replace(one, unrun=tuple(parts[-1:]))]


def _values(of: UnrunOfJob, unrun: Unrun) -> dict[str, Any]:
    return {
        "execution_id": new_execution_id(unrun.first),
        "job_id": of.job_id,
        "slot": unrun.first,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": unrun.status,
        "reason": unrun.reason,
        "last_slot": unrun.last,
        "slot_count": unrun.count,
        "digest": of.digest,
        **source_values(of.source),
        "attempts": 0,
    }


_UNRUN = frozenset({Status.SKIPPED, Status.MISSED})


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
        executions.c.execution_id,
        executions.c.slot,
        executions.c.status,
        executions.c.reason,
        executions.c.last_slot,
        executions.c.slot_count,
    ]
    join = sa.select(*columns).join_from(progress, executions, executions.c.execution_id == newest)
    return join.where(progress.c.job_id.in_(IDS))


_LATEST = _select_latest()

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

_EXTENT: dict[str, Any] = {"last_slot": sa.bindparam("b_last_slot"), "slot_count": sa.bindparam("b_slot_count")}
_LENGTHEN = PreparedStatement(
    lambda _: sa.update(executions).where(executions.c.execution_id == sa.bindparam("b_id")).values(_EXTENT)
)
