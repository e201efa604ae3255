"""Real APScheduler: wake-ups come at their slots, follow what is armed, and stop when told."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.adapters.timers.timers import HANDED_AT_ONCE, Due, Timers
from myscheduler.core.schedule.slots import Interval, Once
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class Bell:
    """Timers, and what they rang for."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, datetime, datetime]] = []
        """Job, slot, and when the wake-up came."""
        self.batches = 0
        self.largest = 0
        self._rung = asyncio.Event()
        self.timers = Timers(self._wake, asyncio.get_running_loop())

    def _wake(self, due: Sequence[Due]) -> None:
        self.batches += 1
        self.largest = max(self.largest, len(due))
        self.rings += [(job_id, slot, now()) for job_id, slot in due]
        self._rung.set()

    def slots(self, job_id: str) -> list[datetime]:
        return [slot for name, slot, _ in self.rings if name == job_id]

    async def rung(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.rings) < count:
                self._rung.clear()
                await self._rung.wait()


@pytest.fixture
async def bell() -> AsyncIterator[Bell]:
    one = Bell()
    one.timers.start()
    yield one
    await asyncio.to_thread(one.timers.stop)


def now() -> datetime:
    return datetime.now(UTC)


async def test_it_rings_at_each_slot_and_not_before(bell: Bell) -> None:
    start = now()
    every = Interval(SECOND, start - SECOND + timedelta(milliseconds=100))
    bell.timers.arm([("a", every, start)], ())
    await bell.rung(2)
    first = start + timedelta(milliseconds=100)
    assert bell.slots("a")[:2] == [first, first + SECOND]
    assert all(slot <= at < slot + SECOND for _, slot, at in bell.rings)


async def test_armed_before_the_start_it_rings_after_it() -> None:
    bell = Bell()
    slot = now() + timedelta(milliseconds=50)
    bell.timers.arm([("a", Once(slot), slot - SECOND)], ())
    bell.timers.start()
    await bell.rung(1)
    assert bell.slots("a") == [slot]
    await asyncio.to_thread(bell.timers.stop)


async def test_a_new_schedule_takes_the_place_of_the_old_one(bell: Bell) -> None:
    start = now()
    soon, later = start + timedelta(milliseconds=300), start + timedelta(milliseconds=600)
    bell.timers.arm([("a", Once(soon), start)], ())
    bell.timers.arm([("a", Once(later), start)], ())
    await bell.rung(1)
    assert bell.slots("a") == [later]


async def test_a_removed_one_is_silent_and_an_unknown_one_is_no_error(bell: Bell) -> None:
    start = now()
    bell.timers.arm([("a", Once(start + timedelta(milliseconds=300)), start)], ())
    bell.timers.arm((), ["a", "never-there"])
    bell.timers.arm([("b", Once(start + timedelta(milliseconds=600)), start)], ())
    await bell.rung(1)
    assert [name for name, _, _ in bell.rings] == ["b"]


async def test_a_schedule_that_is_over_takes_its_timer_away(bell: Bell) -> None:
    start = now()
    bell.timers.arm([("a", Once(start + timedelta(milliseconds=300)), start)], ())
    bell.timers.arm([("a", Once(start - SECOND), start)], ())
    bell.timers.arm([("b", Once(start + timedelta(milliseconds=600)), start)], ())
    await bell.rung(1)
    assert [name for name, _, _ in bell.rings] == ["b"]


async def test_a_thousand_that_are_due_together_come_in_few_wake_ups_and_do_not_stall_the_loop(bell: Bell) -> None:
    start = now()
    slot = start + timedelta(seconds=1)
    bell.timers.arm([(f"job-{number}", Once(slot), start) for number in range(1000)], ())
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            stalls.append(time.monotonic() - before)

    watching = asyncio.create_task(watch())
    await bell.rung(1000)
    watching.cancel()
    assert len({name for name, _, _ in bell.rings}) == len(bell.rings) == 1000
    assert {at for _, at, _ in bell.rings} == {slot}
    assert bell.batches < 500
    assert max(stalls) < 0.5


async def test_the_first_of_many_come_before_the_others_are_worked_through(bell: Bell) -> None:
    start = now()
    slot = start + timedelta(seconds=1)
    bell.timers.arm([(f"job-{number}", Once(slot), start) for number in range(1000)], ())
    await bell.rung(1)
    assert len(bell.rings) <= HANDED_AT_ONCE
    await bell.rung(1000)
    assert bell.largest <= HANDED_AT_ONCE
    assert len({name for name, _, _ in bell.rings}) == len(bell.rings) == 1000


async def test_what_is_left_when_it_stops_is_not_handed_over() -> None:
    bell = Bell()
    bell.timers.start()
    slot = now() + timedelta(milliseconds=300)
    bell.timers.arm([(f"job-{number}", Once(slot), slot - SECOND) for number in range(1000)], ())
    await bell.rung(1)
    bell.timers.stop()  # in this turn of the loop, while some are still to be handed over
    seen = len(bell.rings)
    await asyncio.sleep(0.2)
    assert len(bell.rings) == seen


async def test_nothing_rings_after_stop() -> None:
    bell = Bell()
    bell.timers.start()
    start = now()
    bell.timers.arm([("a", Interval(SECOND, start - SECOND + timedelta(milliseconds=200)), start)], ())
    await bell.rung(1)
    await asyncio.to_thread(bell.timers.stop)
    seen = len(bell.rings)
    await asyncio.sleep(1.1)
    assert len(bell.rings) == seen
