"""When a job that runs after others has its turn: overlaps, pauses, edits and deletions while it waits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.history.execution import Record, Status
from myscheduler.core.reason import Reason
from tests.support.parts import Parts, is_over, received, spec, started
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

AFTER_A = {"after": [{"job": "a"}]}


async def pair(parts: Parts, target: Target, **fields: Any) -> None:
    """A fast job and a slow one after it, and one after that."""
    target.answers("/b", Answer(delay=1.5))
    await parts.create("a", target_url=target.url("/a"), overlap="allow")
    await parts.create("b", **AFTER_A, target_url=target.url("/b"), **fields)
    await parts.create("c", after=[{"job": "b"}], target_url=target.url("/c"), overlap="allow")


async def run(parts: Parts, times: int = 1) -> None:
    """Runs of the fast job, one after another."""
    for number in range(1, times + 1):
        await parts.dispatcher.trigger("a", by="me", may_overlap=True)
        await over(parts, "a", at_least=number)


async def over(parts: Parts, job_id: str, *, at_least: int) -> list[Record]:
    return await parts.rows_where(job_id, lambda rows: sum(map(is_over, rows)) >= at_least)


def how(rows: list[Record]) -> list[tuple[str, str | None]]:
    return [(one.status.value, one.reason) for one in rows]


def most_at_once(target: Target, path: str) -> int:
    """How many requests of this path were being answered together."""
    spans = [(one.request.at, one.at) for one in target.replies if one.request.target == path]
    return max(sum(start <= other[0] < end for start, end in spans) for other in spans)


class TestAFastParentOfASlowChild:
    async def test_skip(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="skip")
        await run(parts, 3)
        rows = await over(parts, "b", at_least=3)
        assert sorted(how(rows), key=str) == [("completed", None), *[("skipped", Reason.OVERLAP)] * 2]
        below = await over(parts, "c", at_least=3)
        assert sorted(how(below), key=str) == [("completed", None), *[("skipped", Reason.UPSTREAM_SKIPPED)] * 2]

    async def test_queue(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 3)
        rows = await over(parts, "b", at_least=3)
        assert how(rows) == [("completed", None)] * 3
        assert most_at_once(target, "/b") == 1
        begun = [one.started_at for one in rows]
        assert begun == sorted(begun, key=str), "they began in the order of their chains"
        assert how(await over(parts, "c", at_least=3)) == [("completed", None)] * 3

    async def test_replace(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="replace")
        await run(parts, 4)
        rows = await over(parts, "b", at_least=4)
        assert [one.reason for one in rows] == [Reason.REPLACED] * 3 + [None]
        assert rows[-1].status is Status.COMPLETED
        below = await over(parts, "c", at_least=4)
        assert below[-1].status is Status.COMPLETED

    async def test_allow(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="allow")
        await run(parts, 3)
        assert how(await over(parts, "b", at_least=3)) == [("completed", None)] * 3
        assert most_at_once(target, "/b") > 1

    async def test_more_instances(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue", max_instances=2)
        await run(parts, 4)
        assert how(await over(parts, "b", at_least=4)) == [("completed", None)] * 4
        assert most_at_once(target, "/b") == 2

    async def test_a_manual_run_counts_too(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="skip")
        await parts.dispatcher.trigger("b", by="me")
        await received(target, 1)
        await run(parts)
        rows = await over(parts, "b", at_least=2)
        assert sorted(how(rows), key=str) == [("completed", None), ("skipped", Reason.OVERLAP)]


class TestPauses:
    async def test_one_in_the_middle_is_skipped_and_so_is_what_is_below(self, parts: Parts, target: Target) -> None:
        await pair(parts, target)
        after_b = {"after": [{"job": "b"}]}
        await parts.create("bypass", **after_b, if_skipped="run", target_url=target.url("/bypass"))
        await parts.create("always", after=[{"job": "b", "on": "always"}], target_url=target.url("/always"))
        await parts.catalog.pause("b", by="me")
        await run(parts)
        assert how(await over(parts, "b", at_least=1)) == [("skipped", Reason.PAUSED)]
        for job_id in ("c", "always"):
            assert how(await over(parts, job_id, at_least=1)) == [("skipped", Reason.UPSTREAM_SKIPPED)]
        assert how(await over(parts, "bypass", at_least=1)) == [("completed", None)]
        assert [one.target for one in target.requests] == ["/a", "/bypass"]
        assert (await parts.jobs())["b"].execution_count == 0

    async def test_one_that_waits_for_room_is_skipped_when_its_turn_comes(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 2)
        await parts.catalog.pause("b", by="me")
        rows = await over(parts, "b", at_least=2)
        assert [one.reason for one in rows] == [None, Reason.PAUSED]


class TestChanges:
    async def test_one_that_waits_is_sent_as_it_is_declared_then(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 2)
        edited = {**AFTER_A, "overlap": "queue", "target_url": target.url("/edited")}
        job = await parts.catalog.replace(spec("b", **edited))
        rows = await over(parts, "b", at_least=2)
        assert how(rows) == [("completed", None)] * 2
        assert [one.target for one in target.requests if one.target not in {"/a", "/c"}] == ["/b", "/edited"]
        assert rows[1].digest == job.digest != rows[0].digest

    async def test_one_that_waits_for_a_permit_is_sent_as_it_is_declared_then(
        self, tmp_path: Path, target: Target
    ) -> None:
        target.answers("/busy", Answer(delay=2.0))
        async with started(tmp_path, limit=1) as parts:
            await pair(parts, target)
            await parts.create("busy", after=[{"job": "a"}], target_url=target.url("/busy"))
            await parts.create("late", after=[{"job": "a"}], target_url=target.url("/late"))
            await run(parts)
            await received(target, 2)  # one of the three has the only permit
            first = target.requests[1].header("X-MyScheduler-Job-Id")
            template = "{{ after['a'].status }}"
            for job_id in {"b", "busy", "late"} - {first}:
                url = target.url(f"/edited/{job_id}")
                await parts.catalog.replace(spec(job_id, **AFTER_A, target_url=url, headers={"X-Of": template}))
            for job_id in ("b", "busy", "late"):
                await over(parts, job_id, at_least=1)
        edited = [one for one in target.requests if one.target.startswith("/edited")]
        assert len(edited) == 2
        assert {one.header("X-Of") for one in edited} == {"completed"}

    async def test_one_that_waits_and_is_deleted_is_skipped(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 2)
        await received(target, 3)
        await parts.catalog.delete("b")
        rows = await over(parts, "b", at_least=2)
        assert (rows[1].status, rows[1].reason, rows[1].started_at) == (Status.SKIPPED, Reason.DELETED, None)
        below = await over(parts, "c", at_least=2)
        assert {one.reason for one in below} == {None, Reason.UPSTREAM_SKIPPED}

    async def test_one_that_is_made_again_under_the_same_id_is_another(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 2)
        await parts.catalog.delete("b")
        await parts.create("b", **AFTER_A, target_url=target.url("/again"))
        await over(parts, "b", at_least=2)
        assert "/again" not in {one.target for one in target.requests}

    async def test_an_edge_that_appears_counts_from_the_next_end(self, parts: Parts, target: Target) -> None:
        await pair(parts, target)
        await parts.create("new", target_url=target.url("/new"))
        await parts.dispatcher.trigger("a", by="me")
        await received(target, 2)  # b runs
        await parts.catalog.replace(spec("new", after=[{"job": "b"}], target_url=target.url("/new")))
        assert how(await over(parts, "new", at_least=1)) == [("completed", None)]
        await parts.catalog.replace(spec("c", after=[{"job": "new"}], target_url=target.url("/c")))
        before = len(await parts.rows("c"))
        await run(parts, 2)
        rows = await over(parts, "c", at_least=before + 1)
        assert len(rows) == before + 1
        assert len({one.link.chain_id for one in rows if one.link}) == len(rows)

    async def test_a_cancelled_one_is_skipped_if_it_has_not_begun(self, parts: Parts, target: Target) -> None:
        await pair(parts, target, overlap="queue")
        await run(parts, 2)
        waiting = (await parts.rows_where("b", lambda rows: len(rows) == 2))[1]
        await parts.dispatcher.cancel(waiting.execution_id, by="me", reason=None)
        rows = await over(parts, "b", at_least=2)
        assert (rows[1].status, rows[1].reason, rows[1].started_at) == (Status.SKIPPED, Reason.CANCELLED, None)


async def test_what_waits_at_a_shutdown_goes_on_at_the_next_start(tmp_path: Path, target: Target) -> None:
    async with started(tmp_path) as parts:
        await pair(parts, target, overlap="queue", on_interrupt="retry")
        await run(parts, 3)
        await received(target, 4)
        await parts.dispatcher.stop(0)
        assert [one.status for one in await parts.rows("b")] == [Status.RUNNING] * 3
    async with started(tmp_path) as parts:
        assert how(await over(parts, "b", at_least=3)) == [("completed", None)] * 3
        assert how(await over(parts, "c", at_least=3)) == [("completed", None)] * 3
        await asyncio.sleep(0)
        assert (await parts.jobs())["b"].execution_count == 3
