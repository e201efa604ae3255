"""SQL of long lists: rows of the history as plain values, with times in microseconds since 1970.

Making a thousand rows into records, and their times into datetimes, takes several times as long as reading them. Every
function works inside the caller's transaction.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import CHAIN_OF, IDS
from myscheduler.adapters.store.rows.jobs import chunks, id_lists
from myscheduler.adapters.store.tables import UtcTime, executions


class Listed(NamedTuple):
    """A row of the history; see `Record`."""

    execution_id: str
    job_id: str
    slot: int
    kind: str
    cause: str
    status: str
    reason: str | None
    last_slot: int
    slot_count: int
    requested_by: str | None
    digest: str | None
    source_path: str | None
    source_line: int | None
    source_revision: str | None
    started_at: int | None
    completed_at: int | None
    attempts: int
    http_status: int | None
    response_size: int | None
    error: str | None
    excerpt: str | None
    rerun_of: str | None
    next_attempt_at: int | None
    parent_execution_id: str | None
    is_alone: bool
    chain_id: str | None
    """See `Record`."""


Brief = tuple[str, str, str, int, int | None, int | None]
"""A row of which only its result is shown: its job and id, its status, its slot, and when it started and ended."""


def by_ids(connection: sa.Connection, execution_ids: Sequence[str]) -> list[Listed]:
    """The rows with these ids that are in the history, newest first."""
    found = [row for ids in id_lists(execution_ids) for row in connection.execute(_BY_IDS, {"ids": ids}).all()]
    return sorted(map(Listed._make, found), reverse=True)


def of_job(connection: sa.Connection, job_id: str, limit: int) -> list[Listed]:
    """The newest rows of a job, newest first."""
    return list(map(Listed._make, connection.execute(_OF_JOB, {"job_id": job_id, "most": limit}).all()))


def recent(connection: sa.Connection, limit: int) -> list[Listed]:
    """The newest rows of all jobs, newest first."""
    return list(map(Listed._make, connection.execute(_RECENT, {"most": limit}).all()))


def strips(connection: sa.Connection, job_ids: Sequence[str], limit: int) -> dict[str, list[Brief]]:
    """The newest rows of each job, newest first."""
    found: dict[str, list[Brief]] = {job_id: [] for job_id in job_ids}
    read = _strips_by_lateral if connection.dialect.name == "postgresql" else _strips_by_slot
    for ids in chunks(job_ids):
        length = 1 << (len(ids) - 1).bit_length()  # see `id_lists`
        values = {f"id{place}": job_id for place, job_id in enumerate([*ids, *[_NO_ID] * (length - len(ids))])}
        rows: Sequence[Any] = connection.execute(read(length), {**values, "most": limit, "last": limit - 1}).all()
        for row in rows:
            found[row[0]].append(row)  # unpacked like a tuple
    return {job_id: sorted(rows, key=_slot, reverse=True)[:limit] for job_id, rows in found.items()}


_NO_ID = ""
_slot = itemgetter(3)


def _plain(table: sa.FromClause, names: Sequence[str]) -> list[sa.ColumnElement[object]]:
    """The columns with these names, times as they are stored."""
    columns = (table.c[name] for name in names)
    return [sa.type_coerce(one, sa.BigInteger) if isinstance(one.type, UtcTime) else one for one in columns]


# Statements are built once: SQLAlchemy takes longer to build one than SQLite to run it.

_BRIEF = ("execution_id", "status", "slot", "started_at", "completed_at")
_MOST: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer)
_ROWS = sa.select(*_plain(executions, Listed._fields[:-1]), CHAIN_OF)
_BY_IDS = _ROWS.where(executions.c.execution_id.in_(IDS))
_OF_JOB = (
    _ROWS.where(executions.c.job_id == sa.bindparam("job_id")).order_by(executions.c.slot.desc()).limit(_MOST)
)  # fmt: skip
_RECENT = _ROWS.order_by(executions.c.execution_id.desc()).limit(_MOST)


def _wanted(count: int) -> sa.CTE:
    """So many ids of jobs as a table."""
    places = [(sa.bindparam(f"id{place}", type_=sa.String),) for place in range(count)]
    return sa.values(sa.column("job_id", sa.String), name="wanted").data(cast("list[tuple[str]]", places)).cte()


@lru_cache(maxsize=16)  # of powers of two
def _strips_by_lateral(count: int) -> sa.Select[tuple[object, ...]]:
    wanted = _wanted(count)
    rows = sa.select(*_plain(executions, _BRIEF)).where(executions.c.job_id == wanted.c.job_id)
    newest = rows.order_by(executions.c.slot.desc()).limit(_MOST).lateral()
    return sa.select(wanted.c.job_id, *newest.c).join_from(wanted, newest, sa.true())


@lru_cache(maxsize=16)  # of powers of two
def _strips_by_slot(count: int) -> sa.Select[tuple[object, ...]]:
    """SQLite has no lateral joins. The n-th newest slot of each job, and the rows from it on, by the index of slots."""
    wanted, inner = _wanted(count), executions.alias("inner")
    oldest = (
        sa.select(sa.type_coerce(inner.c.slot, sa.BigInteger))
        .where(inner.c.job_id == wanted.c.job_id)
        .order_by(inner.c.slot.desc())
        .limit(1)
        .offset(sa.bindparam("last", type_=sa.Integer))
        .correlate(wanted)
        .scalar_subquery()
    )
    within = sa.type_coerce(executions.c.slot, sa.BigInteger) >= sa.func.coalesce(oldest, 0)
    columns = (wanted.c.job_id, *_plain(executions, _BRIEF))
    return sa.select(*columns).join_from(wanted, executions, (executions.c.job_id == wanted.c.job_id) & within)
