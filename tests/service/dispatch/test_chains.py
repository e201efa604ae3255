"""Jobs that run after others, with real timers, real SQLite and a real target: what runs, once, and with what."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.core.history.execution import Cause, Kind, Record, Status
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch import endings
from tests.support.parts import MovableClock, Parts, is_over, opened, received, soon, started
from tests.support.target import Answer, Received, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")


def rows(count: int) -> Answer:
    return Answer(body=json.dumps({"result": {"rows": count}}).encode())


async def chained(parts: Parts, target: Target, **afters: Any) -> None:
    """The job `a`, whose next slot is far, and jobs that run after others: by id, ids of these, or their fields."""
    await parts.create("a", target_url=target.url("/a"), overlap="allow", extract={"rows": "/result/rows"})
    for job_id, given in afters.items():
        fields = {"after": [{"job": one} for one in given.split()]} if isinstance(given, str) else given
        await parts.create(job_id, **({"target_url": target.url(f"/{job_id}")} | fields))


async def run(parts: Parts, **options: Any) -> str:
    return (await parts.dispatcher.trigger("a", by="me", may_overlap=True, **options)).execution_id


async def ended(parts: Parts, *job_ids: str, count: int = 1) -> list[Record]:
    """The rows of these jobs, once each has so many that are over."""
    found = []
    for job_id in job_ids:
        found += await parts.rows_where(job_id, lambda rows: sum(map(is_over, rows)) >= count)
    return found


def how(found: list[Record]) -> list[tuple[str, str, str | None]]:
    return [(one.job_id, one.status.value, one.reason) for one in found]


def requests_by_path(target: Target) -> dict[str, list[Received]]:
    found: dict[str, list[Received]] = {}
    for one in target.requests:
        found.setdefault(one.target, []).append(one)
    return found


class TestAChain:
    async def test_it_runs_from_end_to_end_with_one_slot_and_one_id(self, parts: Parts, target: Target) -> None:
        target.answers("/a", rows(7))
        body = {"rows": "{{ after['a'].rows }}", "of": "{{ after['a'].execution_id }} {{ after['a'].status }}"}
        child = {"after": [{"job": "a"}], "method": "POST", "body": body}
        await chained(parts, target, b=child, c="b")
        root = await run(parts)
        first, second, third = await ended(parts, "a", "b", "c")
        assert [one.status for one in (first, second, third)] == [Status.COMPLETED] * 3
        assert {one.slot for one in (first, second, third)} == {first.slot}
        assert (first.execution_id, first.link) == (root, None)
        assert second.link is not None
        assert third.link is not None
        assert (second.link.chain_id, second.link.parent_id) == (root, root)
        assert (third.link.chain_id, third.link.parent_id) == (root, second.execution_id)
        assert {(one.kind, one.cause) for one in (second, third)} == {(Kind.CHAINED, Cause.CHAIN)}
        jobs = await parts.jobs()
        assert [jobs[one].execution_count for one in "abc"] == [1, 1, 1]
        a, b, c = target.requests
        assert [one.header("X-MyScheduler-Chain-Id") for one in (a, b, c)] == [root] * 3
        parents = [one.header("X-MyScheduler-Parent-Execution-Id") for one in (a, b, c)]
        assert parents == [None, root, second.execution_id]
        assert len({one.header("X-MyScheduler-Scheduled-At") for one in (a, b, c)}) == 1
        assert json.loads(b.body) == {"rows": 7, "of": f"{root} completed"}

    @pytest.mark.parametrize("last", [Status.COMPLETED, Status.FAILED])
    async def test_only_the_final_outcome_fires(self, parts: Parts, target: Target, last: Status) -> None:
        is_good = last is Status.COMPLETED
        target.answers("/a", Answer(503), Answer(503), rows(1) if is_good else Answer(503))
        await parts.create("a", target_url=target.url("/a"), max_retries=2, retry_backoff_sec=0.05)
        for on in ("success", "failure", "always"):
            await parts.create(on, after=[{"job": "a", "on": on}], target_url=target.url(f"/{on}"))
        await run(parts)
        found = await ended(parts, "a", "success", "failure", "always")
        fired, not_fired = ("success", "failure") if is_good else ("failure", "success")
        assert sorted(how(found), key=str) == [
            ("a", last.value, None),
            ("always", "completed", None),
            *sorted([(fired, "completed", None), (not_fired, "skipped", Reason.UPSTREAM_OUTCOME)], key=str),
        ]
        sent = [one.target for one in target.requests]
        assert (sent[:3], sorted(sent[3:])) == (["/a"] * 3, sorted(["/always", f"/{fired}"]))

    async def test_a_failure_fires_what_waits_for_it(self, parts: Parts, target: Target) -> None:
        target.answers("/a", Answer(500))
        await chained(
            parts,
            target,
            good="a",
            bad={"after": [{"job": "a", "on": "failure"}]},
            every={"after": [{"job": "a", "on": "always"}]},
        )
        await run(parts)
        found = await ended(parts, "good", "bad", "every")
        assert [one.status.value for one in found] == ["skipped", "completed", "completed"]

    async def test_a_condition_decides_on_what_was_handed_on(self, parts: Parts, target: Target) -> None:
        target.answers("/a", rows(0), rows(3))
        wanted = {"after": [{"job": "a"}], "when": {"job": "a", "json": {"/rows": {"gt": 0}}}}
        await chained(parts, target, b=wanted, c="b")
        await run(parts)
        assert how(await ended(parts, "b", "c")) == [
            ("b", "skipped", Reason.CONDITION),
            ("c", "skipped", Reason.UPSTREAM_SKIPPED),
        ]
        await run(parts)
        assert [one.status.value for one in await ended(parts, "b", "c", count=2)] == ["skipped", "completed"] * 2

    async def test_runs_that_overlap_never_mix(self, parts: Parts, target: Target) -> None:
        for path, delays in {"/b": [0.5, 0.0, 0.2], "/c": [0.0, 0.5, 0.1]}.items():
            target.answers(path, *(Answer(delay=delay) for delay in delays))
        wide = {"overlap": "allow"}
        await chained(parts, target)
        for job_id in "bc":
            await parts.create(job_id, after=[{"job": "a"}], target_url=target.url(f"/{job_id}"), **wide)
        join = [{"job": "b"}, {"job": "c"}]
        await parts.create("d", after=join, target_url=target.url("/d"), **wide)
        roots = {await run(parts) for _ in range(3)}
        joined = await ended(parts, "d", count=3)
        assert {one.link.chain_id for one in joined if one.link} == roots
        assert [one.status for one in joined] == [Status.COMPLETED] * 3
        others = {one.execution_id: one for one in [*await parts.rows("b"), *await parts.rows("c")]}
        for one in joined:
            assert one.link is not None
            of_chain = [other for other in others.values() if other.link and other.link.chain_id == one.link.chain_id]
            last = max(of_chain, key=lambda other: other.completed_at or one.slot)
            assert len(of_chain) == 2
            assert one.started_at is not None
            assert last.completed_at is not None
            assert one.started_at >= last.completed_at
        assert len(target.requests) == 12

    async def test_any_runs_once(self, parts: Parts, target: Target) -> None:
        join = {"after": [{"job": "b"}, {"job": "c"}], "join": "any"}
        target.answers("/c", Answer(delay=0.3))
        await chained(parts, target, b="a", c="a", d=join, e="c")
        await run(parts)
        await ended(parts, "d", "e")
        assert len(await parts.rows("d")) == 1
        assert Counter(one.target for one in target.requests)["/d"] == 1

    async def test_a_run_that_is_to_be_alone_fires_nothing(self, parts: Parts, target: Target) -> None:
        await chained(parts, target, b="a")
        await run(parts, is_alone=True)
        await ended(parts, "a")
        root = await run(parts)
        await ended(parts, "b")
        assert [one.link.chain_id for one in await parts.rows("b") if one.link] == [root]

    async def test_it_times_out(self, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(delay=1.5))
        await parts.create("a", target_url=target.url("/a"), chain_timeout_sec=1)
        await parts.create("b", after=[{"job": "a"}], target_url=target.url("/b"))
        await parts.create("c", after=[{"job": "b"}], target_url=target.url("/c"))
        await run(parts)
        assert how(await ended(parts, "b", "c")) == [("b", "completed", None), ("c", "skipped", Reason.CHAIN_TIMEOUT)]


@dataclass
class Watch:
    """What ends led to, by transaction; and what the database did not answer."""

    followed: list[int] = field(default_factory=list)
    lost: int = 0
    """So many transactions that record ends are committed, and the caller doesn't hear of it."""


