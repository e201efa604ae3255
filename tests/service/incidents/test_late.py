"""Jobs that do not run, noticed though nothing happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.dispatch.hearing import heard
from myscheduler.core.incidents.incident import EndReason, IncidentKind
from myscheduler.errors import StoreUnavailableError
from tests.service.incidents.conftest import WORK, Watch, stuck, watch
from tests.support.channels import People, told
from tests.support.parts import MovableClock, opened, received, started, until
from tests.support.target import Silence, Target

pytestmark = pytest.mark.anyio

HOUR, MINUTE, HALF_A_MINUTE = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=31)


async def test_a_job_that_does_not_begin_is_late(tmp_path: Path, target: Target, people: People) -> None:
    async with stuck(tmp_path, target, people) as stopped:
        await stopped.look()
        (one,) = await stopped.incidents()
        assert (one.kind, one.job_id, one.is_open) == (IncidentKind.LATE, "a", True)
        await stopped.look(HALF_A_MINUTE)
        assert told(target) == [[("began", "a")]]
        stopped.parts.dispatcher.start()  # and it goes on
        await stopped.parts.row_where("a", lambda row: row.status == "completed")
        await stopped.look()
        await stopped.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")], [("recovered", "a")]]


async def test_after_the_database_failed_slots_may_be_caught_up_first(
    tmp_path: Path, target: Target, people: People
) -> None:
    async with stuck(tmp_path, target, people) as stopped:
        stopped.parts.refuse_writes()
        with pytest.raises(StoreUnavailableError):
            await stopped.look()
        stopped.parts.accept_writes()
        await stopped.look(timedelta(seconds=11))
        assert await stopped.incidents() == []
        await stopped.look(MINUTE)
        assert [one.kind for one in await stopped.incidents()] == [IncidentKind.LATE]


async def test_it_is_not_before_its_deadline(tmp_path: Path, target: Target, people: People) -> None:
    async with stuck(tmp_path, target, people, timedelta(seconds=50)) as stopped:
        await stopped.look()
        assert await stopped.incidents() == []


async def test_a_declared_deadline_applies(tmp_path: Path, target: Target, people: People) -> None:
    people.expect(late_after=timedelta(seconds=40))
    async with stuck(tmp_path, target, people, timedelta(seconds=50)) as stopped:
        await stopped.look()
        assert [one.kind for one in await stopped.incidents()] == [IncidentKind.LATE]


async def test_a_pause_does_not_alarm(tmp_path: Path, target: Target, people: People) -> None:
    async with stuck(tmp_path, target, people) as stopped:
        await stopped.parts.catalog.pause("a", by="me", reason=None, until=None)
        await stopped.look()
        assert await stopped.incidents() == []


async def test_a_pause_ends_the_alarm_and_nobody_is_told(tmp_path: Path, target: Target, people: People) -> None:
    async with stuck(tmp_path, target, people) as stopped:
        await stopped.look()
        await stopped.parts.catalog.pause("a", by="me", reason=None, until=None)
        await stopped.look(HALF_A_MINUTE)
        (one,) = await stopped.incidents()
    assert (one.end_reason, told(target)) == (EndReason.PAUSED, [])


async def test_a_slot_that_a_blackout_leaves_out_does_not_alarm(tmp_path: Path, target: Target, people: People) -> None:
    now = datetime.now(UTC)
    window = {"from": (now - HOUR).isoformat(), "to": (now + HOUR).isoformat()}
    async with opened(tmp_path, clock=MovableClock(-2 * HOUR)) as parts:
        quiet = watch(parts, target, people)
        await parts.create("a", target_url=target.url(WORK), interval={"minutes": 10}, blackout=[window])
        parts.clock.shift = timedelta(minutes=30)
        await quiet.look()
        assert [one.began_at < now for one in await quiet.incidents()] == [True]  # of the hour before it
        await parts.catalog.delete("a", by="me")
        await parts.create("b", target_url=target.url(WORK), interval={"minutes": 10}, blackout=[window])
        parts.clock.shift += timedelta(minutes=20)
        await quiet.look()
        assert [one.job_id for one in await quiet.incidents()] == ["a"]


async def test_a_call_that_does_not_end_is_late(tmp_path: Path, target: Target, people: People) -> None:
    target.answers(WORK, Silence())
    async with started(tmp_path) as parts:
        hanging = watch(parts, target, people)
        slot = datetime.now(UTC) + timedelta(seconds=0.2)
        await parts.create("a", target_url=target.url(WORK), run_at=slot.isoformat(), timeout_sec=60)
        await received(target, 1)
        parts.clock.shift = 2 * MINUTE
        await hanging.look()
        assert [one.kind for one in await hanging.incidents()] == [IncidentKind.LATE]


class TestDowntime:
    """The service was not running from two hours ago until now."""

    @asynccontextmanager
    async def down(self, folder: Path, target: Target, people: People, **fields: Any) -> AsyncIterator[Watch]:
        async with opened(folder, clock=MovableClock(-2 * HOUR)) as parts:
            await parts.create("a", target_url=target.url(WORK), **fields)
        async with started(folder) as parts:
            yield watch(parts, target, people)

    async def test_a_slot_that_was_missed_is_told(self, tmp_path: Path, target: Target, people: People) -> None:
        slot = datetime.now(UTC) - HOUR
        async with self.down(tmp_path, target, people, run_at=slot.isoformat(), misfire_grace_time=60) as back:
            await back.parts.row_where("a", lambda row: row.status == "missed")
            await back.look()
            assert await back.incidents() == []  # it might still be caught up
            await back.look(MINUTE)
            (one,) = await back.incidents()
            assert (one.kind, one.began_at) == (IncidentKind.LATE, slot + MINUTE)
            await back.look(HALF_A_MINUTE)
        assert told(target) == [[("began", "a")]]

    async def test_a_slot_that_is_caught_up_is_not(self, tmp_path: Path, target: Target, people: People) -> None:
        slot = datetime.now(UTC) - HOUR
        async with self.down(tmp_path, target, people, run_at=slot.isoformat(), misfire_grace_time=7200) as back:
            await back.parts.row_where("a", lambda row: row.status == "completed")
            await back.look(2 * MINUTE)
            assert await back.incidents() == []

    async def test_a_person_who_runs_it_ends_the_alarm(self, tmp_path: Path, target: Target, people: People) -> None:
        slot = datetime.now(UTC) - HOUR
        async with self.down(tmp_path, target, people, run_at=slot.isoformat(), misfire_grace_time=60) as back:
            await back.parts.row_where("a", lambda row: row.status == "missed")
            await back.look(2 * MINUTE)
            assert [one.is_open for one in await back.incidents()] == [True]
            await back.run("a")
            await back.look()
            assert [one.end_reason for one in await back.incidents()] == [EndReason.RECOVERED]


async def test_paused_jobs_do_not_wait_to_be_looked_at(tmp_path: Path, target: Target, people: People) -> None:
    """Their slots are decided as they fall due, so that the search for late runs does not find them each time."""
    async with started(tmp_path) as parts:
        watch(parts, target, people)
        await parts.create("a", target_url=target.url(WORK), interval={"seconds": 1})
        await parts.catalog.pause("a", by="me", reason=None, until=None)
        rows = await parts.rows_where("a", lambda rows: bool(rows) and rows[-1].status == "skipped")
        count = rows[-1].slot_count
        await until(lambda: parts.rows("a"), lambda rows: rows[-1].slot_count > count)


async def test_a_job_that_nobody_pings_is_late_until_somebody_does(
    tmp_path: Path, target: Target, people: People
) -> None:
    key, clock = "0f5c8d7e-5a7e-4a1c-9f1e-6d2b8c3a4e5f", MovableClock()
    ping = {"key_sha256": sha256(key.encode()).hexdigest(), "grace": "PT1S"}
    async with started(tmp_path, clock=clock) as parts:
        expected = watch(parts, target, people)
        run_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        await parts.create("a", target_url=None, ping=ping, run_at=run_at)
        await parts.row_where("a", lambda row: row.status == "missed")
        await expected.look(2 * MINUTE)  # before that, it might be caught up
        (one,) = await expected.incidents()
        assert (one.kind, one.job_id, one.is_open) == (IncidentKind.LATE, "a", True)
        success = heard("")
        assert success is not None
        assert await parts.dispatcher.hear(key, success)
        await expected.look()
        (one,) = await expected.incidents()
        assert one.end_reason is EndReason.RECOVERED
