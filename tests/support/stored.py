"""Jobs, claims and histories in a real store, for tests of its parts."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Record, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.incidents.incident import Incident, IncidentKind
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from tests.support.parts import job

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'jobs.db'}"


async def stored(store: Store, job_id: str = "a") -> Job:
    new = job(job_id, NOW)
    await store.write(partial(job_rows.insert_jobs, new=[new]))
    return new


async def found(store: Store, job_id: str = "a") -> Job:
    return (await store.read(partial(job_rows.find_jobs, job_ids=[job_id])))[job_id]


async def history(store: Store, job_id: str = "a") -> list[Record]:
    """Oldest first."""
    return (await store.read(partial(execution_rows.of_job, job_id=job_id, limit=100)))[::-1]


async def claim(store: Store, *claims: Claim) -> list[bool]:
    return await store.write(partial(claim_rows.claim, claims=claims))


def run(of: Job, slot: datetime, *, kind: Kind = Kind.SCHEDULED, unrun: tuple[Unrun, ...] = ()) -> Claim:
    execution = Execution(new_execution_id(slot), of.job_id, slot, kind, Cause.TIMER, of.digest, None, slot)
    if kind is Kind.MANUAL:
        return Claim(of.job_id, of.version, of.digest, None, execution=execution)
    return Claim(of.job_id, of.version, of.digest, None, unrun, execution, slot, slot + HOUR)


def skip(of: Job, first: datetime, last: datetime, slots: int, reason: Reason = Reason.OVERLAP) -> Claim:
    gap = Unrun(Status.SKIPPED, reason, first, last, slots)
    return Claim(of.job_id, of.version, of.digest, None, (gap,), None, last, last + HOUR)


def incident(job_id: str, incident_id: str, at: datetime = NOW, **fields: Any) -> Incident:
    """An open incident of a job that is failing, or another one by its fields."""
    given: dict[str, Any] = {"kind": IncidentKind.FAILING, "began_at": at, "noticed_at": at, "failures": 1} | fields
    return Incident(incident_id, job_id, **given)


def everything(url: str) -> dict[str, Any]:
    """What must not change: the bytes of all files, or the columns and rows of the server's tables."""
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    with closing(psycopg.connect(url)) as connection:
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        found = {name: connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))) for name in names}
        return {
            name: ([column.name for column in rows.description or ()], rows.fetchall()) for name, rows in found.items()
        }


async def ended(store: Store, job_id: str, *statuses: Status) -> list[str]:
    """A new job whose executions ended so, an hour apart. Returns their ids."""
    job = await stored(store, job_id)
    found = []
    for hour, status in enumerate(statuses, start=1):
        one = run(job, NOW + hour * HOUR)
        assert await claim(store, one) == [True]
        assert one.execution is not None
        found.append(one.execution.execution_id)
        if status is not Status.RUNNING:
            outcome = Outcome(failure=Failure.HTTP_ERROR if status is Status.FAILED else None)
            finish = Finish(found[-1], status, NOW + hour * HOUR, NOW + hour * HOUR + timedelta(seconds=2), 1, outcome)
            await store.write(partial(claim_rows.finish, finishes=[finish]))
    return found
