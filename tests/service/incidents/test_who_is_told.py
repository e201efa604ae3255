"""Channels that come and go while a job is in trouble, and ends without a recovery, over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.core.incidents.incident import EndReason
from myscheduler.service.incidents.deliverer import Deliverer
from tests.service.incidents.conftest import Watch, stuck, watch
from tests.support.channels import CHAT, Chat, People, told
from tests.support.parts import ZONE, received, started
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

HALF_A_MINUTE, DAY = timedelta(seconds=31), timedelta(days=1)
OTHER, PAGER = "/other", "/pager"


async def _fail(watched: Watch, *job_ids: str) -> None:
    await watched.create(*job_ids)
    await watched.run(*job_ids, status=500)
    await watched.look()
    await watched.look(HALF_A_MINUTE)


def _declare(watched: Watch, *channels: Chat) -> None:
    """A new notifications.yaml with these channels for all jobs is in force."""
    watched.people.channels[:] = channels
    watched.people.edition += "1"


async def _look_twice(watched: Watch, after: timedelta = HALF_A_MINUTE) -> None:
    await watched.look(after)
    await watched.look(HALF_A_MINUTE)


class TestChannelsThatCome:
    async def test_one_hears_of_what_is_going_on_and_of_its_end(self, watched: Watch, target: Target) -> None:
        await _fail(watched, "a", "b")
        _declare(watched, *watched.people.channels, Chat("other", target.url(OTHER)))
        for _ in range(3):
            await _look_twice(watched)
        assert told(target, OTHER) == [[("began", "a"), ("began", "b")]]
        await watched.run("a")
        await _look_twice(watched)
        assert told(target, OTHER)[1:] == [[("recovered", "a")]]
        assert told(target) == [[("began", "a"), ("began", "b")], [("recovered", "a")]]

    async def test_the_first_one_of_all_is_reminded_from_then_on(self, watched: Watch, target: Target) -> None:
        chat = watched.people.channels.pop()
        await _fail(watched, "a")
        assert [one.told_at for one in await watched.incidents()] == [None]
        _declare(watched, chat)
        await _look_twice(watched)
        await _look_twice(watched, DAY)
        assert told(target) == [[("began", "a")], [("reminder", "a")]]

    async def test_not_while_somebody_takes_care_but_after_that(self, watched: Watch, target: Target) -> None:
        await _fail(watched, "a")
        (one,) = await watched.incidents()
        until = watched.parts.clock() + DAY / 2
        acknowledge = partial(incident_rows.acknowledge, incident_id=one.incident_id, by="me", at=one.began_at)
        await watched.parts.store.write(partial(acknowledge, until=until))
        _declare(watched, *watched.people.channels, Chat("other", target.url(OTHER)))
        await _look_twice(watched)
        assert told(target, OTHER) == []
        await _look_twice(watched, DAY)
        assert (told(target, OTHER), told(target)[1:]) == ([[("began", "a")]], [[("reminder", "a")]])

    async def test_not_while_the_job_is_paused(self, watched: Watch, target: Target) -> None:
        await _fail(watched, "a")
        await watched.parts.catalog.pause("a", by="me")
        _declare(watched, *watched.people.channels, Chat("other", target.url(OTHER)))
        await _look_twice(watched)
        assert told(target, OTHER) == []
        await watched.parts.catalog.resume("a", by="me")
        await _look_twice(watched)
        assert told(target, OTHER) == [[("began", "a")]]

    async def test_one_that_refused_the_beginning_is_tried_again_with_the_next_reminder(
        self, watched: Watch, target: Target
    ) -> None:
        target.answers(CHAT, Answer(404), Answer(200))
        await _fail(watched, "a")
        _declare(watched, *watched.people.channels)
        await _look_twice(watched)
        assert told(target) == [[("began", "a")]]
        await _look_twice(watched, DAY)
        assert told(target) == [[("began", "a")], [("began", "a")]]

    async def test_a_restart_tells_nothing_twice(self, tmp_path: Path, target: Target, people: People) -> None:
        async with started(tmp_path) as parts:
            first = watch(parts, target, people)
            await _fail(first, "a")
            people.channels.append(Chat("other", target.url(OTHER)))
        for _ in range(2):  # the first start sees what was declared meanwhile
            async with started(tmp_path) as parts:
                parts.clock.shift = 2 * HALF_A_MINUTE
                await _look_twice(watch(parts, target, people))
        assert (told(target), told(target, OTHER)) == ([[("began", "a")]], [[("began", "a")]])


class TestChannelsThatGo:
    async def test_one_hears_no_reminders_but_the_recovery(self, watched: Watch, target: Target) -> None:
        other = Chat("other", target.url(OTHER))
        watched.people.channels.append(other)
        await _fail(watched, "a")
        chat = watched.people.channels[0]
        routed = lambda _job: (chat,)  # noqa: E731 - the other one is declared still
        watched.people.channels_of = routed  # type: ignore[method-assign]
        await _look_twice(watched, DAY)
        await watched.run("a")
        await _look_twice(watched)
        assert told(target, OTHER) == [[("began", "a")], [("recovered", "a")]]
        assert told(target) == [[("began", "a")], [("reminder", "a")], [("recovered", "a")]]

    async def test_one_that_comes_back_hears_what_it_missed(self, watched: Watch, target: Target) -> None:
        chat = watched.people.channels[0]
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        _declare(watched)
        watched.parts.clock.shift += HALF_A_MINUTE
        await watched.deliverer.send_next("chat")  # fails: there is no such channel
        _declare(watched, chat)
        await _look_twice(watched)
        assert told(target) == [[("began", "a")]]


class TestThresholds:
    async def test_open_incidents_are_judged_again_by_a_new_file(self, watched: Watch, target: Target) -> None:
        watched.people.expect(failures=1, of=5)
        await _fail(watched, "a")
        await watched.run("a")
        await _look_twice(watched)
        assert told(target) == [[("began", "a")]]
        watched.people.expect(failures=None, of=None)
        _declare(watched, *watched.people.channels)
        await _look_twice(watched)
        assert told(target)[1:] == [[("recovered", "a")]]

    async def test_and_so_are_jobs_that_failed_without_one(self, watched: Watch) -> None:
        watched.people.expect(after_failures=2)
        await _fail(watched, "a")
        assert await watched.incidents() == []
        watched.people.expect(after_failures=1)
        _declare(watched, *watched.people.channels)
        await watched.look()
        assert [one.job_id for one in await watched.incidents()] == ["a"]


@pytest.fixture
def pager(people: People, target: Target) -> Chat:
    """A channel that keeps alerts, beside the chat."""
    one = Chat("pager", target.url(PAGER), keeps_alerts=True)
    people.channels.append(one)
    return one


@pytest.mark.usefixtures("pager")
class TestEndsWithoutARecovery:
    async def test_where_alerts_are_kept_it_closes_that_of_a_deleted_job(self, watched: Watch, target: Target) -> None:
        await _fail(watched, "a")
        await watched.parts.catalog.delete("a", by="me")
        await _look_twice(watched)
        assert told(target, PAGER) == [[("began", "a")], [("closed", "a")]]
        assert told(target) == [[("began", "a")]]

    async def test_and_that_of_a_late_one_that_is_paused(self, tmp_path: Path, target: Target, people: People) -> None:
        async with stuck(tmp_path, target, people) as stopped:
            await _look_twice(stopped)
            await stopped.parts.catalog.pause("a", by="me")
            await _look_twice(stopped)
            assert [one.end_reason for one in await stopped.incidents()] == [EndReason.PAUSED]
        assert told(target, PAGER) == [[("began", "a")], [("closed", "a")]]
        assert told(target) == [[("began", "a")]]

    async def test_and_that_of_one_that_is_no_longer_watched(
        self, tmp_path: Path, target: Target, people: People
    ) -> None:
        async with stuck(tmp_path, target, people) as stopped:
            await _look_twice(stopped)
            people.expect(is_late_watched=False)
            _declare(stopped, *people.channels)
            await _look_twice(stopped)
            assert [one.end_reason for one in await stopped.incidents()] == [EndReason.UNWATCHED]
        assert told(target, PAGER) == [[("began", "a")], [("closed", "a")]]

    async def test_what_was_never_sent_is_not_closed(self, watched: Watch, target: Target) -> None:
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        await watched.parts.catalog.delete("a", by="me")
        await _look_twice(watched)
        assert told(target, PAGER) == []

    async def test_what_may_have_arrived_is_closed(self, watched: Watch, target: Target) -> None:
        """The answer to the beginning was lost, and the job is deleted before the next try."""
        target.answers(PAGER, Answer(503), Answer(200))
        await _fail(watched, "a")
        await watched.parts.catalog.delete("a", by="me")
        await _look_twice(watched)
        assert told(target, PAGER) == [[("began", "a")], [("closed", "a")]]

    async def test_what_is_being_sent_is_closed_after_it(self, watched: Watch, target: Target) -> None:
        target.answers(PAGER, Silence(), Answer(200))
        await watched.create("a")
        await watched.run("a", status=500)
        await watched.look()
        watched.parts.clock.shift += HALF_A_MINUTE
        sending = asyncio.create_task(watched.deliverer.send_next("pager"))
        await received(target, 2)
        await watched.parts.catalog.delete("a", by="me")
        await watched.follower.look()
        sending.cancel()  # as by a crash
        await asyncio.wait([sending])
        await watched.look(HALF_A_MINUTE)
        assert told(target, PAGER) == [[("began", "a")], [("closed", "a")]]

    async def test_a_recovery_is_told_although_the_job_is_deleted_meanwhile(
        self, watched: Watch, target: Target
    ) -> None:
        await _fail(watched, "a")
        await watched.run("a")
        await watched.look()
        await watched.parts.catalog.delete("a", by="me")
        await _look_twice(watched)
        assert told(target) == told(target, PAGER) == [[("began", "a")], [("recovered", "a")]]


class Overtaken:
    """A store with a write that others come before, once."""

    def __init__(self, store: Store, others: Callable[[], Awaitable[None]]) -> None:
        self.read, self._store, self._others = store.read, store, [others]

    async def write(self, work: Callable[[Any], Any]) -> Any:
        while self._others:
            await self._others.pop()()
        return await self._store.write(work)


async def test_what_is_withdrawn_while_a_message_is_composed_is_not_sent(watched: Watch, target: Target) -> None:
    async def delete() -> None:
        await watched.parts.catalog.delete("a", by="me")
        await watched.follower.look()

    await watched.create("a")
    await watched.run("a", status=500)
    await watched.look()
    store = cast("Store", Overtaken(watched.parts.store, delete))
    watched.deliverer = Deliverer(store, watched.people, watched.troubles, zone=ZONE, now=watched.parts.clock)
    await _look_twice(watched)
    assert told(target) == []
    (one,) = await watched.incidents()
    assert [delivery.state for delivery in await watched.deliveries(one)] == ["withdrawn"]


async def test_where_each_notice_is_a_request_a_storm_is_sent_in_small_parts(watched: Watch, target: Target) -> None:
    """A service that limits requests takes one part after the other; one that is refused is not all sent again."""
    (chat,) = watched.people.channels
    chat.takes_digests = False
    target.answers(CHAT, Answer(200), Answer(429), Answer(200))
    jobs = [f"job-{number:02}" for number in range(45)]
    await _fail(watched, *jobs)
    await watched.look(HALF_A_MINUTE)
    parts = [[job_id for _, job_id in one] for one in told(target)]
    assert [len(one) for one in parts] == [20, 20, 20, 5]
    assert parts[1] == parts[2]
    assert sorted({job_id for part in parts for job_id in part}) == jobs
