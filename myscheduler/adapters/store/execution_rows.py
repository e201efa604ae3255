"""SQL of the history. Every function works inside the caller's transaction."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from myscheduler.adapters.store.job_rows import chunks, versions
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.admission import Gap, Reason
from myscheduler.core.claim import Claim
from myscheduler.core.execution import Cause, Execution, Finish, Kind, Status


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the history."""

    execution_id: str
    job_id: str
    slot: datetime
    kind: Kind
    cause: Cause
    status: Status
    reason: str | None
    last_slot: datetime
    slot_count: int
    requested_by: str | None
    digest: str | None
    revision: str | None
    started_at: datetime | None
    completed_at: datetime | None
    attempts: int
    http_status: int | None
    response_size: int | None
    error: str | None
    excerpt: str | None


def claim(connection: sa.Connection, claims: Sequence[Claim]) -> list[bool]:
    """Make the claims durable together. `False` stands for one that is refused and has changed nothing:
    its job has changed or is gone.

    An execution whose slot is in the history already is refused too, yet its cursor moves on.
    """
    current = versions(connection, list({claim.job_id for claim in claims}))
    accepted = [current.get(claim.job_id) == claim.version for claim in claims]
    valid = [claim for claim, is_accepted in zip(claims, accepted, strict=True) if is_accepted]
    inserted = _insert_executions(connection, [one.execution for one in valid if one.execution])
    for one in valid:
        for gap in one.gaps:
            record_gap(connection, one.job_id, gap, digest=one.digest, revision=one.revision)
    _move_cursors(connection, valid, inserted)
    return [
        is_accepted and (one.execution is None or one.execution.execution_id in inserted)
        for one, is_accepted in zip(claims, accepted, strict=True)
    ]


def finish(connection: sa.Connection, finishes: Sequence[Finish]) -> None:
    """Write how executions ended."""
    update = (
        sa.update(executions)
        .where(executions.c.execution_id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in _FINISH_COLUMNS})
    )
    if finishes:
        connection.execute(update, [_finish_values(one) for one in finishes])


def interrupt_running(connection: sa.Connection, now: datetime) -> int:
    """Close what was in flight when the last process died. Whether its request arrived is not known."""
    result = connection.execute(
        sa.update(executions)
        .where(executions.c.status == Status.RUNNING)
        .values(
            status=Status.INTERRUPTED,
            reason=Reason.CRASH,
            completed_at=now,
            error="the scheduler stopped while this execution was under way; the target may have got the request",
        )
    )
    return result.rowcount


def record_gap(connection: sa.Connection, job_id: str, gap: Gap, *, digest: str, revision: str | None) -> None:
    """Record slots that did not run; they join the row before them when that tells of the same reason."""
    latest = connection.execute(
        sa.select(executions.c.execution_id, executions.c.status, executions.c.reason)
        .where(executions.c.job_id == job_id, executions.c.kind == Kind.SCHEDULED, executions.c.slot < gap.first)
        .order_by(executions.c.slot.desc())
        .limit(1)
    ).first()
    if latest is not None and (latest.status, latest.reason) == (gap.status, gap.reason):
        connection.execute(
            sa.update(executions)
            .where(executions.c.execution_id == latest.execution_id)
            .values(last_slot=gap.last, slot_count=executions.c.slot_count + gap.count)
        )
        return
    row = {
        "execution_id": new_execution_id(gap.first),
        "job_id": job_id,
        "slot": gap.first,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": gap.status,
        "reason": gap.reason,
        "last_slot": gap.last,
        "slot_count": gap.count,
        "digest": digest,
        "revision": revision,
        "attempts": 0,
    }
    connection.execute(_insert_new(connection), [row])


def of_job(connection: sa.Connection, job_id: str, limit: int) -> list[Record]:
    """A job's newest rows first."""
    query = sa.select(executions).where(executions.c.job_id == job_id).order_by(executions.c.slot.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def recent(connection: sa.Connection, limit: int) -> list[Record]:
    """The newest rows of all jobs first."""
    query = sa.select(executions).order_by(executions.c.execution_id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def last_of_jobs(connection: sa.Connection, job_ids: Sequence[str] | None = None) -> dict[str, Record]:
    """The latest execution of each job that was sent; of all jobs when `job_ids` is `None`."""
    query = sa.select(executions).join(progress, progress.c.last_execution_id == executions.c.execution_id)
    if job_ids is None:
        return {row.job_id: _record(row) for row in connection.execute(query)}
    return {
        row.job_id: _record(row)
        for chunk in chunks(job_ids)
        for row in connection.execute(query.where(progress.c.job_id.in_(chunk)))
    }


def new_execution_id(moment: datetime) -> str:
    """A UUID of version 7 (RFC 9562, 5.7): ids sort by their moment."""
    milliseconds = int(moment.timestamp() * 1000) & 0xFFFFFFFFFFFF
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


_FINISH_COLUMNS = (
    "status", "reason", "completed_at", "attempts", "http_status", "response_size", "error", "excerpt",
)  # fmt: skip


def _finish_values(one: Finish) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "b_id": one.execution_id,
        "b_status": one.status,
        "b_reason": one.reason,
        "b_completed_at": one.completed_at,
        "b_attempts": one.attempts,
        "b_http_status": outcome.http_status,
        "b_response_size": outcome.response_size,
        "b_error": outcome.error,
        "b_excerpt": outcome.excerpt,
    }


def _insert_new(connection: sa.Connection) -> Any:
    """An insert that leaves rows alone whose job, slot and kind are in the history."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(executions).on_conflict_do_nothing()


def _insert_executions(connection: sa.Connection, new: Sequence[Execution]) -> set[str]:
    """Returns the ids of those that were not in the history before."""
    if not new:
        return set()
    ids = [execution.execution_id for execution in new]
    result = connection.execute(_insert_new(connection), [_execution_values(execution) for execution in new])
    if result.rowcount == len(new):
        return set(ids)
    return {
        row.execution_id
        for chunk in chunks(ids)
        for row in connection.execute(sa.select(executions.c.execution_id).where(executions.c.execution_id.in_(chunk)))
    }


def _execution_values(execution: Execution) -> dict[str, Any]:
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
        "revision": execution.revision,
        "started_at": execution.started_at,
        "attempts": 0,
    }


def _move_cursors(connection: sa.Connection, claims: Sequence[Claim], inserted: set[str]) -> None:
    scheduled = [one for one in claims if one.cursor is not None]
    sent = [one.execution for one in claims if one.execution and one.execution.execution_id in inserted]
    if scheduled:
        move = sa.update(progress).where(progress.c.job_id == sa.bindparam("b_id"))
        connection.execute(
            move.values(cursor=sa.bindparam("b_cursor"), next_slot=sa.bindparam("b_next")),
            [{"b_id": one.job_id, "b_cursor": one.cursor, "b_next": one.next_slot} for one in scheduled],
        )
    if sent:
        count = sa.update(progress).where(progress.c.job_id == sa.bindparam("b_id"))
        connection.execute(
            count.values(
                execution_count=progress.c.execution_count + 1, last_execution_id=sa.bindparam("b_execution_id")
            ),
            [{"b_id": execution.job_id, "b_execution_id": execution.execution_id} for execution in sent],
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
        revision=row.revision,
        started_at=row.started_at,
        completed_at=row.completed_at,
        attempts=row.attempts,
        http_status=row.http_status,
        response_size=row.response_size,
        error=row.error,
        excerpt=row.excerpt,
    )
