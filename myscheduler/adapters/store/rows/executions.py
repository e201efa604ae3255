"""SQL of the history. Every function works inside the caller's transaction."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows.jobs import id_lists, positions, source_of, source_values
from myscheduler.adapters.store.tables import executions, progress, queued
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Failing, Finish, Kind, QueuedRun, Record, Status
from myscheduler.core.history.gaps import Gap, without
from myscheduler.core.history.reasons import Reason
from myscheduler.core.job.job import Source
from myscheduler.core.schedule.slots import TICK

_LOST = {
    Reason.CRASH: "the scheduler stopped while this execution was under way; the target may have got the request",
    Reason.DATABASE: "the database went away while this execution was being claimed; it was not sent",
}


def claim(
    connection: sa.Connection, claims: Sequence[Claim], *, now: Callable[[], datetime] | None = None
) -> list[bool]:
    """Make the claims durable together. `False` stands for one that is refused and has changed nothing:
    its job has changed or is gone. With `now` their executions start when the database lets them, not when they were
    taken.

    An execution whose slot is in the history already is refused too, yet its cursor moves on. Claims that were made
    durable before, by a commit whose answer was lost, are accepted and change nothing.
    """
    current = positions(connection, list({claim.job_id for claim in claims}))
    fitting = [claim.job_id in current and current[claim.job_id].version == claim.version for claim in claims]
    valid = [claim for claim, fits in zip(claims, fitting, strict=True) if fits]
    fresh = [one for one in valid if one.cursor is None or one.cursor > current[one.job_id].cursor]
    # before the executions, because gaps join the row before them
    record_gaps(
        connection,
        [Undone(one.job_id, one.gaps, one.digest, one.source, one.execution is not None) for one in fresh],
    )
    # a manual run has no cursor that would tell
    before = _stored(connection, [one.execution.execution_id for one in valid if one.execution and not one.cursor])
    started_at = now() if now else None  # whatever holds the database has let go of it
    stored = _insert_executions(connection, [one.execution for one in valid if one.execution], started_at)
    _move_cursors(connection, fresh)
    _count_sent(connection, [one.execution for one in fresh if one.execution], stored - before)
    _settle_manual(connection, [one for one in valid if one.execution and one.execution.execution_id in stored])
    return [
        fits and (one.execution is None or one.execution.execution_id in stored)
        for one, fits in zip(claims, fitting, strict=True)
    ]


def add_unsent(connection: sa.Connection, runs: Sequence[QueuedRun], reason: Reason, now: datetime) -> None:
    """Record manual runs that waited and are not sent."""
    rows = [
        {
            "execution_id": run.execution_id,
            "job_id": run.job_id,
            "slot": run.asked_at,
            "kind": Kind.MANUAL,
            "cause": Cause.API,
            "status": Status.SKIPPED,
            "reason": reason,
            "last_slot": run.asked_at,
            "slot_count": 1,
            "requested_by": run.requested_by,
            "completed_at": now,
            "attempts": 0,
        }
        for run in runs
    ]
    if rows:
        connection.execute(_insert_new(connection), rows)


def finish(connection: sa.Connection, finishes: Sequence[Finish]) -> None:
    """Write how executions ended."""
    if finishes:
        connection.execute(_FINISH, [_finish_values(one) for one in finishes])


def running(connection: sa.Connection) -> list[Record]:
    """What is claimed and not recorded as ended, oldest first."""
    query = sa.select(executions).where(executions.c.status == Status.RUNNING).order_by(executions.c.slot)
    return [_record(row) for row in connection.execute(query)]


def interrupt(connection: sa.Connection, execution_ids: Sequence[str], *, reason: Reason, now: datetime) -> None:
    """Close executions that were under way when the service lost them. Whether their requests arrived is not known."""
    for ids in id_lists(execution_ids):
        connection.execute(
            sa.update(executions)
            .where(executions.c.execution_id.in_(ids))
            .values(status=Status.INTERRUPTED, reason=reason, completed_at=now, error=_LOST[reason])
        )


def count_attempt(connection: sa.Connection, execution_ids: Sequence[str]) -> None:
    """One more attempt of running executions may have left; how it ended was lost."""
    for ids in id_lists(execution_ids):
        connection.execute(
            sa.update(executions).where(executions.c.execution_id.in_(ids)).values(attempts=executions.c.attempts + 1)
        )


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
        connection.execute(_insert_new(connection), new)
    if longer:
        values = [{name: row[name] for name in ("b_id", "last_slot", "slot_count")} for row in longer.values()]
        connection.execute(_LENGTHEN, values)


def failing(connection: sa.Connection, job_id: str) -> Failing | None:
    """What failed of a job since an execution was completed; `None` when nothing did."""
    of_job = executions.c.job_id == job_id
    last_good = sa.select(sa.func.max(executions.c.slot)).where(of_job, executions.c.status == Status.COMPLETED)
    good = connection.execute(last_good).scalar()
    failed = sa.and_(of_job, executions.c.status == Status.FAILED, executions.c.slot > good if good else sa.true())
    row = connection.execute(sa.select(executions).where(failed).order_by(executions.c.slot).limit(1)).first()
    if row is None:
        return None
    count = connection.execute(sa.select(sa.func.count()).select_from(executions).where(failed)).scalar_one()
    return Failing(_record(row), count)


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


def of_job(connection: sa.Connection, job_id: str, limit: int) -> list[Record]:
    """A job's newest rows first."""
    query = sa.select(executions).where(executions.c.job_id == job_id).order_by(executions.c.slot.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def recent(connection: sa.Connection, limit: int) -> list[Record]:
    """The newest rows of all jobs first."""
    query = sa.select(executions).order_by(executions.c.execution_id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def around(connection: sa.Connection, job_id: str, start: datetime, until: datetime, limit: int) -> list[Record]:
    """A job's rows that tell of moments from `start` to `until`, both included, oldest first.

    Rows of several slots may tell of moments before and after these too.
    """
    within = (executions.c.slot <= until) & (executions.c.last_slot >= start)
    query = sa.select(executions).where(executions.c.job_id == job_id, within).order_by(executions.c.slot).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def under_way(connection: sa.Connection, job_id: str, moment: datetime) -> Record | None:
    """The job's oldest scheduled execution that was under way at that moment."""
    was_open = executions.c.completed_at.is_(None) | (executions.c.completed_at > moment)
    query = (
        sa.select(executions)
        .where(executions.c.job_id == job_id, executions.c.kind == Kind.SCHEDULED)
        .where(executions.c.slot < moment, executions.c.started_at <= moment, was_open)
        .order_by(executions.c.slot.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _record(row) if row else None


def by_ids(connection: sa.Connection, execution_ids: Sequence[str]) -> list[Record]:
    """Those that are in the history, in any order."""
    return [_record(row) for ids in id_lists(execution_ids) for row in connection.execute(_BY_IDS, {"ids": ids}).all()]


def new_execution_id(moment: datetime) -> str:
    """A UUID of version 7 (RFC 9562, 5.7): ids sort by their moment."""
    milliseconds = int(moment.timestamp() * 1000) & 0xFFFFFFFFFFFF
    chance = _CHANCE.getrandbits(74)
    text = f"{milliseconds << 80 | 0x7 << 76 | chance >> 62 << 64 | 0b10 << 62 | chance & _LOW:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_CHANCE = Random(secrets.randbits(256))  # noqa: S311 - ids have to differ, not to be secret, and this is 20 times faster
_LOW = (1 << 62) - 1

_FINISH_COLUMNS = (
    "status", "reason", "started_at", "completed_at", "attempts", "http_status", "response_size", "error", "excerpt",
)  # fmt: skip


def _finish_values(one: Finish) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "b_id": one.execution_id,
        "b_status": one.status,
        "b_reason": one.reason,
        "b_started_at": one.started_at,
        "b_completed_at": one.completed_at,
        "b_attempts": one.attempts,
        "b_http_status": outcome.http_status,
        "b_response_size": outcome.response_size,
        "b_error": outcome.error,
        "b_excerpt": outcome.excerpt,
    }


def _insert_new(connection: sa.Connection) -> Any:
    """An insert that leaves rows alone whose job, slot and kind are in the history."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 3 MB that most services never need

        return postgresql.insert(executions).on_conflict_do_nothing()
    return sqlite.insert(executions).on_conflict_do_nothing()


def _insert_executions(connection: sa.Connection, new: Sequence[Execution], started_at: datetime | None) -> set[str]:
    """Returns the ids of those that are in the history now; the others' slots belong to other executions."""
    if not new:
        return set()
    ids = [execution.execution_id for execution in new]
    result = connection.execute(
        _insert_new(connection), [_execution_values(execution, started_at) for execution in new]
    )
    return set(ids) if result.rowcount == len(new) else _stored(connection, ids)


def _settle_manual(connection: sa.Connection, accepted: Sequence[Claim]) -> None:
    """What waited does so no longer, and what repeated requests are answered with is kept."""
    manual = [one.execution.execution_id for one in accepted if one.execution and one.execution.kind is Kind.MANUAL]
    for ids in id_lists(manual):
        connection.execute(sa.delete(queued).where(queued.c.execution_id.in_(ids)))
    key_rows.keep(connection, [one.kept for one in accepted if one.kept])


def _execution_values(execution: Execution, started_at: datetime | None) -> dict[str, Any]:
    return {
        "execution_id": execution.execution_id,
        "job_id": execution.job_id,
        "slot": execution.slot,
        "kind": execution.kind,
        "cause": execution.cause,
        "status": Status.RUNNING,
        "last_slot": execution.slot,
        "slot_count": 1,
        "requested_by": execution.requested_by,
        "digest": execution.digest,
        **source_values(execution.source),
        "started_at": started_at or execution.started_at,
        "attempts": 0,
    }


def _stored(connection: sa.Connection, execution_ids: Sequence[str]) -> set[str]:
    """Those that are in the history."""
    return {
        row.execution_id for ids in id_lists(execution_ids) for row in connection.execute(_STORED, {"ids": ids}).all()
    }


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


def _move_cursors(connection: sa.Connection, claims: Sequence[Claim]) -> None:
    moves = [
        {"b_id": one.job_id, "b_cursor": one.cursor, "b_next": one.next_slot}
        for one in claims
        if one.cursor is not None
    ]
    if moves:
        connection.execute(_MOVE, moves)


def _count_sent(connection: sa.Connection, sent: Sequence[Execution], inserted: set[str]) -> None:
    counted = [{"b_id": one.job_id, "b_execution_id": one.execution_id} for one in sent if one.execution_id in inserted]
    if counted:
        connection.execute(_COUNT, counted)


# Statements are made once: SQLAlchemy takes longer to build one than SQLite to run it.

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_BY_IDS = sa.select(executions).where(executions.c.execution_id.in_(_IDS))
_STORED = sa.select(executions.c.execution_id).where(executions.c.execution_id.in_(_IDS))
_FINISH = (
    sa.update(executions)
    .where(executions.c.execution_id == sa.bindparam("b_id"))
    .values({name: sa.bindparam(f"b_{name}") for name in _FINISH_COLUMNS})
)


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
    return join.where(progress.c.job_id.in_(_IDS))


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
_OF_JOB = progress.c.job_id == sa.bindparam("b_id")
_MOVE = sa.update(progress).where(_OF_JOB).values(cursor=sa.bindparam("b_cursor"), next_slot=sa.bindparam("b_next"))
_LENGTHEN = (
    sa.update(executions)
    .where(executions.c.execution_id == sa.bindparam("b_id"))
    .values(last_slot=sa.bindparam("last_slot"), slot_count=sa.bindparam("slot_count"))
)
_COUNT = (
    sa.update(progress)
    .where(_OF_JOB)
    .values(execution_count=progress.c.execution_count + 1, last_execution_id=sa.bindparam("b_execution_id"))
)


def _record(row: sa.Row[Any]) -> Record:
    return Record(
        execution_id=row.execution_id,
        job_id=row.job_id,
        slot=row.slot,
        kind=Kind(row.kind),
        cause=Cause(row.cause),
        status=Status(row.status),
        reason=row.reason,
        last_slot=row.last_slot,
        slot_count=row.slot_count,
        requested_by=row.requested_by,
        digest=row.digest,
        source=source_of(row),
        started_at=row.started_at,
        completed_at=row.completed_at,
        attempts=row.attempts,
        http_status=row.http_status,
        response_size=row.response_size,
        error=row.error,
        excerpt=row.excerpt,
    )
