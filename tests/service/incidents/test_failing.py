"""Jobs that fail, from the failed call to the message, over real HTTP."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.core.incidents.incident import EndReason
from tests.service.incidents.conftest import WORK, Watch, watch
from tests.support.channels import CHAT, Chat, People, messages, told
from tests.support.parts import opened, received, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

HALF_A_MINUTE = timedelta(seconds=31)
DAY = timedelta(days=1)


async def test_a_failure_is_told_once_and_so_is_the_recovery(watched: Watch, target: Target) -> None:
    await watched.create("a")
    for _ in range(3):
        await watched.run("a", status=500)
        await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")]]
    await watched.run("a")
    await watched.look(HALF_A_MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")], [("recovered", "a")]]
    (one,) = await watched.incidents()
    assert (one.failures, one.end_reason) == (3, EndReason.RECOVERED)


async def test_a_job_that_goes_well_has_no_incident(watched: Watch, target: Target) -> None:
    await watched.create("a")
    await watched.run("a")
    await watched.look(HALF_A_MINUTE)
    assert (await watched.incidents(), told(target)) == ([], [])


async def test_nothing_is_sent_before_others_had_time_to_join(watched: Watch, target: Target) -> None:
    await watched.create("a", "b")
    await watched.run("a", status=500)
    await watched.look()
    await watched.run("b", status=500)
    await watched.look(timedelta(seconds=20))
    assert told(target) == []
    await watched.look(timedelta(seconds=11))
    assert told(target) == [[("began", "a"), ("began", "b")]]


async def test_a_hundred_jobs_that_fail_together_are_one_digest_and_one_recovery(
    watched: Watch, target: Target
) -> None:
    jobs = [f"job-{number:03}" for number in range(100)]
    await watched.create(*jobs)
    await watched.run(*jobs, status=500)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    await watched.run(*jobs)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", one) for one in jobs], [("recovered", one) for one in jobs]]


async def test_failures_are_tolerated_up_to_the_threshold(watched: Watch, target: Target) -> None:
    watched.people.expect(after_failures=3)
    await watched.create("a")
    for _ in range(2):
        await watched.run("a", status=500)
        await watched.look(HALF_A_MINUTE)
    assert await watched.incidents() == []
    await watched.run("a", status=500)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")]]
    assert [one["failures"] for one in messages(target)[0]["notices"]] == [3]  # type: ignore[attr-defined]


async def test_a_job_that_flaps_has_one_incident(watched: Watch, target: Target) -> None:
    watched.people.expect(failures=3, of=10)
    await watched.create("a")
    for status in (500, 200, 500, 200, 500, 200, 500, 200):
        await watched.run("a", status=status)
        await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")]]
    assert [one.is_open for one in await watched.incidents()] == [True]


async def test_a_recovery_is_not_told_where_the_beginning_was_refused(watched: Watch, target: Target) -> None:
    target.answers(CHAT, Answer(404), Answer(200))
    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    await watched.run("a")
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")]]
    assert watched.deliverer.counts == {("chat", "failed"): 1}


async def test_what_begins_and_ends_within_the_wait_is_told_once(watched: Watch, target: Target) -> None:
    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    await watched.run("a")
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("recovered", "a")]]


async def test_a_reminder_comes_each_day_and_none_while_somebody_takes_care(watched: Watch, target: Target) -> None:
    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    for _ in range(2):
        await watched.look(DAY / 2)
        await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "a")], [("reminder", "a")]]
    (one,) = await watched.incidents()
    acknowledge = partial(incident_rows.acknowledge, incident_id=one.incident_id, by="me", at=one.began_at, until=None)
    await watched.parts.store.write(acknowledge)
    for _ in range(3):
        await watched.look(DAY)
    await watched.run("a")
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert told(target)[2:] == [[("recovered", "a")]]


async def test_a_deleted_job_is_not_told_about(watched: Watch, target: Target) -> None:
    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    await watched.parts.catalog.delete("a", by="me")
    await watched.look(HALF_A_MINUTE)
    (one,) = await watched.incidents()
    assert (one.end_reason, told(target)) == (EndReason.DELETED, [])
    assert [delivery.state for delivery in await watched.deliveries(one)] == ["withdrawn"]


async def test_a_job_that_is_created_anew_begins_anew(watched: Watch) -> None:
    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    await watched.parts.catalog.delete("a", by="me")
    await watched.create("a")
    await watched.look()
    assert [one.end_reason for one in await watched.incidents()] == [EndReason.DELETED]


class TestRestart:
    async def test_in_an_incident_it_tells_nothing_twice(self, tmp_path: Path, target: Target, people: People) -> None:
        async with started(tmp_path) as parts:
            first = watch(parts, target, people)
            await first.create("a")
            await first.run("a", status=500)
            await first.look()
            await first.look(HALF_A_MINUTE)
        async with started(tmp_path) as parts:
            second = watch(parts, target, people)
            parts.clock.shift = HALF_A_MINUTE
            await second.look(HALF_A_MINUTE)
            assert told(target) == [[("began", "a")]]
            await second.run("a")
            await second.look()
            await second.look(HALF_A_MINUTE)
        assert told(target) == [[("began", "a")], [("recovered", "a")]]

    async def test_what_ended_before_it_was_judged_is_judged_after_it(
        self, tmp_path: Path, target: Target, people: People
    ) -> None:
        async with started(tmp_path) as parts:
            never_looks = watch(parts, target, people)
            await never_looks.create("a")
            await never_looks.run("a", status=500)
        async with opened(tmp_path) as parts:
            second = watch(parts, target, people)
            await second.look()
            await second.look(HALF_A_MINUTE)
        assert told(target) == [[("began", "a")]]

    async def test_a_message_whose_answer_was_lost_comes_again_under_the_same_id(
        self, tmp_path: Path, target: Target, people: People
    ) -> None:
        target.answers(CHAT, Silence())
        async with started(tmp_path) as parts:
            first = watch(parts, target, people)
            await first.create("a")
            await first.run("a", status=500)
            await first.look()
            sending = asyncio.create_task(first.look(HALF_A_MINUTE))
            await received(target, 2)
            await _cancelled(sending)
        target.answers(CHAT, Answer(200))
        async with opened(tmp_path) as parts:
            parts.clock.shift = HALF_A_MINUTE
            second = watch(parts, target, people)
            await second.look()
            await second.look(HALF_A_MINUTE)
        sent, again = messages(target)
        assert sent == again

    async def test_what_was_running_at_a_crash_counts_as_a_failure(
        self, tmp_path: Path, target: Target, people: People
    ) -> None:
        target.answers(WORK, Silence())
        async with started(tmp_path) as parts:
            first = watch(parts, target, people)
            await first.create("a")
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
        async with opened(tmp_path) as parts:
            second = watch(parts, target, people)
            await second.look()
            assert [one.job_id for one in await second.incidents()] == ["a"]


class TestChannels:
    async def test_a_channel_that_fails_is_tried_again(self, watched: Watch, target: Target) -> None:
        target.answers(CHAT, Answer(503), Answer(200))
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        (one,) = await watched.incidents()
        (waits,) = await watched.deliveries(one)
        assert (waits.state, waits.attempts, waits.error) == ("waiting", 1, "HTTP 503")
        await watched.look(timedelta(seconds=6))
        (sent,) = await watched.deliveries(one)
        assert (sent.state, sent.attempts, sent.error) == ("sent", 2, None)
        assert watched.deliverer.counts == {("chat", "retried"): 1, ("chat", "delivered"): 1}

    async def test_one_that_asks_for_a_pause_gets_it(self, watched: Watch, target: Target) -> None:
        target.answers(CHAT, Answer(429, headers=(("Retry-After", "120"),)), Answer(200))
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        await watched.look(timedelta(seconds=100))
        assert len(messages(target)) == 1
        await watched.look(timedelta(seconds=21))
        assert len(messages(target)) == 2

    async def test_a_message_that_failed_stays_as_it_is_and_goes_first(self, watched: Watch, target: Target) -> None:
        target.answers(CHAT, Answer(503), Answer(200))
        await watched.create("a", "b")
        await watched.run("a", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        await watched.run("b", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        assert told(target) == [[("began", "a")], [("began", "a")], [("began", "b")]]

    async def test_one_that_is_no_longer_declared_gets_nothing(self, watched: Watch) -> None:
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        watched.people.channels.clear()
        watched.parts.clock.shift += HALF_A_MINUTE
        await watched.deliverer.send_next("chat")
        (one,) = await watched.incidents()
        (left,) = await watched.deliveries(one)
        assert (left.state, left.attempts) == ("failed", 0)
        assert "no channel of this name" in (left.error or "")

    async def test_quiet_hours_hold_and_then_all_comes_at_once(self, watched: Watch, target: Target) -> None:
        (chat,) = watched.people.channels
        chat.quiet = watched.parts.clock() + timedelta(hours=8)
        await watched.create("a", "b", "c")
        await watched.run("a", "c", status=500)
        await watched.look()
        await watched.look(timedelta(hours=2))
        await watched.run("b", status=500)
        await watched.run("c")
        await watched.look(timedelta(hours=2))
        assert told(target) == []
        await watched.look(timedelta(hours=4, seconds=1))
        assert told(target) == [[("began", "a"), ("began", "b"), ("recovered", "c")]]

    async def test_one_that_hangs_delays_neither_the_others_nor_the_calls(self, watched: Watch, target: Target) -> None:
        watched.people.channels.append(Chat("other", target.url("/other")))
        target.answers(CHAT, Silence())
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.follower.look()
        watched.parts.clock.shift += HALF_A_MINUTE
        delivering = asyncio.create_task(watched.deliverer.run())
        await received(target, 3)
        await watched.run("a")  # its call is answered while the chat still hangs
        await _cancelled(delivering)
        assert told(target, "/other") == [[("began", "a")]]
        assert [one.target for one in target.requests].count(WORK) == 2


async def test_both_run_by_themselves(watched: Watch, target: Target) -> None:
    await watched.create("a")
    loops = [asyncio.create_task(one.run()) for one in (watched.follower, watched.deliverer)]
    await watched.run("a", status=500)
    await until(watched.incidents, bool)
    watched.parts.clock.shift += HALF_A_MINUTE
    await received(target, 2)
    for loop in loops:
        await _cancelled(loop)
    assert told(target) == [[("began", "a")]]


async def _cancelled(task: asyncio.Task[Any] | Coroutine[Any, Any, Any]) -> None:
    assert isinstance(task, asyncio.Task)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
