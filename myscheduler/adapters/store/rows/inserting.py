"""Parts of statements that several modules share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.tables import executions


def insert_new(connection: sa.Connection) -> Any:
    """An insert of executions that skips rows whose job, slot and kind are already in the history."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 3 MB, not needed with SQLite

        return postgresql.insert(executions).on_conflict_do_nothing()
    return sqlite.insert(executions).on_conflict_do_nothing()


INSERT = PreparedStatement(insert_new)


_FOLLOWERS = executions.alias("followers")
CHAIN_OF = sa.func.coalesce(
    executions.c.chain_id,
    sa.case((sa.exists().where(_FOLLOWERS.c.chain_id == executions.c.execution_id), executions.c.execution_id)),
)
"""The chain of an execution: its own id if others followed it, and null if it is in none."""
IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
