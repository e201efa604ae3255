"""SQL of running executions: claims, which move cursors; attempts; and ends."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows.inserting import IDS, INSERT, insert_new
from myscheduler.adapters.store.rows.jobs import id_lists, source_values
from myscheduler.adapters.store.rows.positions import positions
from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.rows.unrun import UnrunOfJob, record_unrun
from myscheduler.adapters.store.tables import executions, progress, queued
from myscheduler.core.calls.exchange import exchange_text
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.retrying import NOT_RETRIED
from myscheduler.core.history.attempts import kept
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, QueuedRun, Status
from myscheduler.core.lifecycle.audit import Cancellation
from myscheduler.core.reason import Reason
from myscheduler.messages.message import said

_RUNNING = str(Status.RUNNING)
_LOST = {
    Reason.CRASH: said("crashed"),
    Reason.DATABASE: said("claim-unclear"),
    Reason.CANCELLED: said("chain-cancelled-before"),
    **NOT_RETRIED,
}


def claim(
    connection: sa.Connection, claims: Sequence[Claim], *, now: Callable[[], datetime] | None = None
) -> list[bool]:
    """Write claims, all in one transaction. Returns for each claim whether it is accepted.

    A claim is refused and changes nothing if its job was changed or deleted. A claim whose slot is already in the
    history is refused too, but moves the cursor. Claims that an earlier call has committed, though its result was lost,
    are accepted and change nothing.

    With `now`, the start of the executions is the time of this call, which may have waited for the database, instead of
    the time at which they were claimed.
    """
    current = positions(connection, {claim.job_id for claim in claims})
    fitting = [claim.job_id in current and current[claim.job_id].version == claim.version for claim in claims]
    valid = [claim for claim, fits in zip(claims, fitting, strict=True) if fits]
    fresh = [one for one in valid if one.cursor is None or one.cursor > current[one.job_id].cursor]
    # before the executions, because slots that did not run are joined with the row before them
    record_unrun(
        connection,
        [UnrunOfJob(one.job_id, one.unrun, one.digest, one.source, one.execution is not None) for one in fresh],
    )
    # which manual runs are already committed can't be seen by the cursor
    before = _stored(connection, [one.execution.execution_id for one in valid if one.execution and not one.cursor])
    started_at = now() if now else None  # after the wait for the database
    stored = _insert_executions(connection, [one.execution for one in valid if one.execution], started_at)
    _move_cursors(connection, fresh, stored - before)
    _settle_manual(connection, [one for one in valid if one.execution and one.execution.execution_id in stored])
    return [
        fits and (one.execution is None or one.execution.execution_id in stored)
        for one, fits in zip(claims, fitting, strict=True)
    ]


def undecided(connection: sa.Connection, claims: Sequence[Claim]) -> list[Claim]:
    """Those of the claims that `claim` would accept and that no earlier call has stored, so that they move cursors."""
    current = positions(connection, {one.job_id for one in claims})
    return [
        one
        for one in claims
        if one.cursor is not None
        and (found := current.get(one.job_id)) is not None
        and found.version == one.version
        and one.cursor > found.cursor
    ]


def add_unsent(
    connection: sa.Connection, runs: Sequence[QueuedRun], reason: Reason, now: datetime, *, error: str | None = None
) -> None:
    """Record waiting manual runs as skipped for a reason; `error` says more about it."""
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
            "error": error,
            "rerun_of": run.rerun_of,
            "is_alone": run.is_alone,
            "upstream_chain_id": run.upstream_chain_id,
        }
        for run in runs
    ]
    if rows:
        connection.execute(insert_new(connection), rows)


def finish(connection: sa.Connection, finishes: Sequence[Finish], cancelled: Sequence[Cancellation] = ()) -> None:
    """Record the ends of executions, and the requests that cancelled some of them."""
    if unbegun := [one.execution_id for one in finishes if one.started_at is None]:
        _uncount(connection, unbegun)
    if finishes:
        _FINISH.execute(connection, [_finish_values(one) for one in finishes])
    if cancelled:
        record_cancellations(connection, cancelled)


def _uncount(connection: sa.Connection, execution_ids: Sequence[str]) -> None:
    """Count no longer which of these executions of chains began: they are cut off before anything of them was sent."""
    begun = [row.job_id for ids in id_lists(execution_ids) for row in connection.execute(_BEGUN, {"ids": ids}).all()]
    if begun:
        connection.execute(_UNCOUNT, [{"b_id": job_id} for job_id in begun])


def record_cancellations(connection: sa.Connection, cancelled: Sequence[Cancellation]) -> None:
    """Write the audit entries of cancellations, and the answers to their requests."""
    audit_rows.add(connection, [one.entry for one in cancelled])
    key_rows.keep(connection, [one.kept for one in cancelled if one.kept])


def interrupt(connection: sa.Connection, execution_ids: Sequence[str], *, reason: Reason, now: datetime) -> None:
    """Record executions as interrupted that the service lost while they were running."""
    for ids in id_lists(execution_ids):
        connection.execute(
            sa.update(executions)
            .where(executions.c.execution_id.in_(ids))
            .values(
                status=Status.INTERRUPTED, reason=reason, completed_at=now, error=_LOST[reason], next_attempt_at=None
            )
        )


def drop(connection: sa.Connection, dropped: Sequence[tuple[str, Reason]], *, now: datetime) -> None:
    """Record executions as skipped that waited for their turn in a chain, each for its reason."""
    if dropped:
        rows = [{"b_id": execution_id, "b_reason": reason, "b_now": now} for execution_id, reason in dropped]
        connection.execute(_DROP, rows)


def count_attempt(connection: sa.Connection, execution_ids: Sequence[str]) -> None:
    """Count one more attempt of running executions, which may have been sent and whose result is unknown."""
    for ids in id_lists(execution_ids):
        connection.execute(
            sa.update(executions).where(executions.c.execution_id.in_(ids)).values(attempts=executions.c.attempts + 1)
        )


def begin_pinged(connection: sa.Connection, execution_id: str, at: datetime) -> None:
    """Record that a ping reported the start of a running execution."""
    _update_running(connection, execution_id, started_at=at, attempts=1)


def note_pinged(connection: sa.Connection, execution_id: str, excerpt: str | None) -> None:
    """Record what a ping told about a running execution."""
    _update_running(connection, execution_id, excerpt=excerpt)


def _update_running(connection: sa.Connection, execution_id: str, **values: Any) -> None:
    is_running = (executions.c.execution_id == execution_id) & (executions.c.status == Status.RUNNING)
    connection.execute(sa.update(executions).where(is_running).values(values))


_FINISH_COLUMNS = (
    "status", "reason", "started_at", "completed_at", "attempts", "http_status", "response_size", "error", "excerpt",
    "earlier_attempts", "next_attempt_at", "exchange", "extracted",
)  # fmt: skip


def _finish_values(one: Finish) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "b_id": one.execution_id,
        "b_status": str(one.status),  # drivers look at each value that is not plainly a text
        "b_reason": None if one.reason is None else str(one.reason),
        "b_started_at": one.started_at,
        "b_completed_at": one.completed_at,
        "b_attempts": one.attempts,
        "b_http_status": outcome.http_status,
        "b_response_size": outcome.response_size,
        "b_error": outcome.error,
        "b_excerpt": outcome.excerpt,
        "b_earlier_attempts": kept(one.attempts_detail, outcome, is_completed=one.status is Status.COMPLETED),
        "b_next_attempt_at": one.next_attempt_at,
        "b_exchange": None if outcome.exchange is None else exchange_text(outcome.exchange),
        "b_extracted": None if outcome.extracted is None else json.dumps(outcome.extracted, ensure_ascii=False),
    }


def _insert_executions(connection: sa.Connection, new: Sequence[Execution], started_at: datetime | None) -> set[str]:
    """Insert executions; returns the ids of those in the history now. The other slots had an execution before."""
    if not new:
        return set()
    ids = [execution.execution_id for execution in new]
    count = INSERT.execute(connection, [_execution_values(execution, started_at) for execution in new])
    return set(ids) if count == len(new) else _stored(connection, ids)


def _settle_manual(connection: sa.Connection, accepted: Sequence[Claim]) -> None:
    """Delete accepted manual runs from the queue, and keep the answers to requests with an `Idempotency-Key`."""
    manual = [one.execution.execution_id for one in accepted if one.execution and one.execution.kind is Kind.MANUAL]
    for ids in id_lists(manual):
        connection.execute(sa.delete(queued).where(queued.c.execution_id.in_(ids)))
    key_rows.keep(connection, [one.kept for one in accepted if one.kept])


def _execution_values(execution: Execution, started_at: datetime | None) -> dict[str, Any]:
    return {
        "execution_id": execution.execution_id,
        "job_id": execution.job_id,
        "slot": execution.slot,
        "kind": str(execution.kind),
        "cause": str(execution.cause),
        "status": _RUNNING,
        "last_slot": execution.slot,
        "slot_count": 1,
        "requested_by": execution.requested_by,
        "digest": execution.digest,
        **source_values(execution.source),
        "started_at": started_at or execution.started_at,
        "attempts": 0,
        "rerun_of": execution.rerun_of,
        "is_alone": execution.is_alone,
        "upstream_chain_id": execution.upstream_chain_id,
    }


def _stored(connection: sa.Connection, execution_ids: Sequence[str]) -> set[str]:
    """The ids that are in the history."""
    return {
        row.execution_id for ids in id_lists(execution_ids) for row in connection.execute(_STORED, {"ids": ids}).all()
    }


def _move_cursors(connection: sa.Connection, claims: Sequence[Claim], inserted: set[str]) -> None:
    """Move the cursors of claims, and count the executions that were `inserted`; once a job, in the order of claims."""
    by_job: dict[str, dict[str, Any]] = {}
    for one in claims:
        row = by_job.setdefault(one.job_id, {"b_id": one.job_id})
        if one.cursor is not None:
            row["b_cursor"], row["b_next"] = one.cursor, one.next_slot
        if one.execution is not None and one.execution.execution_id in inserted:
            row["b_execution_id"], row["b_count"] = one.execution.execution_id, row.get("b_count", 0) + 1
    rows = list(by_job.values())
    for statement, has_moved, has_sent in ((_MOVE, True, False), (_MOVE_AND_COUNT, True, True), (COUNT, False, True)):
        if fitting := [row for row in rows if ("b_cursor" in row, "b_count" in row) == (has_moved, has_sent)]:
            statement.execute(connection, fitting)


_STORED = sa.select(executions.c.execution_id).where(executions.c.execution_id.in_(IDS))

_END = (
    sa.update(executions)
    .where(executions.c.execution_id == sa.bindparam("b_id"))
    .values({name: sa.bindparam(f"b_{name}") for name in _FINISH_COLUMNS})
)
_FINISH = PreparedStatement(lambda _: _END)

_DROP = (
    sa.update(executions)
    .where(executions.c.execution_id == sa.bindparam("b_id"))
    .values(
        status=Status.SKIPPED,
        reason=sa.bindparam("b_reason"),
        completed_at=sa.bindparam("b_now"),
        next_attempt_at=None,
    )
)

_OF_JOB = progress.c.job_id == sa.bindparam("b_id")

_CURSOR: dict[str, Any] = {"cursor": sa.bindparam("b_cursor"), "next_slot": sa.bindparam("b_next")}
_SENT: dict[str, Any] = {
    "execution_count": progress.c.execution_count + sa.bindparam("b_count"),
    "last_execution_id": sa.bindparam("b_execution_id"),
}
_MOVE = PreparedStatement(lambda _: sa.update(progress).where(_OF_JOB).values(_CURSOR))
_MOVE_AND_COUNT = PreparedStatement(lambda _: sa.update(progress).where(_OF_JOB).values(_CURSOR | _SENT))

COUNT = PreparedStatement(lambda _: sa.update(progress).where(_OF_JOB).values(_SENT))


_UNCOUNT = sa.update(progress).where(_OF_JOB).values(execution_count=progress.c.execution_count - 1)

_BEGUN = sa.select(executions.c.job_id).where(
    executions.c.execution_id.in_(IDS), executions.c.kind == Kind.CHAINED, executions.c.started_at.is_not(None)
)
