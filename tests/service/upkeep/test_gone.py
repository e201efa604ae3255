"""Jobs whose target answers 410 Gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from myscheduler.service.upkeep.gone import Gone
from tests.support.parts import Parts, is_over, spec, started, until
from tests.support.service import manifest
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Parts, Gone]]:
    async with started(folder) as parts:
        gone = Gone(parts.store, parts.catalog)
        parts.dispatcher.on_end(gone.note)
        running = asyncio.create_task(gone.run())
        try:
            yield parts, gone
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def run(parts: Parts, job_id: str, target: Target, answer: Answer, **fields: Any) -> None:
    target.answers(f"/{job_id}", answer)
    await parts.create(job_id, target_url=target.url(f"/{job_id}"), **fields)
    await parts.dispatcher.trigger(job_id, by="me")
    await parts.row_where(job_id, is_over)


async def test_a_job_is_paused_and_says_why(tmp_path: Path, target: Target) -> None:
    async with watched(tmp_path) as (parts, _):
        await run(parts, "a", target, Answer(410), max_retries=3)
        job = (await until(parts.jobs, lambda jobs: jobs["a"].is_paused))["a"]
        assert job.pause is not None
        assert (job.pause.by, job.pause.reason, job.pause.until) == ("target", "the target answered 410 Gone", None)
        assert len(target.requests) == 1


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        pytest.param(Answer(404), {}, id="404"),
        pytest.param(Answer(410), {"expect": {"status": [410]}}, id="410 that is expected"),
    ],
)
async def test_others_are_not(tmp_path: Path, target: Target, answer: Answer, fields: dict[str, Any]) -> None:
    async with watched(tmp_path) as (parts, _):
        await run(parts, "a", target, answer, **fields)
        await run(parts, "b", target, Answer(410))  # noted after it
        await until(parts.jobs, lambda jobs: jobs["b"].is_paused)
        assert not (await parts.jobs())["a"].is_paused


async def test_a_job_that_was_changed_meanwhile_or_is_gone_is_left_alone(tmp_path: Path, target: Target) -> None:
    async with started(tmp_path) as parts:
        gone = Gone(parts.store, parts.catalog)
        parts.dispatcher.on_end(gone.note)
        for job_id in ("changed", "deleted", "same"):
            await run(parts, job_id, target, Answer(410))
        await parts.catalog.replace(spec("changed", target_url=target.url("/elsewhere")))
        await parts.catalog.delete("deleted", by="me")
        running = asyncio.create_task(gone.run())
        jobs = await until(parts.jobs, lambda jobs: jobs["same"].is_paused)
        assert not jobs["changed"].is_paused
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_manifest_that_says_whether_it_is_paused_decides_by_itself(tmp_path: Path, target: Target) -> None:
    target.answers("/a", Answer(410))
    (tmp_path / "jobs.d").mkdir(exist_ok=True)
    text = manifest("a", target.url("/a"), "interval: {hours: 1}", "paused: false")
    (tmp_path / "jobs.d" / "a.yaml").write_text(text)
    async with watched(tmp_path) as (parts, _):
        await parts.sync()
        await parts.dispatcher.trigger("a", by="me")
        await parts.row_where("a", is_over)
        await run(parts, "b", target, Answer(410))  # noted after it
        await until(parts.jobs, lambda jobs: jobs["b"].is_paused)
        assert not (await parts.jobs())["a"].is_paused
