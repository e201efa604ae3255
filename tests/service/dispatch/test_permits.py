"""Permits by themselves: none is lost when its execution is cut off while it waits for one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.throttles import TargetLimits, Throttles
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.service.dispatch.flights import Flight
from myscheduler.service.dispatch.permits import Permits
from tests.support.parts import job

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def permits() -> Permits:
    """One for all manual runs."""
    agenda = Agenda(zone="UTC", permits=1, permits_per_host=1, new_id=str)
    return Permits(agenda, 1, lambda: None)


def flight(number: int, kind: Kind = Kind.MANUAL) -> Flight:
    one = job("a", NOW)
    slot = NOW + timedelta(seconds=number)
    execution = Execution(f"{number}", "a", slot, kind, Cause.API, one.digest, None, slot)
    return Flight(one, execution, "127.0.0.1", has_permit=False)


async def asked(permits: Permits, one: Flight) -> asyncio.Task[None]:
    """It waits for a permit."""
    task = asyncio.create_task(permits.acquire(one))
    await asyncio.sleep(0)
    return task


async def test_a_permit_goes_to_whoever_is_due_longest(permits: Permits) -> None:
    first, second = flight(1), flight(2)
    later = await asked(permits, second)
    earlier = await asked(permits, first)
    permits.hand_out_manual(NOW)
    await earlier
    assert (first.has_permit, second.has_permit) == (True, False)
    permits.release(first)
    permits.release(first)  # there is nothing left to give back
    permits.hand_out_manual(NOW)
    await later
    assert (first.has_permit, second.has_permit) == (False, True)


async def test_the_permit_of_an_execution_that_was_cut_off_before_goes_to_the_next(permits: Permits) -> None:
    first, second = flight(1), flight(2)
    gone, waiting = await asked(permits, first), await asked(permits, second)
    gone.cancel()
    await asyncio.wait([gone])
    permits.hand_out_manual(NOW)
    await waiting
    assert (first.has_permit, second.has_permit) == (False, True)


async def test_a_permit_that_came_just_before_the_cut_off_can_be_given_back(permits: Permits) -> None:
    first, second = flight(1), flight(2)
    gone, waiting = await asked(permits, first), await asked(permits, second)
    permits.hand_out_manual(NOW)
    gone.cancel()  # it has not gone on since
    await asyncio.wait([gone])
    assert (gone.cancelled(), first.has_permit) == (True, True)
    permits.release(first)
    permits.hand_out_manual(NOW)
    await waiting
    assert second.has_permit


@pytest.mark.parametrize("kinds", [(one, other) for one in Kind for other in Kind])
async def test_who_waits_for_a_call_to_the_same_target_is_woken_when_it_ends(kinds: tuple[Kind, Kind]) -> None:
    """A target allows one call at a time, however it was asked for; runs by hand have permits of their own."""
    throttles, woken = Throttles(), asyncio.Event()
    throttles.declare({"127.0.0.1": TargetLimits(concurrency=1)})
    agenda = Agenda(zone="UTC", permits=9, permits_per_host=9, new_id=str, throttles=throttles)
    permits = Permits(agenda, 9, woken.set, throttles)

    def hand_out() -> None:
        permits.hand_out_manual(NOW)
        assert not agenda.take(NOW, 9)

    first, second = flight(1, kinds[0]), flight(2, kinds[1])
    begun = await asked(permits, first)
    hand_out()
    await begun
    waiting = await asked(permits, second)
    hand_out()
    assert not second.has_permit
    woken.clear()
    permits.release(first)
    assert woken.is_set()
    hand_out()
    await waiting
    woken.clear()
    permits.release(second)
