"""The judge of what a service did: its history against the requests that really left.

    stored = read_database(folder / "data" / "jobs.db")
    findings = judge(facts, stored.rows, got_by(target), crashed=ids_that_were_running_at_a_kill)
    assert not findings

It shares no code with the service: slots are counted by arithmetic of its own, times are whole microseconds since
1970, as the database has them, and the database is read by plain SQL, from a copy, so that the write-ahead log
of a process that was killed stays as it is. Nobody may be writing to it meanwhile.
"""

import shutil
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.patience import PATIENCE
from tests.support.target import Answer, Received, Target

SECOND = 1_000_000
SENT = frozenset({"completed", "failed", "interrupted"})
"""What an execution may have ended as whose request was seen."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the history."""

    execution_id: str
    job_id: str
    slot: int
    kind: str
    status: str
    reason: str | None
    last_slot: int
    slot_count: int
    started_at: int | None
    attempts: int
    http_status: int | None
    next_attempt_at: int | None = None
    """Set while it waits for its next attempt, so that none is on its way."""
    chain_id: str | None = None
    parent_execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """What the database says about a job that exists."""

    created_at: int
    cursor: int
    execution_count: int


@dataclass(frozen=True, slots=True)
class Stored:
    jobs: dict[str, StoredJob] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    is_migrated: bool = False
    """Whether the tables are there at all."""

    def running(self) -> set[str]:
        """Those that had a request on its way, or were about to have one; what waits for a retry goes on waiting."""
        return {row.execution_id for row in self.rows if row.status == "running" and row.next_attempt_at is None}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a job promised, as far as the test knows it by itself."""

    job_id: str
    every: int
    anchor: int
    created_at: int
    until: int
    """Slots up to here have to be in the history."""
    is_removed: bool = False
    """The history may go a bit further than `until`: the removal itself was at an unknown moment after it."""
    max_retries: int = 0
    resends: bool = False
    """The job asks for its interrupted executions to be sent again (`on_interrupt: retry`)."""
    execution_count: int | None = None
    is_child: bool = False
    """It runs after others, so it has no slots of its own."""


@dataclass(frozen=True, slots=True)
class Got:
    """A request that the target got."""

    execution_id: str
    key: str | None
    job_id: str
    slot: int
    attempt: int
    status: int | None
    """How the target answered; `None` when it did not, or had not when the test ended."""


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def read_database(path: Path) -> Stored:
    """What stands in the SQLite database at `path`; nothing when there is none, or it has no tables."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{folder}/copy.db{suffix}")
        with closing(sqlite3.connect(f"{folder}/copy.db")) as connection:
            return _read(connection)


def read_live(path: Path) -> Stored:
    """The same of a database that a service is using."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return _read(connection)


def _read(connection: sqlite3.Connection) -> Stored:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'executions'").fetchone():
        return Stored()
    jobs = connection.execute(
        "SELECT job_id, created_at, cursor, execution_count FROM jobs JOIN progress USING (job_id)"
    )
    known = {name for _, name, *_ in connection.execute("PRAGMA table_info(executions)")}
    columns = ", ".join(name if name in known else f"NULL AS {name}" for name in Row.__slots__)
    rows = connection.execute(f"SELECT {columns} FROM executions")  # noqa: S608 - names of our own
    return Stored({job_id: StoredJob(*values) for job_id, *values in jobs}, [Row(*row) for row in rows], True)


def read_postgres(ask: Callable[[str], list[Any]]) -> Stored:
    """The same of a PostgreSQL database, once no process writes to it any more: `ask` runs a statement there."""
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + PATIENCE
    while ask(others):  # what a process had sent before it was killed is still done
        assert time.monotonic() < deadline, "the connections of a process that was killed stay open"
        time.sleep(0.01)
    return read_live_postgres(ask)


def read_live_postgres(ask: Callable[[str], list[Any]]) -> Stored:
    """The same of one that a service is using."""
    if ask("SELECT to_regclass('executions')") == [(None,)]:
        return Stored()
    jobs = ask("SELECT job_id, created_at, cursor, execution_count FROM jobs JOIN progress USING (job_id)")
    rows = ask(f"SELECT {', '.join(Row.__slots__)} FROM executions")  # noqa: S608 - names of our own
    return Stored({job_id: StoredJob(*values) for job_id, *values in jobs}, [Row(*row) for row in rows], True)


def got_by(target: Target) -> list[Got]:
    """The scheduler's requests, as the target saw and answered them."""
    answered = {id(one.request): one.reply.status if isinstance(one.reply, Answer) else None for one in target.replies}
    return [_got(request, answered.get(id(request))) for request in target.requests]


