"""SQL that searches the history of all jobs, a page at a time, newest first: by execution id, which begins with a time.

A page looks at a bounded number of rows, whatever it searches for. It may therefore end before it is full; then `end`
is the id before which the next page goes on. Which way a page goes depends on what is searched for:

- a chain: all of its rows, by the index `executions_chain`,
- few jobs: the newest slots of each, by the index (job, slot, kind), merged,
- executions that began late: the index `executions_late`,
- rows that are not completed: the indexes `executions_uncompleted` and `executions_running`,
- else the primary key, backwards.

Slots and ids are in the same order, except for executions that began late. So a time range of slots is a range of ids
and, above it, the late ones.

Every function works inside the caller's transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import CHAIN_OF
from myscheduler.adapters.store.rows.listed import Listed, by_ids
from myscheduler.adapters.store.rows.retention import lowest_id
from myscheduler.adapters.store.tables import EPOCH, IS_LATE, MICROSECOND, executions
from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.history.search import LATE, Search

MOST_ROWS = 5_000
"""The most rows that one page looks at."""
FEW_JOBS = 30
"""Up to so many jobs are searched by their slots."""
_FEWEST = 20
"""The fewest rows of a job that are read at once."""
_FIRST_ROWS = 500
_GROWTH = 4
_SLACK = timedelta(seconds=1)
"""Ids have milliseconds only, and slots of manual runs may be a little later than their ids."""
_FIRST = "00000000-0000-0000-0000-000000000000"
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"

Condition: TypeAlias = sa.ColumnElement[bool] | sa.TextClause


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the history, newest first."""

    rows: list[Listed]
    end: str | None
    """The id before which the next page begins; `None` after the last page."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows with ids in [`floor`, `top`), by one or several indexes, each with a condition that only it fulfils."""

    lanes: Sequence[Sequence[Condition]]
    floor: str
    top: str


def page(connection: sa.Connection, search: Search, *, before: str | None, limit: int, most: int = MOST_ROWS) -> Found:
    """The rows that `search` asks for and whose ids are before `before`, at most `limit`, newest first.

    `most` is about how many rows it may look at.
    """
    top = before or _LAST
    if search.chain_id is not None:
        return _found(connection, *_of_chain(connection, search, search.chain_id, top, limit))
    if search.job_ids is not None and len(search.job_ids) <= FEW_JOBS:
        ids, end = _of_few_jobs(connection, search, top, limit, most)
        if end is None or end < top:
            return _found(connection, ids, end)
    return _found(connection, *_walk(connection, search, top, limit, most))


def _found(connection: sa.Connection, ids: Sequence[str], end: str | None) -> Found:
    return Found(by_ids(connection, ids), end)


def _cut(ids: list[str], limit: int, end: str | None) -> tuple[list[str], str | None]:
    """The first `limit` ids, and where the next page begins."""
    return (ids[:limit], ids[limit - 1]) if len(ids) > limit else (ids, end)


def _of_chain(
    connection: sa.Connection, search: Search, chain_id: str, top: str, limit: int
) -> tuple[list[str], str | None]:
    is_wanted = _job_filter(search)
    within = (executions.c.execution_id < top, *_conditions(search))
    found = [
        row.execution_id
        for of_chain in (executions.c.chain_id == chain_id, executions.c.execution_id == chain_id)
        for row in connection.execute(
            sa.select(executions.c.execution_id, executions.c.job_id).where(of_chain, *within)
        )
        if is_wanted is None or is_wanted(row.job_id)
    ]
    return _cut(sorted(found, reverse=True), limit, None)


# --- through the history of all jobs --------------------------------------------------------------------------------