class WatchedStore(Store):
    def __init__(self, store: Store, watch: Watch) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self._watch = watch

    async def write(self, work: Callable[[Connection], T]) -> T:
        result: Any = await super().write(work)
        if isinstance(work, partial) and work.func is endings._store:
            self._watch.followed.append(len(result.ready))
            if self._watch.lost:
                self._watch.lost -= 1
                raise StoreUnavailableError("the answer of the commit was lost")
        return result  # type: ignore[no-any-return]


class TestAtOnce:
    async def test_a_thousand_children_of_one_end_are_one_transaction(self, tmp_path: Path, target: Target) -> None:
        watch, count = Watch(), 1_000
        async with opened(tmp_path, drain_sec=0, through=lambda store: WatchedStore(store, watch)) as parts:
            url = target.url("/child")
            children = (f"job_id: c{number}\ntarget_url: {url}\nafter: [{{job: a}}]\n" for number in range(count))
            parts.manifest("a.yaml", f"job_id: a\ntarget_url: {target.url('/a')}\ninterval: {{hours: 1}}\n")
            parts.manifest("c.yaml", "---\n".join(children))
            assert (await parts.sync()).problems == ()
            parts.dispatcher.start()
            await run(parts)
            await received(target, count + 1)
            assert watch.followed[0] == count
            assert sum(watch.followed) == count
            jobs = [one.header("X-MyScheduler-Job-Id") for one in target.requests]
            assert Counter(jobs) == {"a": 1} | {f"c{number}": 1 for number in range(count)}

    async def test_an_answer_of_the_database_that_is_lost_doubles_nothing(self, tmp_path: Path, target: Target) -> None:
        watch = Watch(lost=2)
        async with opened(tmp_path, drain_sec=0, through=lambda store: WatchedStore(store, watch)) as parts:
            await chained(parts, target, b="a", c="b", d="a b")
            parts.dispatcher.start()
            await run(parts)
            found = await ended(parts, "a", "b", "c", "d")
            assert how(found) == [(one, "completed", None) for one in "abcd"]
            assert watch.lost == 0
            assert sorted(one.target for one in target.requests) == ["/a", "/b", "/c", "/d"]
            jobs = await parts.jobs()
            assert [jobs[one].execution_count for one in "abcd"] == [1, 1, 1, 1]

    async def test_a_database_that_takes_no_ends_loses_no_child(self, parts: Parts, target: Target) -> None:
        target.answers("/a", Answer(delay=0.5))
        await chained(parts, target, b="a")
        await run(parts)
        await received(target, 1)
        parts.refuse_writes()
        await asyncio.to_thread(target.wait_for_replies, 1)
        await asyncio.sleep(0.5)
        assert [one.target for one in target.requests] == ["/a"]
        parts.accept_writes()
        assert how(await ended(parts, "a", "b")) == [("a", "completed", None), ("b", "completed", None)]
        assert [one.target for one in target.requests] == ["/a", "/b"]


