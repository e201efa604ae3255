"""Changes of jobs while chains go on: what waited in them is decided at once, and slots that a change leaves out count
for what runs after them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch import endings
from tests.support.parts import MovableClock, Parts, is_over, opened, received, soon, spec, started
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")

HOUR = timedelta(hours=1)


def after(*job_ids: str, **more: Any) -> dict[str, Any]:
    return {"after": [{"job": one} for one in job_ids], **more}


async def ended(parts: Parts, *job_ids: str) -> list[tuple[str, str, str | None]]:
    """The only row of each of these jobs, once it is over."""
    rows = [await parts.row_where(one, is_over) for one in job_ids]
    return [(one.job_id, one.status.value, one.reason) for one in rows]


class TestJoins:
    """`a`, then `b` at once and `c` for ever, then `d` after both; `e` after `d`."""

    async def begun(self, parts: Parts, target: Target, **more: dict[str, Any]) -> None:
        target.answers("/c", Silence())
        afters = {"b": after("a"), "c": after("a", on_interrupt="retry", method="PUT"), "d": after("b", "c")}
        for job_id, fields in {"a": {}, **afters, "e": after("d"), **more}.items():
            await parts.create(job_id, target_url=target.url(f"/{job_id}"), **fields)
        await parts.dispatcher.trigger("a", by="me")
        await ended(parts, "b")
        await parts.row_where("c", lambda row: row.started_at is not None)

    async def replace(self, parts: Parts, target: Target, job_id: str, **fields: Any) -> None:
        await parts.catalog.replace(spec(job_id, target_url=target.url(f"/{job_id}"), **fields))

    async def test_one_that_loses_its_last_open_edge_runs_at_once(self, parts: Parts, target: Target) -> None:
        await self.begun(parts, target)
        await self.replace(parts, target, "d", **after("b"))
        assert await ended(parts, "d", "e") == [("d", "completed", None), ("e", "completed", None)]
        (b,), (d,), (c,) = [await parts.rows(one) for one in "bdc"]
        assert c.status is Status.RUNNING
        assert d.link is not None
        assert (d.link.chain_id, d.link.parent_id, d.slot) == (c.chain_id, b.execution_id, b.slot)
        assert parts.dispatcher.tallies.executions["completed", "chain", ""] == 3

    async def test_one_that_waits_for_a_job_that_was_deleted_is_skipped_at_once(
        self, parts: Parts, target: Target
    ) -> None:
        await self.begun(parts, target, m=after("c"), j=after("b", "m"), k=after("j"))
        await parts.catalog.delete("m")
        assert await ended(parts, "j", "k") == [(one, "skipped", Reason.UPSTREAM_SKIPPED) for one in "jk"]
        assert parts.dispatcher.tallies.executions["skipped", "chain", Reason.UPSTREAM_SKIPPED] == 2
        assert await parts.rows("d") == []

    async def test_a_commit_that_changes_the_manifests(self, parts: Parts, target: Target) -> None:
        """All changes of a plan count together: in between, `d` would wait for nothing that may come."""

        def declare(**jobs: str) -> None:
            for job_id, text in jobs.items():
                parts.manifest(f"{job_id}.yaml", f"job_id: {job_id}\ntarget_url: {target.url(f'/{job_id}')}\n{text}\n")

        declare(a="interval: {hours: 1}", b="after: [{job: a}]", c="after: [{job: a}]", m="after: [{job: c}]")
        declare(d="after: [{job: b}, {job: m}]", x="interval: {hours: 1}", y="after: [{job: b}, {job: m}]")
        target.answers("/c", Silence())
        await parts.sync()
        await parts.dispatcher.trigger("a", by="me")
        await ended(parts, "b")
        await parts.row_where("c", lambda row: row.started_at is not None)
        declare(d="after: [{job: b}, {job: x}]", x="after: [{job: c}]", y="after: [{job: b}]")
        (parts.jobs_dir / "m.yaml").unlink()
        assert (await parts.sync()).problems == ()
        assert await ended(parts, "y") == [("y", "completed", None)]
        assert await parts.rows("d") == []
        (running,) = await parts.rows("c")
        await parts.dispatcher.cancel(running.execution_id, by="me", reason=None)
        assert await ended(parts, "x", "d") == [
            ("x", "skipped", Reason.UPSTREAM_OUTCOME),
            ("d", "skipped", Reason.UPSTREAM_SKIPPED),
        ]

    async def test_a_crash_just_after_the_change_loses_nothing(self, tmp_path: Path, target: Target) -> None:
        """Nothing but the transaction of the change is at work when it comes."""
        async with started(tmp_path) as parts:
            await self.begun(parts, target)
        async with opened(tmp_path) as parts:
            await self.replace(parts, target, "d", **after("b"))
            (row,) = await parts.rows("d")
            assert row.is_unbegun
        async with started(tmp_path) as parts:
            assert await ended(parts, "d", "e") == [("d", "completed", None), ("e", "completed", None)]
        assert [one.target for one in target.requests if one.target in {"/d", "/e"}] == ["/d", "/e"]

    async def test_an_end_that_is_recorded_while_the_change_comes_is_judged_again(
        self, tmp_path: Path, target: Target
    ) -> None:
        """It was on its way to the database with what ran after it before."""
        target.answers("/b", Answer(delay=1.0))
        stores: list[LateStore] = []

        def through(store: Store) -> Store:
            stores.append(LateStore(store))
            return stores[0]

        target.answers("/c", Silence())
        async with started(tmp_path, through=through) as parts:
            for job_id, fields in {"a": {}, "b": after("a"), "c": after("a"), "d": after("b", "c")}.items():
                await parts.create(job_id, target_url=target.url(f"/{job_id}"), **fields)
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 3)
            stores[0].before_ends = partial(self.replace, parts, target, "d", **after("b"))
            assert await ended(parts, "b", "d") == [("b", "completed", None), ("d", "completed", None)]

    async def test_a_cancelled_chain_stays_so(self, parts: Parts, target: Target) -> None:
        await self.begun(parts, target)
        (c,) = await parts.rows("c")
        parts.dispatcher.chains.called_off.add(c.chain_id or "")
        await parts.dispatcher.cancel_chain(c.chain_id or "", by="me", reason=None)
        await self.replace(parts, target, "d", **after("b"))
        await parts.dispatcher.trigger("a", by="me", may_overlap=True)
        rows = await parts.rows_where("d", lambda rows: any(map(is_over, rows)))
        assert [one.chain_id == c.chain_id for one in rows] == [False]


class LateStore(Store):
    """A database before which something happens once, when ends are on their way to it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self.before_ends: Callable[[], Awaitable[None]] | None = None

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self.before_ends and isinstance(work, partial) and work.func is endings._store:
            before, self.before_ends = self.before_ends, None
            await before()
        return await super().write(work)


