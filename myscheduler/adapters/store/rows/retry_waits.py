"""SQL of the waits between attempts. Every function works inside the caller's transaction.

A running execution with `next_attempt_at` has no request in flight, and its row has all its attempts so far.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.claims import COUNT
from myscheduler.adapters.store.rows.jobs import source_values
from myscheduler.adapters.store.tables import executions
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.attempts import kept
from myscheduler.core.history.execution import Execution, RetryWait, Status

_NOTHING = Outcome()


def begin(connection: sa.Connection, waits: Sequence[RetryWait]) -> None:
    """Record that running executions wait for their next attempts."""
    connection.execute(
        _BEGIN,
        [
            {
                "b_id": one.execution_id,
                "b_started_at": one.started_at,
                "b_attempts": one.attempts,
                "b_earlier_attempts": kept(one.attempts_detail, _NOTHING, is_completed=False),
                "b_next_attempt_at": one.next_attempt_at,
            }
            for one in waits
        ],
    )


def end(connection: sa.Connection, execution_ids: Sequence[str]) -> None:
    """Record that the next attempts of running executions begin: from now on, their requests may be in flight."""
    connection.execute(_END, [{"b_id": one} for one in execution_ids])


def end_first(connection: sa.Connection, begun: Sequence[Execution]) -> None:
    """Record that executions which waited for their turn in a chain begin: they are counted, with what is sent now."""
    rows = [
        {"b_id": one.execution_id, "b_started_at": one.started_at, "b_digest": one.digest, **_source_values(one)}
        for one in begun
    ]
    connection.execute(_END_FIRST, rows)
    connection.execute(COUNT, [{"b_id": one.job_id, "b_execution_id": one.execution_id} for one in begun])


def _source_values(execution: Execution) -> dict[str, Any]:
    return {f"b_{name}": value for name, value in source_values(execution.source).items()}


_IS_RUNNING = (executions.c.execution_id == sa.bindparam("b_id")) & (executions.c.status == Status.RUNNING)
_COLUMNS = ("started_at", "attempts", "earlier_attempts", "next_attempt_at")
_BEGIN = sa.update(executions).where(_IS_RUNNING).values({name: sa.bindparam(f"b_{name}") for name in _COLUMNS})
_END = sa.update(executions).where(_IS_RUNNING).values(next_attempt_at=None)
_FIRST_COLUMNS = ("started_at", "digest", "source_path", "source_line", "source_revision")
_END_FIRST = (
    sa.update(executions)
    .where(_IS_RUNNING)
    .values({"next_attempt_at": None} | {name: sa.bindparam(f"b_{name}") for name in _FIRST_COLUMNS})
)