class TestRootsThatDoNotRun:
    async def test_a_paused_root(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.3), target_url=target.url("/a"))
        await parts.create("b", after=[{"job": "a"}], target_url=target.url("/b"))
        await parts.create("c", after=[{"job": "b"}], target_url=target.url("/c"))
        bypass = {"after": [{"job": "a"}], "if_skipped": "run"}
        await parts.create("d", **bypass, target_url=target.url("/d"))
        await parts.create("e", after=[{"job": "d"}, {"job": "b"}], target_url=target.url("/e"))
        await parts.catalog.pause("a", by="me")
        found = await ended(parts, "a", "b", "c", "d", "e")
        assert how(found) == [
            ("a", "skipped", Reason.PAUSED),
            ("b", "skipped", Reason.UPSTREAM_SKIPPED),
            ("c", "skipped", Reason.UPSTREAM_SKIPPED),
            ("d", "completed", None),
            ("e", "skipped", Reason.UPSTREAM_SKIPPED),
        ]
        assert {one.slot for one in found} == {found[0].slot}
        assert [one.target for one in target.requests] == ["/d"]

    async def test_a_root_that_overlaps_itself(self, parts: Parts, target: Target) -> None:
        target.answers("/a", Answer(delay=2.5))
        await parts.create("a", **soon(0.1, every=1), target_url=target.url("/a"), timeout_sec=20)
        await parts.create("b", after=[{"job": "a"}], target_url=target.url("/b"))
        found = await parts.rows_where("b", lambda rows: {one.status.value for one in rows} >= {"skipped", "completed"})
        skipped = next(one for one in found if one.status is Status.SKIPPED)
        assert skipped.reason == Reason.UPSTREAM_SKIPPED
        of_root = [one.slot for one in await parts.rows("a") if one.reason == Reason.OVERLAP]
        assert skipped.slot in of_root

    async def test_each_slot_that_is_caught_up_on_is_a_chain(self, tmp_path: Path, target: Target) -> None:
        first = datetime.now(UTC) - timedelta(minutes=35)
        async with opened(tmp_path, clock=MovableClock(timedelta(minutes=-36))) as parts:
            fields = {"interval": {"minutes": 10}, "anchor": first.isoformat(), "catchup": "all"}
            await parts.create("a", **fields, target_url=target.url("/a"), misfire_grace_time=86_400)
            for job_id, parents in {"b": "a", "c": "a", "d": "b c"}.items():
                after = [{"job": one} for one in parents.split()]
                await parts.create(job_id, after=after, target_url=target.url(f"/{job_id}"), overlap="queue")
        async with started(tmp_path) as parts:
            leaves = await ended(parts, "d", count=3)
            roots = [one for one in await parts.rows("a") if one.status is Status.COMPLETED]
            assert len({one.slot for one in leaves}) == len(leaves) == len(roots) == 3
            assert sorted(one.slot for one in leaves) == [one.slot for one in roots]
            chains = {one.slot: one.link.chain_id for one in leaves if one.link}
            assert chains == {one.slot: one.execution_id for one in roots}