class TestSlotsThatAChangeLeavesOut:
    """Three slots of `a` are due, and not decided, when it is changed: the service did not run."""

    async def left(self, parts: Parts, target: Target, clock: MovableClock, **fields: Any) -> None:
        await parts.create("a", target_url=target.url("/a"), interval={"hours": 1}, **fields)
        for job_id, more in {
            "b": after("a"),
            "c": after("b"),
            "d": after("a", if_skipped="run"),
            "e": after("b", "d"),
        }.items():
            await parts.create(job_id, target_url=target.url(f"/{job_id}"), **more)
        clock.shift += 3.5 * HOUR

    async def counted(self, parts: Parts, target: Target, status: str, reason: Reason) -> None:
        """What came of it is the same however they were left out: the job that runs nevertheless runs once for all."""
        (root,) = await parts.rows("a")
        assert (root.status, root.reason, root.slot_count) == (status, reason, 3)
        parts.dispatcher.start()
        found = {one: await self.only(parts, one) for one in "bcde"}
        assert [(one.status.value, one.reason) for one in found.values()] == [
            ("skipped", Reason.UPSTREAM_SKIPPED),
            ("skipped", Reason.UPSTREAM_SKIPPED),
            ("completed", None),
            ("skipped", Reason.UPSTREAM_SKIPPED),
        ]
        assert {one.slot for one in found.values()} == {root.last_slot}
        assert len({one.chain_id for one in found.values()}) == 1
        assert [one.target for one in target.requests] == ["/d"]

    async def only(self, parts: Parts, job_id: str) -> Record:
        await parts.row_where(job_id, is_over)
        (row,) = await parts.rows(job_id)
        return row

    async def test_an_edit(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(-5 * HOUR)
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts:
            await self.left(parts, target, clock)
            await parts.catalog.replace(spec("a", target_url=target.url("/a"), interval={"hours": 2}))
            await self.counted(parts, target, "missed", Reason.EDITED)

    async def test_a_deletion(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(-5 * HOUR)
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts:
            await self.left(parts, target, clock)
            await parts.catalog.delete("a")
            await self.counted(parts, target, "missed", Reason.DELETED)

    async def test_the_end_of_a_pause(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(-5 * HOUR)
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts:
            await self.left(parts, target, clock)
            clock.shift -= 3.5 * HOUR
            await parts.catalog.pause("a", by="me")
            clock.shift += 3.5 * HOUR
            await parts.catalog.resume("a", by="me")
            await self.counted(parts, target, "skipped", Reason.PAUSED)

    async def test_a_commit(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(-5 * HOUR)
        text = f"job_id: a\ntarget_url: {target.url('/a')}\ninterval: {{hours: %d}}\n"
        below = "".join(
            f"---\njob_id: {job_id}\ntarget_url: {target.url(f'/{job_id}')}\nafter: {edges}\n"
            for job_id, edges in {
                "b": "[{job: a}]",
                "c": "[{job: b}]",
                "d": "[{job: a}]\nif_skipped: run",
                "e": "[{job: b}, {job: d}]",
            }.items()
        )
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts:
            parts.manifest("a.yaml", text % 1 + below)
            await parts.sync()
            clock.shift += 3.5 * HOUR
            parts.manifest("a.yaml", text % 2 + below)
            assert (await parts.sync()).problems == ()
            await self.counted(parts, target, "missed", Reason.EDITED)

    async def test_without_one_that_runs_nevertheless_they_share_a_row(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(-5 * HOUR)
        async with opened(tmp_path, clock=clock) as parts:
            await self.left(parts, target, clock)
            await parts.catalog.delete("d")
            await parts.catalog.replace(spec("a", target_url=target.url("/a"), interval={"hours": 2}))
            (root,) = await parts.rows("a")
            for job_id in "bc":
                (row,) = await parts.rows(job_id)
                assert (row.status, row.reason) == (Status.SKIPPED, Reason.UPSTREAM_SKIPPED)
                assert (row.slot, row.last_slot, row.slot_count) == (root.slot, root.last_slot, 3)
            tallies = parts.dispatcher.tallies.executions
            assert tallies["skipped", "timer", Reason.UPSTREAM_SKIPPED] == 9

    async def test_a_time_that_had_passed_when_it_was_declared_was_no_slot(
        self, tmp_path: Path, target: Target
    ) -> None:
        past = (datetime.now(UTC) - HOUR).isoformat()
        async with started(tmp_path) as parts:
            parts.manifest("a.yaml", f"job_id: a\ntarget_url: {target.url('/a')}\nrun_at: {past}\n")
            edge = "after: [{job: a}]\nif_skipped: run"
            parts.manifest("b.yaml", f"job_id: b\ntarget_url: {target.url('/b')}\n{edge}\n")
            await parts.sync()
            (row,) = await parts.rows("a")
            assert (row.status, row.reason) == (Status.MISSED, Reason.EXPIRED)
            await asyncio.sleep(0.2)
            assert await parts.rows("b") == []
            assert target.requests == []


class TestRootsBehindAnOpenCircuit:
    async def test_what_runs_after_them_is_left_out_too_or_runs_nevertheless(
        self, parts: Parts, target: Target
    ) -> None:
        target.answers("/fails", Answer(503))
        limits = f"billing: {{base_url: '{target.url()}', breaker: {{failures: 1, open_sec: 300}}}}\n"
        parts.manifest("targets.yaml", limits)
        fails = "job_id: fails\ntarget: billing\npath: /fails\ninterval: {hours: 1}\nmax_retries: 0\n"
        parts.manifest("fails.yaml", fails)
        await parts.sync()
        await parts.dispatcher.trigger("fails", by="me")
        await ended(parts, "fails")
        below = {
            "b": "[{job: a}]",
            "c": "[{job: b}]",
            "d": "[{job: a}]\nif_skipped: run",
            "e": "[{job: a, on: failure}]",
        }
        for job_id, edges in below.items():
            text = f"job_id: {job_id}\ntarget_url: {target.url(f'/{job_id}')}\nafter: {edges}\n"
            parts.manifest(f"{job_id}.yaml", text)
        schedule = f"interval: {{hours: 1}}\nanchor: {soon(1.5)['anchor']}\n"
        parts.manifest("a.yaml", f"job_id: a\ntarget: billing\npath: /a\n{schedule}")
        assert (await parts.sync()).problems == ()
        assert await ended(parts, *"abcde") == [
            ("a", "skipped", Reason.CIRCUIT_OPEN),
            ("b", "skipped", Reason.UPSTREAM_SKIPPED),
            ("c", "skipped", Reason.UPSTREAM_SKIPPED),
            ("d", "completed", None),
            ("e", "skipped", Reason.UPSTREAM_SKIPPED),
        ]
        (a,) = await parts.rows("a")
        assert {(await parts.rows(one))[0].slot for one in "bcde"} == {a.slot}
        assert [one.target for one in target.requests] == ["/fails", "/d"]


class TestMistakes:
    """A commit with a mistake in its edges holds the jobs that have it: what was good before goes on."""

    def declare(self, parts: Parts, target: Target, **jobs: str) -> None:
        for job_id, text in jobs.items():
            url = target.url(f"/{job_id}")
            parts.manifest(f"{job_id}.yaml", f"job_id: {job_id}\ntarget_url: {url}\noverlap: allow\n{text}\n")

    async def runs(self, parts: Parts, target: Target, *job_ids: str) -> None:
        before = [one.target for one in target.requests]
        root = (await parts.dispatcher.trigger("a", by="me", may_overlap=True)).execution_id
        for job_id in job_ids:
            await parts.row_where(job_id, lambda row: row.chain_id == root and is_over(row))
        assert [one.target for one in target.requests][len(before) :] == [f"/{one}" for one in job_ids]

    async def test_a_cycle_over_two_files_keeps_the_old_graph_running(self, parts: Parts, target: Target) -> None:
        self.declare(parts, target, a="interval: {hours: 1}", b="after: [{job: a}]", c="after: [{job: b}]")
        assert (await parts.sync()).problems == ()
        await self.runs(parts, target, *"abc")
        self.declare(parts, target, b="after: [{job: a}, {job: c}]")
        state = await parts.sync()
        assert state.problems != ()
        assert all("b.yaml" in one.message and "c.yaml" in one.message for one in state.problems)
        await self.runs(parts, target, *"abc")
        self.declare(parts, target, b="after: [{job: a}]", c="after: [{job: a}]")
        assert (await parts.sync()).problems == ()
        jobs = await parts.jobs()
        assert parts.dispatcher.chains.graph.parents("c") == ("a",)
        assert jobs.keys() == {*"abc"}

    async def test_a_removed_parent_holds_its_children(self, parts: Parts, target: Target) -> None:
        self.declare(parts, target, a="interval: {hours: 1}", b="after: [{job: a}]", c="after: [{job: b}]")
        self.declare(parts, target, x="interval: {hours: 1}", y="interval: {hours: 1}", z="interval: {hours: 1}")
        await parts.sync()
        (parts.jobs_dir / "b.yaml").unlink()
        self.declare(parts, target, x="interval: {hours: 2}")
        state = await parts.sync()
        assert [(one.path, one.rule) for one in state.problems] == [("c.yaml", "chain-unknown")]
        jobs = await parts.jobs()
        assert jobs.keys() == {*"acxyz"}
        assert parts.dispatcher.chains.graph.parents("c") == ("b",)
        self.declare(parts, target, b="after: [{job: a}]")
        assert (await parts.sync()).problems == ()
        await self.runs(parts, target, *"abc")
