"""The executions under way by themselves: begun, cut off one by one or all, and waited for."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest

from myscheduler.adapters.store import Store
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.throttles import Throttles
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Status
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.caller import Caller
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.endings import Endings
from myscheduler.service.dispatch.expectations import Expectations
from myscheduler.service.dispatch.flights import REPLACED, STOPPED, CutOff, Flight, Flights
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.retry_waits import RetryWaits
from myscheduler.service.dispatch.tallies import Tallies
from tests.support.parts import job

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def flight(execution_id: str, job_id: str = "a") -> Flight:
    one = job(job_id, NOW)
    execution = Execution(execution_id, job_id, NOW, Kind.SCHEDULED, Cause.TIMER, one.digest, None, NOW)
    return Flight(one, execution, "127.0.0.1", has_permit=True)


def begun(flights: Flights, execution_id: str) -> Flight:
    """An execution under way that would never end by itself."""
    one = flight(execution_id)
    flights.open(one)
    one.task, one.is_begun = asyncio.create_task(asyncio.sleep(3600)), True
    return one


async def is_cancelled(one: Flight) -> bool:
    """Whether its task was told to end."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert one.task is not None
    return one.task.cancelled()


def over(one: Flight) -> None:
    one.finish = Finish(one.execution.execution_id, Status.COMPLETED, NOW, NOW, 1, Outcome())


async def test_one_is_cut_off_and_no_other() -> None:
    flights = Flights()
    first, second = begun(flights, "1"), begun(flights, "2")
    assert flights.end("1", REPLACED)
    assert (await is_cancelled(first), first.cut_off) == (True, REPLACED)
    assert (await is_cancelled(second), second.cut_off) == (False, None)
    flights.end_all(STOPPED)
    assert (await is_cancelled(second), second.cut_off, first.cut_off) == (True, STOPPED, REPLACED)


async def test_what_is_over_or_unknown_can_not_be_cut_off() -> None:
    flights = Flights()
    one = begun(flights, "1")
    over(one)
    assert not flights.end("1", REPLACED)
    assert not flights.end("2", REPLACED)
    assert (await is_cancelled(one), one.cut_off) == (False, None)


async def test_a_task_without_its_first_step_is_not_cancelled_but_finds_how_it_ends() -> None:
    """Cancelled then it would never run, and nobody would end its flight."""
    flights = Flights()
    one = begun(flights, "1")
    one.is_begun = False
    assert flights.end("1", REPLACED)
    assert (await is_cancelled(one), one.cut_off) == (False, REPLACED)


class _Ends(Endings):
    """Notes how flights are cut off, after how many attempts."""

    def __init__(self) -> None:
        self.noted: list[tuple[Flight, CutOff, int]] = []

    def cut_off(self, flight: Flight, how: CutOff, *, attempts: int) -> None:
        self.noted.append((flight, how, attempts))


@pytest.mark.parametrize("sent_before", [0, 2])
async def test_one_that_goes_on_and_is_cut_off_at_once_keeps_its_attempts(sent_before: int) -> None:
    """Those of an earlier process may have reached the target, and its row has to say so."""
    flights, ends = Flights(), _Ends()
    permits = Permits(Agenda(zone="UTC", permits=1, permits_per_host=1, new_id=str), 1, lambda: None)
    one = flight("1")
    attempts = Attempts(
        cast(Caller, None),
        flights,
        permits,
        Throttles(),
        cast(RetryWaits, None),
        ends,
        Tallies(cast(Store, None)),
        cast(Expectations, None),
        cast(Chains, None),
        now=lambda: NOW,
    )
    attempts.resume(one.job, one.execution, one.host, attempts=sent_before)
    assert flights.end("1", REPLACED)
    await asyncio.sleep(0)
    assert [(how, count) for _, how, count in ends.noted] == [(REPLACED, sent_before)]


def test_executions_of_a_job_are_found_the_oldest_first() -> None:
    flights = Flights()
    first, other, second = flight("1"), flight("2", "b"), flight("3")
    for one in (first, other, second):
        flights.open(one)
    assert list(flights.of_job("a")) == [first, second]
    assert (flights.ids, len(flights)) == (("1", "2", "3"), 3)
    flights.close(first)
    flights.close(other)
    assert list(flights.of_job("a")) == [second]
    assert list(flights.of_job("b")) == []
    assert flights.executions == [second.execution]


async def test_a_wait_lasts_until_the_last_is_closed_and_nothing_is_being_claimed() -> None:
    flights = Flights()
    one = flight("1")
    flights.open(one)
    waiting = asyncio.create_task(flights.wait(60))
    with flights.claiming():
        flights.close(one)
        await asyncio.sleep(0)
        assert not flights.are_over
        assert not waiting.done()
    await waiting
    assert flights.are_over


async def test_a_wait_can_be_let_go() -> None:
    flights = Flights()
    flights.open(flight("1"))
    waiting = asyncio.create_task(flights.wait(60))
    await asyncio.sleep(0)
    flights.stop_waiting()
    await waiting
    await flights.wait(0)  # the next one waits again, here for no time
    assert len(flights) == 1