class TestSecrets:
    SECRET = "s3cr3t/?&+value-4711"
    NUMBER = "90210771177"
    LONG = "123456789012345678901234"

    async def test_one_that_a_parent_repeats_reaches_no_child(
        self, tmp_path: Path, target: Target, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        texts = {"text": f"it is {self.SECRET}", "deep": [{self.SECRET: self.SECRET}], "escaped": self.SECRET}
        numbers = f'"number": {self.NUMBER}, "long": {self.LONG}, "list": [{self.NUMBER}]'
        echoed = json.dumps(texts).replace("/", "\\u002f").removesuffix("}") + f", {numbers}}}"
        target.answers("/a", Answer(body=echoed.encode()))
        names = ["text", "deep", "number", "long", "list", "escaped"]
        extract = {name: f"/{name}" for name in names} | {"all": ""}
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            for name, value in {"key": self.SECRET, "pin": self.NUMBER, "long": self.LONG}.items():
                parts.secret(name, value)
            headers = {"X-Key": "${secret:key}", "X-Pin": "${secret:pin}", "X-Long": "${secret:long}"}
            a = {"job_id": "a", "interval": {"hours": 1}, "target_url": target.url("/a"), "extract": extract}
            body = {name: f"{{{{ after['a'].{name} }}}}" for name in extract}
            b = {"job_id": "b", "after": [{"job": "a"}], "target_url": target.url("/b"), "method": "POST"}
            parts.manifest("a.yaml", json.dumps(a | {"headers": headers}))
            parts.manifest("b.yaml", json.dumps(b | {"body": body}))
            assert (await parts.sync()).problems == ()
            await run(parts)
            (row,) = await ended(parts, "b")
            assert (row.status, row.error) == (Status.COMPLETED, None)
        sent = target.requests[1]
        database = (tmp_path / "jobs.db").read_bytes()
        seen = sent.body + repr(sent).encode() + database + caplog.text.encode()
        for secret in (self.SECRET, self.NUMBER, self.LONG[1:15]):
            assert secret.encode() not in seen, secret
        assert b"[redacted]" in sent.body