def _walk(connection: sa.Connection, search: Search, top: str, limit: int, left: int) -> tuple[list[str], str | None]:
    conditions, is_wanted = _conditions(search), _job_filter(search)
    found: list[str] = []
    size = limit + 1 if not conditions and search.job_ids is None else _FIRST_ROWS
    for stretch in _stretches(search, top):
        position: str | None = stretch.top
        while position is not None and len(found) <= limit:
            size = min(size, left // len(stretch.lanes))
            if size <= 0:
                return _cut(found, limit, position)
            floor = _floor(connection, stretch, position, size)
            part = _Stretch(stretch.lanes, floor or stretch.floor, position)
            count = None if is_wanted else limit + 1 - len(found)
            rows = _rows(connection, part, conditions, count)
            found += [execution_id for execution_id, job_id in rows if is_wanted is None or is_wanted(job_id)]
            position, left, size = floor, left - size * len(stretch.lanes), size * _GROWTH
    return _cut(found, limit, None)


def _stretches(search: Search, top: str) -> list[_Stretch]:
    """The stretches of the history to be searched, newest first."""
    if search.job_ids is not None and not search.job_ids:
        return []
    floor = lowest_id(search.start - _SLACK) if search.start else _FIRST
    lanes = _lanes(search)
    if search.until is None or lanes is _LATE_LANES:
        return [_Stretch(lanes, floor, top)]
    bound = lowest_id(search.until + LATE + _SLACK)
    late = [_Stretch(_LATE_LANES, max(bound, floor), top)] if bound < top else []
    return [*late, _Stretch(lanes, floor, min(bound, top))]


def _lanes(search: Search) -> Sequence[Sequence[Condition]]:
    if search.min_lateness is not None and search.min_lateness >= LATE:
        return _LATE_LANES
    statuses = search.statuses or (_UNCOMPLETED if search.reason else frozenset())
    if statuses and statuses <= _LANE_OF.keys():
        return [_LANE_OF[status] for status in sorted(statuses)]
    return _ALL_LANES


def _floor(connection: sa.Connection, stretch: _Stretch, top: str, size: int) -> str | None:
    """The id down to which no lane has more than `size` rows; `None` if that is all of the stretch."""
    within = (executions.c.execution_id < top, executions.c.execution_id >= stretch.floor)
    ids = (
        connection.execute(
            sa.select(executions.c.execution_id).where(*lane, *within).order_by(_NEWEST).offset(size - 1).limit(1)
        ).scalar()
        for lane in stretch.lanes
    )
    return max((one for one in ids if one is not None), default=None)


def _rows(
    connection: sa.Connection, stretch: _Stretch, conditions: Sequence[Condition], count: int | None
) -> list[tuple[str, str]]:
    """The ids of the rows in a stretch that fulfil `conditions`, and their jobs, newest first; of a lane, `count`."""
    within = (executions.c.execution_id < stretch.top, executions.c.execution_id >= stretch.floor)
    query = sa.select(executions.c.execution_id, executions.c.job_id).where(*within, *conditions)
    query = query.order_by(_NEWEST).limit(count)
    rows = [(row[0], row[1]) for lane in stretch.lanes for row in connection.execute(query.where(*lane))]
    if len(stretch.lanes) > 1:
        rows.sort(reverse=True)
    return rows


# --- of few jobs ----------------------------------------------------------------------------------------------------


class _Merge:
    """The newest slots of some jobs, merged: those of the job that was read least far are read on."""

    def __init__(self, connection: sa.Connection, search: Search, top: str) -> None:
        latest = _time_of(top) + _SLACK
        self._connection = connection
        self._search = search
        self._top = top
        self._until = min(search.until, latest) if search.until else latest
        self._conditions = _conditions(search)
        self._fits: dict[str, bool] = {}
        self.is_selective = bool(self._conditions)
        self.ends: dict[str, datetime] = {}
        """The lowest slot that was read of each job that has more."""

    def read(self, job_id: str, count: int) -> None:
        """Read on in the slots of a job."""
        until = self.ends.pop(job_id, self._until)
        rows = self._slots(job_id, self._search.start, until, count)
        if len(rows) == count:
            self.ends[job_id] = EPOCH + rows[-1].slot * MICROSECOND

    def between(self, start: datetime, end: datetime, job_id: str) -> None:
        """Read all rows of a job with slots from `start` to `end`."""
        first = max(start, self._search.start) if self._search.start else start
        self._slots(job_id, first, end, None)

    def late(self, floor: str, most: int) -> str:
        """Add executions that began late and have ids from `floor` on. Returns the id from which on that is all."""
        rows = _rows(self._connection, _Stretch(_LATE_LANES, floor, self._top), self._conditions, most)
        self._fits |= {execution_id: True for execution_id, job_id in rows if job_id in self.ends}
        return rows[most - 1][0] if len(rows) >= most else floor  # of a lane that was cut, older rows may be missing

    def ids(self, floor: str = _FIRST) -> list[str]:
        """What is wanted of the rows that were read, with ids from `floor` on, newest first."""
        return sorted((one for one, fits in self._fits.items() if fits and one >= floor), reverse=True)

    def _slots(self, job_id: str, start: datetime | None, until: datetime, count: int | None) -> Sequence[sa.Row[Any]]:
        rows = _slots(self._connection, job_id, self._top, start, until, self._conditions, count)
        self._fits |= {row.execution_id: bool(row.fits) for row in rows}
        return rows


def _of_few_jobs(
    connection: sa.Connection, search: Search, top: str, limit: int, most: int
) -> tuple[list[str], str | None]:
    jobs = sorted(search.job_ids or ())
    merge = _Merge(connection, search, top)
    count = max(2 * limit // max(len(jobs), 1), _FEWEST)
    for job_id in jobs:
        merge.read(job_id, count)
    cap = max(most // 4 if merge.is_selective else limit + 1, _FEWEST)
    left = most - count * len(jobs)
    while merge.ends and left > 0:
        behind = max(merge.ends, key=lambda job_id: merge.ends[job_id])
        if len(merge.ids(lowest_id(merge.ends[behind]))) > limit:
            break
        count = min(count * 2, cap)
        merge.read(behind, count)
        left -= count
    ids = merge.ids()
    if not merge.ends:
        return _cut(ids, limit, None)
    reached = max(merge.ends.values())
    if len(ids) > limit:
        reached = max(reached, _time_of(ids[limit]))
    floor = _complete(merge, reached, most)
    return _cut(merge.ids(floor), limit, floor)


def _complete(merge: _Merge, reached: datetime, most: int) -> str:
    """Add what was not read and may have ids from `reached` on: slots shortly before, and late executions.

    Returns the id from which on nothing is missing.
    """
    oldest = reached - LATE - 2 * _SLACK
    for job_id, end in merge.ends.items():
        if end >= oldest:
            merge.between(oldest, end, job_id)
    return merge.late(lowest_id(reached - _SLACK), most)


def _slots(
    connection: sa.Connection,
    job_id: str,
    top: str,
    start: datetime | None,
    until: datetime,
    conditions: Sequence[Condition],
    limit: int | None,
) -> Sequence[sa.Row[Any]]:
    """The newest slots of a job: id, slot in microseconds, and whether the row fulfils `conditions`."""
    fits = sa.and_(sa.true(), *conditions).label("fits")
    where = [executions.c.job_id == job_id, executions.c.execution_id < top, executions.c.slot <= until]
    if start is not None:
        where.append(executions.c.slot >= start)
    query = sa.select(executions.c.execution_id, _micros(executions.c.slot).label("slot"), fits).where(*where)
    return connection.execute(query.order_by(executions.c.slot.desc()).limit(limit)).all()


# --- conditions -----------------------------------------------------------------------------------------------------


def _conditions(search: Search) -> list[Condition]:
    """The conditions of a row, without that of its job."""
    columns = executions.c
    found: list[Condition] = []
    if search.statuses:
        found.append(columns.status.in_(sorted(search.statuses)))
    for column, value in ((columns.reason, search.reason), (columns.kind, search.kind), (columns.cause, search.cause)):
        if value is not None:
            found.append(column == value)
    if search.is_chained:
        begins = (columns.status == Status.RUNNING) & columns.is_alone.is_(False)
        found.append(CHAIN_OF.is_not(None) | begins if search.begins_chains else CHAIN_OF.is_not(None))
    if search.start is not None:
        found.append(columns.slot >= search.start)
    if search.until is not None:
        found.append(columns.slot <= search.until)
    if search.min_duration is not None:
        found.append(_micros(columns.completed_at) - _micros(columns.started_at) >= search.min_duration // MICROSECOND)
    if search.min_lateness is not None:
        found.append(_micros(columns.started_at) - _micros(columns.slot) >= search.min_lateness // MICROSECOND)
    return found


def _job_filter(search: Search) -> Callable[[str], bool] | None:
    """Many jobs are not named in the statement: that would take longer than to look at the rows."""
    return None if search.job_ids is None else search.job_ids.__contains__


def _micros(column: sa.Column[datetime]) -> sa.ColumnElement[int]:
    return sa.type_coerce(column, sa.BigInteger)


def _time_of(execution_id: str) -> datetime:
    """The time at which an id begins; at most the year 9000."""
    milliseconds = min(int(execution_id[:8] + execution_id[9:13], 16), 221_845_392_000_000)
    return EPOCH + timedelta(milliseconds=milliseconds)


_NEWEST = executions.c.execution_id.desc()
_UNCOMPLETED = frozenset({Status.FAILED, Status.SKIPPED, Status.MISSED, Status.INTERRUPTED})
_IS_UNCOMPLETED: Condition = sa.text("status NOT IN ('completed', 'running')")
"""Written as in the index: SQLite uses a partial index only for a statement with the same words."""
_LANE_OF: dict[Status, list[Condition]] = {
    **{status: [executions.c.status == status, _IS_UNCOMPLETED] for status in _UNCOMPLETED},
    Status.RUNNING: [sa.text("status = 'running'")],
}
_LATE_LANES: Sequence[Sequence[Condition]] = [[executions.c.kind == kind, sa.text(IS_LATE)] for kind in Kind]
_ALL_LANES: Sequence[Sequence[Condition]] = [[]]
