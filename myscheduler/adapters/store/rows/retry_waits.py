"""SQL of the waits between attempts. Every function works inside the caller's transaction.

A running execution with `next_attempt_at` has no request in flight, and its row has all its attempts so far.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from myscheduler.adapters.store.tables import executions
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.attempts import kept
from myscheduler.core.history.execution import RetryWait, Status

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


_IS_RUNNING = (executions.c.execution_id == sa.bindparam("b_id")) & (executions.c.status == Status.RUNNING)
_COLUMNS = ("started_at", "attempts", "earlier_attempts", "next_attempt_at")
_BEGIN = sa.update(executions).where(_IS_RUNNING).values({name: sa.bindparam(f"b_{name}") for name in _COLUMNS})
_END = sa.update(executions).where(_IS_RUNNING).values(next_attempt_at=None)