def _got(request: Received, status: int | None) -> Got:
    slot = datetime.fromisoformat(request.header("X-MyScheduler-Scheduled-At") or "")
    return Got(
        execution_id_of(request),
        request.header("Idempotency-Key"),
        request.header("X-MyScheduler-Job-Id") or "",
        micros(slot),
        int(request.header("X-MyScheduler-Attempt") or "0"),
        status,
    )


def execution_id_of(request: Received) -> str:
    return request.header("X-MyScheduler-Execution-Id") or ""


# --- the rules ----------------------------------------------------------------------------------------------------


def judge(
    jobs: Collection[Facts], rows: Sequence[Row], got: Sequence[Got], *, crashed: Collection[str] = ()
) -> list[str]:
    """Every breach of a promise, in words; none is what a test hopes for.

    `crashed` are the executions that were `running` when the process was killed.
    """
    known, by_job = {one.job_id: one for one in jobs}, rows_of(rows)
    return [
        *_unknown(known, rows, got),
        *(finding for one in jobs if not one.is_child for finding in _untiled(one, by_job.get(one.job_id, []))),
        *_sent_twice(got),
        *_attempts(known, got),
        *_unrecorded(rows, got),
        *_untrue(rows, got),
        *_crashes(known, rows, crashed),
        *(f"running: {_name(row)} never ended" for row in rows if row.status == "running" and not row.next_attempt_at),
        *_miscounted(jobs, rows),
    ]


def rows_of(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row.job_id].append(row)
    return found


def _unknown(known: Mapping[str, Facts], rows: Sequence[Row], got: Sequence[Got]) -> Iterator[str]:
    """The judge would be blind for a job that it is not told about."""
    for job_id in sorted(({row.job_id for row in rows} | {one.job_id for one in got}) - known.keys()):
        yield f"unknown: nobody made the job {job_id!r}"


