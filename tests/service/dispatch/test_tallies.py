"""What the metrics count of executions is what the history has."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from myscheduler.core.dispatch.hearing import heard
from myscheduler.service.catalog.pausing import PauseOrder, ResumeOrder
from tests.support.metrics import scrape
from tests.support.parts import MovableClock, Parts, client, is_over, manifest, opened, spec, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

Counts = Mapping[tuple[str, str, str], int]
"""How many slots and executions, by status, cause and reason."""
PAST = "2026-01-01T00:00:00Z"
MINUTES = {"interval": {"minutes": 10}}
KEY = "k" * 32


def recorded(folder: Path) -> Counts:
    """What the history has of executions and slots that are over."""
    question = """
        SELECT status, cause, coalesce(reason, ''), sum(slot_count) FROM executions
        WHERE status <> 'running' GROUP BY 1, 2, 3
    """
    with closing(sqlite3.connect(folder / "jobs.db")) as connection:
        return {(status, cause, reason): count for status, cause, reason, count in connection.execute(question)}


async def counted(parts: Parts) -> Counts:
    """What `executions_total` says, without what is 0."""
    async with client(parts) as api:
        samples = (await scrape(api)).samples("executions_total")
    by_name = ((dict(labels), int(value)) for labels, value in samples.items() if value)
    return {(one["status"], one["cause"], one["reason"]): value for one, value in by_name}


async def by_job(parts: Parts, job_id: str) -> tuple[float | None, ...]:
    async with client(parts) as api:
        found = await scrape(api, "/metrics/jobs")
    results = ("success", "failure", "not_run")
    return tuple(found.value("job_executions_total", job_id=job_id, result=one) for one in results)


async def test_every_change_of_a_job_counts_the_slots_that_it_leaves_out(tmp_path: Path) -> None:
    """Nothing claims slots here: all of them are recorded by the changes."""
    clock = MovableClock(-timedelta(hours=10))
    async with opened(tmp_path, clock=clock) as parts:
        for job_id in ("edited", "replaced", "deleted", "resumed", "many", "over"):
            await parts.create(job_id, **MINUTES)
        parts.manifest("a.yaml", manifest("declared") + "---\n" + manifest("dropped") + "---\n" + manifest("kept"))
        await parts.sync()
        for job_id in ("resumed", "many"):
            await parts.catalog.pause(job_id, by="me")
        await parts.catalog.pause("over", by="me", until=clock() + timedelta(hours=1))
        clock.shift += timedelta(hours=2)

        await parts.catalog.replace(spec("edited", interval={"minutes": 7}))
        await parts.catalog.create(spec("replaced", interval={"minutes": 7}), replace_existing=True)
        await parts.catalog.delete("deleted")
        await parts.catalog.resume("resumed")
        await parts.catalog.order_many(["many"], ResumeOrder("me"), lambda _outcomes: (None, None))
        await parts.catalog.order_many(["many"], PauseOrder("me"), lambda _outcomes: (None, None))
        await parts.catalog.end_pauses()
        for _ in range(2):  # the second one finds that the slot has a row
            await parts.create("once", run_at=PAST)
            await parts.catalog.delete("once")
        text = manifest("declared", schedule="interval: {minutes: 7}\n") + "---\n" + manifest("kept")
        parts.manifest("a.yaml", text + "---\n" + manifest("late", schedule=f'run_at: "{PAST}"\n'))
        await parts.sync()

        found = recorded(tmp_path)
        assert {reason for _, _, reason in found} == {"edited", "deleted", "paused", "expired"}
        assert sum(found.values()) > 50
        assert await counted(parts) == found
        assert await by_job(parts, "resumed") == (0, 0, 12)


async def test_a_mixed_run_is_counted_as_it_is_recorded(tmp_path: Path, target: Target) -> None:
    target.answers("/bad", Answer(500))
    target.answers("/hangs", Silence())
    clock = MovableClock(-timedelta(hours=10))
    async with opened(tmp_path, clock=clock, drain_sec=0) as parts:
        work = {"target_url": target.url(), "misfire_grace_time": 60}
        await parts.create("missed", **MINUTES, **work, catchup="all")
        await parts.create("none", **MINUTES, **work, catchup="none")
        await parts.create("caught", **MINUTES, target_url=target.url(), misfire_grace_time=86_400)
        await parts.create("paused", **MINUTES, **work)
        await parts.catalog.pause("paused", by="me")
        ping = {"key_sha256": sha256(KEY.encode()).hexdigest(), "grace": "PT1S"}
        await parts.create("pinged", **MINUTES, target_url=None, ping=ping)
        for job_id in ("good", "bad", "hangs", "goes"):
            path = {"bad": "/bad", "good": "/"}.get(job_id, "/hangs")
            await parts.create(job_id, target_url=target.url(path), run_at="2099-01-01T00:00:00Z")
        clock.shift += timedelta(hours=3)
        parts.dispatcher.start()
        await parts.row_where("caught", lambda row: row.status == "completed")
        await parts.row_where("missed", is_over)
        await parts.row_where("none", is_over)
        await parts.row_where("paused", is_over)
        for job_id in ("good", "bad"):
            await parts.dispatcher.trigger(job_id, by="me")
            await parts.row_where(job_id, is_over)
        ping_success = heard("0")
        assert ping_success is not None
        await parts.dispatcher.hear(KEY, ping_success)
        await parts.row_where("pinged", lambda row: row.status == "completed")

        for job_id in ("hangs", "goes"):
            first = await parts.dispatcher.trigger(job_id, by="me")
            queued = await parts.dispatcher.trigger(job_id, by="me")
            assert queued.is_queued
            if job_id == "hangs":
                await parts.dispatcher.cancel(queued.execution_id, by="me", reason=None)
            else:
                await parts.catalog.delete(job_id)
            await parts.dispatcher.cancel(first.execution_id, by="me", reason=None)
        await parts.catalog.resume("paused")
        found = await until(partial(_settled, parts, tmp_path), lambda both: both[0] == both[1])
        assert {status for status, _, _ in found[0]} == {"completed", "failed", "interrupted", "skipped", "missed"}
        assert {("skipped", "api", "cancelled"), ("skipped", "api", "deleted")} <= found[0].keys()
        assert "goes" not in parts.dispatcher.tallies.jobs  # of removed jobs nothing is kept


async def _settled(parts: Parts, folder: Path) -> tuple[Counts, Counts]:
    return await counted(parts), recorded(folder)
