"""SQL of the waits between attempts. Every function works inside the caller's transaction.

A running execution with `next_attempt_at` has no request in flight, and its row has all its attempts so far.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.claims import COUNT
from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists, source_values
from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.tables import executions
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.attempts import kept
from myscheduler.core.history.execution import Execution, RetryWait, Status

_NOTHING = Outcome()


def begin(connection: sa.Connection, waits: Sequence[RetryWait]) -> None:
    """Record that running executions wait for their next attempts."""
    _BEGIN.execute(
        connection,
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
    _END.execute(connection, [{"b_id": one} for one in execution_ids])


def end_first(connection: sa.Connection, begun: Sequence[Execution]) -> None:
    """Record that executions which waited for their turn in a chain begin: they are counted, with what is sent now.

    An earlier call may have committed that, though its result was lost: then they are counted.
    """
    lists = id_lists([one.execution_id for one in begun])
    unbegun = {one for ids in lists for one in connection.execute(_UNBEGUN, {"ids": ids}).scalars()}
    rows = [
        {"b_id": one.execution_id, "b_started_at": one.started_at, "b_digest": one.digest, **_source_values(one)}
        for one in begun
    ]
    _END_FIRST.execute(connection, rows)
    counted = [one for one in begun if one.execution_id in unbegun]
    if counted:
        rows = [{"b_id": one.job_id, "b_execution_id": one.execution_id, "b_count": 1} for one in counted]
        COUNT.execute(connection, rows)


def _source_values(execution: Execution) -> dict[str, Any]:
    return {f"b_{name}": value for name, value in source_values(execution.source).items()}


_IS_RUNNING = (executions.c.execution_id == sa.bindparam("b_id")) & (executions.c.status == Status.RUNNING)
_UPDATE = sa.update(executions).where(_IS_RUNNING)
_COLUMNS = ("started_at", "attempts", "earlier_attempts", "next_attempt_at")
_BEGIN = PreparedStatement(lambda _: _UPDATE.values({name: sa.bindparam(f"b_{name}") for name in _COLUMNS}))
_END = PreparedStatement(lambda _: _UPDATE.values(next_attempt_at=None))
_UNBEGUN = sa.select(executions.c.execution_id).where(
    executions.c.execution_id.in_(IDS), executions.c.status == Status.RUNNING, executions.c.started_at.is_(None)
)
_FIRST_COLUMNS = ("started_at", "digest", "source_path", "source_line", "source_revision")
_END_FIRST = PreparedStatement(
    lambda _: _UPDATE.values({"next_attempt_at": None} | {name: sa.bindparam(f"b_{name}") for name in _FIRST_COLUMNS})
)
