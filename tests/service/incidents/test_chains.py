"""Incidents of chains: one of the first job, however many jobs of a run go wrong, or keep it from being over."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.history.execution import Record
from myscheduler.core.incidents.incident import EndReason, IncidentKind
from myscheduler.core.incidents.thresholds import USUAL, Thresholds
from myscheduler.core.job.job import Job
from tests.service.incidents.conftest import Watch, watch
from tests.support.channels import CHAT, Chat, People, told
from tests.support.parts import Parts, is_over, soon, started
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

HALF_A_MINUTE = timedelta(seconds=31)


async def chain(parts: Parts, target: Target, first: dict[str, Any] | None = None, **afters: Any) -> None:
    """The job `a`, and jobs that run after others: by id, ids of these, or their fields."""
    fields = {"run_at": "2099-01-01T00:00:00Z", "overlap": "allow"} if first is None else first
    await parts.create("a", target_url=target.url("/a"), **fields)
    for job_id, given in afters.items():
        own = {"after": [{"job": one} for one in given.split()]} if isinstance(given, str) else given
        await parts.create(job_id, **({"target_url": target.url(f"/{job_id}"), "overlap": "queue"} | own))


async def run(parts: Parts, *leaves: str, job_id: str = "a") -> str:
    """Run a job, and wait until each of the leaves has a row more, which is over."""
    before = {one: len(await parts.rows(one)) for one in leaves}
    done = await parts.dispatcher.trigger(job_id, by="me", may_overlap=True)
    for one, count in before.items():
        await parts.rows_where(one, partial(_are_over, count=count + 1))
    return done.execution_id


async def settle(watched: Watch) -> None:
    """Judge, and tell what is to be told."""
    await watched.look()
    await watched.look(HALF_A_MINUTE)


def _are_over(rows: list[Record], count: int) -> bool:
    return len(rows) >= count and all(map(is_over, rows))


class TestFailures:
    async def test_several_jobs_of_a_run_are_one_incident_of_the_first(self, watched: Watch, target: Target) -> None:
        for path in ("/b", "/c"):
            target.answers(path, Answer(500))
        await chain(watched.parts, target, b="a", c="a", d="b", e="d", f="c")
        first = await run(watched.parts, "b", "c", "e", "f")
        await settle(watched)
        (one,) = await watched.incidents()
        assert (one.kind, one.subject, one.failures) == (IncidentKind.FAILING, "a", 1)
        assert (one.first_execution_id, one.last_execution_id) == (first, first)
        assert one.error in {"b, c went wrong in its chain: answered 500", "c, b went wrong in its chain: answered 500"}
        assert told(target) == [[("began", "a")]]

    async def test_a_job_that_fails_later_is_added_and_not_told_again(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Answer(500))
        target.answers("/c", Answer(500, delay=5.0))
        await chain(watched.parts, target, b="a", c="a")
        await run(watched.parts, "b")
        await settle(watched)
        assert [one.error for one in await watched.incidents()] == ["b went wrong in its chain: answered 500"]
        await watched.parts.row_where("c", is_over)
        await settle(watched)
        (one,) = await watched.incidents()
        assert one.error is not None
        assert one.error.split(" ")[:2] in (["b,", "c"], ["c,", "b"])
        assert told(target) == [[("began", "a")]]

    async def test_it_goes_on_with_the_next_run_and_ends_with_one_that_completes(
        self, watched: Watch, target: Target
    ) -> None:
        target.answers("/b", Answer(500), Answer(500), Answer())
        await chain(watched.parts, target, b="a", c="b")
        for failures in (1, 2):
            last = await run(watched.parts, "b", "c")
            await settle(watched)
            (one,) = await watched.incidents()
            assert (one.failures, one.last_execution_id, one.is_open) == (failures, last, True)
        await run(watched.parts, "b", "c")
        await settle(watched)
        (one,) = await watched.incidents()
        assert one.end_reason is EndReason.RECOVERED
        assert told(target) == [[("began", "a")], [("recovered", "a")]]

    async def test_running_the_failed_job_again_ends_it(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Answer(500), Answer())
        await chain(watched.parts, target, b="a", c="b")
        await run(watched.parts, "b", "c")
        await settle(watched)
        await run(watched.parts, "c", job_id="b")
        await settle(watched)
        assert [one.end_reason for one in await watched.incidents()] == [EndReason.RECOVERED]

    async def test_a_run_in_progress_ends_nothing(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Answer(500), Silence())
        await chain(watched.parts, target, b="a")
        await run(watched.parts, "b")
        await settle(watched)
        await run(watched.parts, "a")
        await watched.parts.rows_where("b", lambda rows: len(rows) == 2 and rows[-1].started_at is not None)
        await settle(watched)
        assert [one.is_open for one in await watched.incidents()] == [True]

    async def test_a_failure_that_is_dealt_with_is_one(self, watched: Watch, target: Target) -> None:
        """What runs after the failure is no success of the chain."""
        target.answers("/a", Answer(500))
        await chain(watched.parts, target, b={"after": [{"job": "a", "on": "failure"}]})
        await run(watched.parts, "b")
        await settle(watched)
        assert [(one.subject, one.error) for one in await watched.incidents()] == [("a", "answered 500")]

    async def test_skips_are_none(self, watched: Watch, target: Target) -> None:
        when = {"job": "a", "json": {"/rows": {"gt": 0}}}
        await watched.parts.create(
            "a", target_url=target.url("/a"), run_at="2099-01-01T00:00:00Z", extract={"rows": "/rows"}
        )
        await watched.parts.create("b", target_url=target.url("/x"), after=[{"job": "a"}], when=when)
        await watched.parts.create("c", target_url=target.url("/x"), after=[{"job": "b"}])
        await run(watched.parts, "b", "c")
        await settle(watched)
        assert (await watched.incidents(), told(target)) == ([], [])

    async def test_one_that_times_out_has_failed(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Answer(delay=1.5))
        first = {"run_at": "2099-01-01T00:00:00Z", "chain_timeout_sec": 1}
        await chain(watched.parts, target, first, b="a", c="b", d="c")
        await run(watched.parts, "c", "d")
        await settle(watched)
        (one,) = await watched.incidents()
        assert (one.kind, one.subject, one.failures) == (IncidentKind.FAILING, "a", 1)
        assert one.error is not None
        assert one.error.startswith("c went wrong in its chain: ")
        assert told(target) == [[("began", "a")]]

    async def test_a_cancelled_chain_is_none(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Silence())
        await chain(watched.parts, target, b="a", c="b")
        first = await run(watched.parts, "a")
        await watched.parts.row_where("b", lambda row: row.started_at is not None)
        await watched.parts.dispatcher.cancel_chain(first, by="Ada", reason=None)
        await settle(watched)
        assert await watched.incidents() == []

    async def test_a_manual_run_of_a_job_in_the_middle_is_its_own(self, watched: Watch, target: Target) -> None:
        target.answers("/b", Answer(500), Answer())
        await chain(watched.parts, target, b="a")
        await run(watched.parts, "b", job_id="b")
        await settle(watched)
        assert [(one.subject, one.is_open) for one in await watched.incidents()] == [("b", True)]
        await run(watched.parts, "b")
        await settle(watched)
        assert [(one.subject, one.is_open) for one in await watched.incidents()] == [("b", False)]


@dataclass
class OwnPeople(People):
    """Jobs with channels and thresholds of their own."""

    own: dict[str, list[Chat]] = field(default_factory=dict)
    limits: dict[str, Thresholds] = field(default_factory=dict)

    def channels_of(self, job: Job) -> tuple[Chat, ...]:
        return tuple(self.own.get(job.job_id, []))

    def thresholds_of(self, job: Job) -> Thresholds:
        return self.limits.get(job.job_id, USUAL)


class TestWhatAJobSaysItself:
    async def test_the_channels_of_the_job_that_failed_are_told_too(self, tmp_path: Path, target: Target) -> None:
        target.answers("/b", Answer(500))
        target.answers("/c", Answer(500, delay=5.0))
        chats = [Chat(name, target.url(f"{CHAT}/{name}")) for name in "abcd"]
        people = OwnPeople(chats, own={one.name: [one] for one in chats})
        async with started(tmp_path) as parts:
            watched = watch(parts, target, people)
            await chain(parts, target, b="a", c="a", d="b")
            await run(parts, "b")
            await settle(watched)
            (one,) = await watched.incidents()
            assert sorted(each.channel for each in await watched.deliveries(one)) == ["a", "b"]
            await parts.row_where("c", is_over)
            await settle(watched)
            assert sorted(each.channel for each in await watched.deliveries(one)) == ["a", "b", "c"]

    async def test_failures_that_it_tolerates_count_for_nothing(self, tmp_path: Path, target: Target) -> None:
        target.answers("/b", Answer(500), Answer(500))
        people = OwnPeople([], limits={"b": Thresholds(after_failures=2)})
        async with started(tmp_path) as parts:
            watched = watch(parts, target, people)
            await chain(parts, target, b="a")
            for expected in (0, 1):
                await run(parts, "b")
                await watched.look()
                assert len(await watched.incidents()) == expected


class TestLate:
    async def late(self, watched: Watch, target: Target, **afters: Any) -> None:
        """A chain whose slot was an hour ago by the clock of whoever judges."""
        await chain(watched.parts, target, soon(0.2), **afters)
        await watched.look()

    async def test_the_deadline_of_the_first_job_covers_all(self, watched: Watch, target: Target) -> None:
        target.answers("/c", Answer(delay=8.0))
        await self.late(watched, target, b="a", c="b", d="c", e="a")
        await watched.parts.row_where("c", lambda row: row.started_at is not None)
        await watched.look(timedelta(seconds=90))
        assert await watched.incidents() == [], "it may take as long as all its timeouts allow"
        await watched.look(timedelta(minutes=20))
        (one,) = await watched.incidents()
        assert (one.kind, one.subject, one.error) == (IncidentKind.LATE, "a", "its chain is not over: c, d")
        await settle(watched)
        assert told(target) == [[("began", "a")]]
        await watched.parts.row_where("d", is_over)
        await settle(watched)
        (one,) = await watched.incidents()
        assert one.end_reason is EndReason.RECOVERED

    async def test_one_that_is_over_in_time_is_not_late(self, watched: Watch, target: Target) -> None:
        await self.late(watched, target, b="a")
        await watched.parts.row_where("b", is_over)
        await watched.look(timedelta(minutes=50))
        assert await watched.incidents() == []


async def test_a_crash_in_the_middle_tells_nothing_twice(tmp_path: Path, target: Target, people: People) -> None:
    """The process ends after a failure was told, while another job of the run is in progress."""
    target.answers("/b", Answer(500))
    target.answers("/c", Silence())
    copy = tmp_path / "crashed"
    copy.mkdir()
    async with started(tmp_path) as parts:
        watched = watch(parts, target, people)
        await chain(parts, target, b="a", c="a", d="c")
        await run(parts, "b")
        await parts.row_where("c", lambda row: row.started_at is not None)
        await settle(watched)
        assert told(target) == [[("began", "a")]]
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as old, closing(sqlite3.connect(copy / "jobs.db")) as new:
            old.backup(new)
    async with started(copy) as parts:
        await parts.row_where("d", is_over)
        watched = watch(parts, target, people)
        for _ in range(2):
            await settle(watched)
        (one,) = await watched.incidents()
        assert (one.subject, one.failures, one.is_open) == ("a", 1, True)
        assert one.error is not None
        assert one.error.startswith(("b, c went wrong", "c, b went wrong"))
    assert told(target) == [[("began", "a")]]
    assert datetime.now(UTC) > one.began_at
