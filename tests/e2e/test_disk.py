"""Trouble with the disk: nothing is sent that can't be recorded, it is said once and in words, and it heals by itself.

What a full database file does to the dispatch and the API is in `test_claiming` and `test_jobs`; here stands what comes
from outside the process, and what only a broken disk does.
"""

import asyncio
import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.api import JOBS
from tests.support.ledger import SECOND, Facts, Stored, execution_id_of, got_by, judge, micros, read_database, rows_of
from tests.support.parts import Parts, client, opened, until
from tests.support.service import Service
from tests.support.target import Answer, Received, Target

STEADY = [f"steady-{number}" for number in range(20)]
SLOW_SEC = 2.0
HEALED_SEC = 10
"""Generous: about 2 are expected."""
REFUSED_SEC = 15
"""Generous: the documents say 10."""

Trouble: TypeAlias = Callable[[Service], AbstractContextManager[None]]


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        running.answers("/slow", Answer(delay=SLOW_SEC))
        yield running


# --- from outside -------------------------------------------------------------------------------------------------


@contextmanager
def full_disk(service: Service) -> Iterator[None]:
    """No file of the process may grow; the log goes to a pipe."""
    soft, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Somebody else is writing, and does not come to an end."""
    with closing(sqlite3.connect(service.folder / "data" / "jobs.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "says", "senders"),
    [
        pytest.param(full_disk, "disk", 0, id="full disk"),
        pytest.param(full_disk, "disk", 1, id="full disk, with a sender"),
        pytest.param(locked, "locked", 0, id="locked by another process"),
    ],
)
def test_service_waits_for_its_disk_and_goes_on(
    tmp_path: Path, target: Target, trouble: Trouble, says: str, senders: int
) -> None:
    (tmp_path / "jobs.d").mkdir()
    anchor = datetime.now(UTC).replace(microsecond=0)
    with Service(tmp_path, MYSCHEDULER_SENDERS=str(senders)) as service:
        for job_id in STEADY:
            service.create(
                job_id=job_id, target_url=target.url("/"), interval={"seconds": 1}, anchor=anchor.isoformat()
            )
        service.create(job_id="slow", target_url=target.url("/slow"), interval={"hours": 1}, anchor=anchor.isoformat())
        target.wait_for(2 * len(STEADY))
        slow = service.trigger("slow")
        service.until(lambda: slow in ids_at(target))
        began_at = time.monotonic()
        with trouble(service):
            answer = service.until(partial(not_ready, service), within=REFUSED_SEC)
            assert "nothing is sent" in answer["detail"]
            assert says in answer["detail"]
            assert service.get("/health/live").status_code == 200
            before = len(target.requests)
            assert {job["job_id"] for job in service.get(JOBS).json()["jobs"]} == {*STEADY, "slow"}
            assert_refused_in_time(service, target)
            time.sleep(max(0.0, began_at + SLOW_SEC + 1 - time.monotonic()))  # the slow one is answered meanwhile
            assert slow in replied_ids(target)
            assert not_ready(service)
            assert len(target.requests) == before
        service.until(lambda: service.get("/health/ready").status_code == 200, within=HEALED_SEC)
        service.until(lambda: len(target.requests) > before + 2 * len(STEADY), within=HEALED_SEC)
        assert service.terminate() == 0
        told = [line["message"] for line in service.log if line["level"] in {"ERROR", "CRITICAL"}]
        assert [says in line for line in told if "nothing is sent" in line] == [True], told
        assert len(told) == 1, told

    stored = read_database(tmp_path / "data" / "jobs.db")
    assert_whole(stored, target, anchor)
    (row,) = rows_of(stored.rows)["slow"]
    assert (row.execution_id, row.status, row.http_status) == (slow, "completed", 200)
    assert "late" not in stored.jobs


def assert_refused_in_time(service: Service, target: Target) -> None:
    def post(path: str, body: Mapping[str, object]) -> tuple[int, bool]:
        asked_at = time.monotonic()
        answer = service.post(path, json=body, timeout=2 * REFUSED_SEC)
        return answer.status_code, time.monotonic() - asked_at < REFUSED_SEC

    late = {"job_id": "late", "target_url": target.url(), "interval": {"hours": 1}}
    with ThreadPoolExecutor() as callers:
        asked = [callers.submit(post, JOBS, late), callers.submit(post, f"{JOBS}/slow/trigger", {})]
        assert [one.result() for one in asked] == [(503, True), (503, True)]


def not_ready(service: Service) -> dict[str, str] | None:
    answer = service.get("/health/ready")
    found: dict[str, str] = answer.json()
    return found if answer.status_code == 503 else None


# --- from inside --------------------------------------------------------------------------------------------------


@contextmanager
def read_only(parts: Parts) -> Iterator[None]:
    """As a file system that was mounted anew after an error; root may write everywhere, so the file's mode won't do."""

    def switch(state: str) -> None:
        with closing(parts.store._writer._engine.raw_connection()) as connection:
            connection.cursor().execute(f"PRAGMA query_only = {state}")

    switch("ON")
    try:
        yield
    finally:
        switch("OFF")


@contextmanager
def failing_sync(_parts: Parts) -> Iterator[None]:
    """The log of SQLite is where nothing can be made durable: what is written is lost, and `fdatasync` fails."""
    with ExitStack() as stack:
        nowhere = os.open(os.devnull, os.O_RDWR)
        stack.callback(os.close, nowhere)
        logs = [one for one in Path("/proc/self/fd").iterdir() if leads_to(one).endswith("jobs.db-wal")]
        assert logs
        for number in (int(one.name) for one in logs):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(nowhere, number)
        yield


def leads_to(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # it listed the folder's own descriptor too
        return ""


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("trouble", "says"),
    [pytest.param(read_only, "readonly", id="read-only"), pytest.param(failing_sync, "I/O", id="failing fsync")],
)
async def test_runner_waits_for_its_disk_and_goes_on(
    tmp_path: Path, target: Target, trouble: Callable[[Parts], AbstractContextManager[None]], says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    anchor = datetime.now(UTC).replace(microsecond=0)
    when = {"interval": {"seconds": 1}, "anchor": anchor.isoformat()}
    hourly = {"interval": {"hours": 1}, "anchor": anchor.isoformat()}
    async with opened(tmp_path) as parts, client(parts) as api:
        for job_id in STEADY:
            await parts.create(job_id, **when, target_url=target.url("/"))
        await parts.create("slow", **hourly, target_url=target.url("/slow"))
        parts.dispatcher.start()
        await received(target, 2 * len(STEADY))
        slow = (await parts.dispatcher.trigger("slow", by="test")).execution_id
        await until(lambda: asyncio.sleep(0, slow in ids_at(target)), bool)
        acknowledged = {row.execution_id: row for job_id in STEADY for row in await parts.rows(job_id)}
        ready = partial(api.get, "/health/ready")
        with trouble(parts):
            answer = await until(ready, lambda answer: answer.status_code == 503)
            assert says in answer.json()["detail"]
            assert (await api.get("/health/live")).status_code == 200
            before = len(target.requests)
            late = {"job_id": "late", "target_url": target.url(), "interval": {"hours": 1}}
            assert (await api.post(JOBS, json=late)).status_code == 503
            await until(lambda: asyncio.sleep(0, replied_ids(target)), lambda ids: slow in ids)
            await asyncio.sleep(1.2)  # slots fall due meanwhile
            assert (await ready()).status_code == 503
            assert len(target.requests) == before
        await until(ready, lambda answer: answer.status_code == 200)
        await received(target, before + 2 * len(STEADY))
        row = await parts.row_where("slow", lambda row: row.completed_at is not None)
        assert (row.execution_id, row.status, row.http_status) == (slow, "completed", 200)
        after = {row.execution_id: row for job_id in STEADY for row in await parts.rows(job_id)}
        assert acknowledged.keys() <= after.keys()
    told = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert ["nothing is sent" in line for line in told] == [True], told
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stored = read_database(tmp_path / "jobs.db")
    assert_whole(stored, target, anchor)
    assert [row.execution_id for row in rows_of(stored.rows)["slow"]] == [slow]
    assert "late" not in stored.jobs


async def received(target: Target, count: int) -> list[Received]:
    return await asyncio.to_thread(target.wait_for, count, HEALED_SEC)


# --- the account --------------------------------------------------------------------------------------------------


def ids_at(target: Target) -> set[str]:
    return {execution_id_of(one) for one in target.requests}


def replied_ids(target: Target) -> set[str]:
    return {execution_id_of(one.request) for one in target.replies}


def assert_whole(stored: Stored, target: Target, anchor: datetime) -> None:
    """No hole, nothing twice, nothing sent without a row; and the bad time did not stay undecided."""
    hour = timedelta(hours=1) // timedelta(microseconds=1)
    facts = [
        Facts(
            job_id,
            hour if job_id == "slow" else SECOND,
            micros(anchor),
            job.created_at,
            job.cursor,
            execution_count=job.execution_count,
        )
        for job_id, job in stored.jobs.items()
    ]
    findings = judge(facts, stored.rows, got_by(target))
    assert not findings, "\n".join(findings)
    decided = min(job.cursor for job_id, job in stored.jobs.items() if job_id != "slow")
    assert decided > micros(datetime.now(UTC)) - 10 * SECOND
