"""What the composition root starts, in this process; how the whole service behaves is in tests/e2e."""

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from myscheduler import app
from myscheduler.adapters.store import Connection, open_store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.service.upkeep import pruner
from myscheduler.settings import Settings
from tests.support.parts import until

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)


@pytest.fixture
async def _own_signals() -> AsyncIterator[None]:
    yield
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def row(slot: datetime) -> dict[str, Any]:
    return {
        "execution_id": new_execution_id(slot),
        "job_id": "gone",
        "slot": slot,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": Status.COMPLETED,
        "last_slot": slot,
        "slot_count": 1,
        "attempts": 1,
    }


@pytest.mark.usefixtures("_own_signals")
async def test_the_history_is_pruned_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_pruned() -> bool:
        return "history pruned" in caplog.messages

    def insert(connection: Connection) -> None:
        connection.execute(sa.insert(executions), [row(NOW - timedelta(hours=hours)) for hours in (72, 2, 1)])

    settings = Settings(f"sqlite:///{tmp_path}/jobs.db", port=0, history_days=2, history_rows=1)
    with open_store(settings.database_url) as store:
        await store.write(insert)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(pruner, "FIRST_SEC", 0.0)
    serving = asyncio.create_task(app._serve(settings))
    try:
        await until(is_pruned, bool)
        signal.raise_signal(signal.SIGTERM)
        assert await serving == 0
    finally:
        serving.cancel()
    with open_store(settings.database_url) as store:
        left = await store.read(partial(execution_rows.recent, limit=10))
    assert [one.slot for one in left] == [NOW - timedelta(hours=1)]
    (pruned,) = (vars(one) for one in caplog.records if one.message == "history pruned")
    assert (pruned["too_old"], pruned["too_many"]) == (1, 1)


@pytest.mark.usefixtures("_own_signals")
async def test_the_clock_is_watched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def is_noticed() -> bool:
        return "the system clock was set back by 1 h; jobs continue from there" in caplog.messages

    async def is_up() -> bool:
        return any("serves on" in one for one in caplog.messages)

    caplog.set_level(logging.INFO)
    with time_machine.travel(NOW, tick=True) as clock:
        serving = asyncio.create_task(app._serve(Settings(f"sqlite:///{tmp_path}/jobs.db", port=0)))
        try:
            await until(is_up, bool)
            clock.shift(timedelta(hours=-1))
            await until(is_noticed, bool)
            signal.raise_signal(signal.SIGTERM)
            assert await serving == 0
        finally:
            serving.cancel()


def test_it_takes_as_many_open_files_as_it_may() -> None:
    """In a process of its own, because a hard limit can't be taken back."""
    script = """
import resource
from myscheduler.machine.open_files import share_out

for hard in (8192, 4096, 1024, 256):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    print(share_out(2000), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "Shares(scheduled=2000, manual=200, callers=512) 4776 8192",
        "Shares(scheduled=2000, manual=200, callers=512) 4096 4096",
        "Shares(scheduled=707, manual=70, callers=181) 1024 1024",
        "Shares(scheduled=141, manual=14, callers=36) 256 256",
    ]
    first, second = done.stderr.splitlines()
    assert first.startswith("only 707 executions, 70 manual runs and 181 connections of callers")
    assert second.startswith("only 141 executions")