def _untiled(job: Facts, rows: Sequence[Row]) -> Iterator[str]:
    """The scheduled rows, each from its slot to its last one, cover the job's slots without hole or overlap."""
    due = job.anchor + max(1, (job.created_at - job.anchor) // job.every + 1) * job.every
    for row in sorted((row for row in rows if row.kind == "scheduled"), key=lambda row: row.slot):
        if row.slot > due:
            yield f"hole: {job.job_id} has nothing from {_at(due)} to before {_at(row.slot)} ({_name(row)})"
        elif row.slot < due:
            yield f"overlap: {_name(row)} covers slots before {_at(due)}, which are covered or never were due"
        if row.last_slot - row.slot != (row.slot_count - 1) * job.every:
            yield f"count: {_name(row)} ends at {_at(row.last_slot)} and counts {row.slot_count}"
        due = row.last_slot + job.every
    if due <= job.until:
        yield f"hole: {job.job_id} has nothing from {_at(due)} to {_at(job.until)}"
    elif not job.is_removed and due - job.every > job.until:
        yield f"beyond: {job.job_id} has rows up to {_at(due - job.every)}, its cursor is {_at(job.until)}"


def _sent_twice(got: Sequence[Got]) -> Iterator[str]:
    for (job_id, slot, attempt), times in Counter((one.job_id, one.slot, one.attempt) for one in got).items():
        if times > 1:
            yield f"twice: {job_id} {_at(slot)} attempt {attempt} was received {times} times"


def _attempts(known: Mapping[str, Facts], got: Sequence[Got]) -> Iterator[str]:
    """One slot is one execution with one key, and its attempts count from 1 up to what the job allows."""
    of_slot = defaultdict(list)
    for one in got:
        of_slot[one.job_id, one.slot].append(one)
    for (job_id, slot), tries in of_slot.items():
        if {(one.execution_id, one.key) for one in tries} != {(tries[0].execution_id, tries[0].execution_id)}:
            yield f"key: {job_id} {_at(slot)} was sent as {sorted({(one.execution_id, one.key) for one in tries})}"
        job = known.get(job_id)
        numbers = sorted({one.attempt for one in tries})
        # a resend after a crash does not know whether its forerunner left, so numbers may be left out there
        if job and not job.resends and numbers != list(range(1, len(numbers) + 1)):
            yield f"attempts: {job_id} {_at(slot)} was sent with the attempts {numbers}"
        if job and not job.resends and numbers[-1] > 1 + job.max_retries:
            yield f"attempts: {job_id} {_at(slot)} was tried {numbers[-1]} times"


def _unrecorded(rows: Sequence[Row], got: Sequence[Got]) -> Iterator[str]:
    """Nothing leaves that the history does not know."""
    by_id = {row.execution_id: row for row in rows}
    for one in got:
        row = by_id.get(one.execution_id)
        if row is None:
            yield f"unrecorded: {one} is in no row"
        elif (row.job_id, row.slot) != (one.job_id, one.slot):
            yield f"unrecorded: {one} is not what {_name(row)} says"
        elif row.status not in SENT | {"running"}:
            yield f"unrecorded: {one} was sent, but {_name(row)}"


def _untrue(rows: Sequence[Row], got: Sequence[Got]) -> Iterator[str]:
    """What the history says about an execution that ended by itself is what the target saw."""
    tries = defaultdict(list)
    for one in got:
        tries[one.execution_id].append(one)
    for row in rows:
        if row.status not in {"completed", "failed"}:
            continue
        seen = sorted(tries[row.execution_id], key=lambda one: one.attempt)
        last = seen[-1].status if seen else None
        is_good = last is not None and 200 <= last < 300
        is_same = bool(seen) and (row.attempts, row.http_status) == (seen[-1].attempt, last)
        if not is_same or is_good != (row.status == "completed"):
            yield (
                f"untrue: {_name(row)} after {row.attempts} attempts with {row.http_status}; "
                f"the target answered {[one.status for one in seen]}"
            )


def _crashes(known: Mapping[str, Facts], rows: Sequence[Row], crashed: Collection[str]) -> Iterator[str]:
    """What was running at a kill is interrupted, unless its job asks to be sent again; and nothing else is."""
    by_id = {row.execution_id: row for row in rows}
    for execution_id in crashed:
        row = by_id.get(execution_id)
        if row is None:
            yield f"crash: {execution_id} was running at a kill and is gone"
        elif (row.status, row.reason) != ("interrupted", "crash") and not known[row.job_id].resends:
            yield f"crash: {_name(row)} was running at a kill"
    for row in rows:
        if row.reason == "crash" and row.execution_id not in crashed:
            yield f"crash: {_name(row)} was not running at any kill"


def _miscounted(jobs: Collection[Facts], rows: Sequence[Row]) -> Iterator[str]:
    sent = Counter(row.job_id for row in rows if row.started_at is not None)
    for one in jobs:
        if one.execution_count not in {None, sent[one.job_id]}:
            yield f"counted: {one.job_id} says {one.execution_count} executions, {sent[one.job_id]} were claimed"


def _name(row: Row) -> str:
    reason = f" ({row.reason})" if row.reason else ""
    return f"{row.job_id} {_at(row.slot)} {row.kind} {row.execution_id} is {row.status}{reason}"


def _at(moment: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).strftime("%H:%M:%S.%f")
