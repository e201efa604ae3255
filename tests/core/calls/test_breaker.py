"""The circuit breaker of a target."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.calls.breaker import Breaker, BreakerRules, Circuit, is_alive
from myscheduler.core.calls.outcome import Failure, Outcome

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def opened(failures: int = 3) -> Breaker:
    breaker = Breaker(BreakerRules(failures=failures))
    for _ in range(failures):
        breaker.note(alive=False, now=NOON)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(BreakerRules(failures=3))
    for alive in (False, False, True, False, False, None):
        breaker.note(alive=alive, now=NOON)
    assert (breaker.state(NOON), breaker.failures) == (Circuit.CLOSED, 2)
    breaker.note(alive=False, now=NOON)
    assert (breaker.state(NOON), breaker.open_until) == (Circuit.OPEN, at(30))
    assert breaker.blocks(at(29.9))
    assert breaker.state(at(30)) is Circuit.HALF_OPEN
    assert not breaker.blocks(at(30))


def test_one_call_probes_and_a_success_closes_it() -> None:
    breaker = opened()
    breaker.sent(at(30))
    assert breaker.blocks(at(30))  # the others
    breaker.note(alive=True, now=at(31))
    assert (breaker.state(at(31)), breaker.failures) == (Circuit.CLOSED, 0)


def test_a_probe_that_fails_opens_it_for_longer_up_to_a_limit() -> None:
    breaker, now, lasted = opened(), NOON, []
    for _ in range(12):
        assert breaker.open_until is not None
        lasted.append((breaker.open_until - now).total_seconds())
        now = breaker.open_until
        breaker.sent(now)
        breaker.note(alive=False, now=now)
    assert lasted == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]


def test_a_probe_that_says_nothing_is_followed_by_another() -> None:
    breaker = opened()
    breaker.sent(at(30))
    breaker.note(alive=None, now=at(31))
    assert not breaker.blocks(at(31))


def test_what_was_in_flight_when_it_opened_does_not_open_it_further() -> None:
    breaker = opened()
    breaker.note(alive=False, now=at(5))
    assert breaker.open_until == at(30)
    breaker.note(alive=True, now=at(6))  # an answer is an answer
    assert breaker.state(at(6)) is Circuit.CLOSED


def test_after_a_long_healthy_time_it_begins_anew() -> None:
    for healthy, expected in ((299, 60), (301, 30)):
        breaker = opened(1)
        breaker.sent(at(30))
        breaker.note(alive=True, now=at(30))
        breaker.note(alive=False, now=at(30 + healthy))
        assert breaker.open_until == at(30 + healthy + expected)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(200), True),
        (Outcome(404, Failure.HTTP_ERROR), True),
        (Outcome(429, Failure.HTTP_ERROR), None),
        (Outcome(500, Failure.HTTP_ERROR), False),
        (Outcome(200, Failure.EXPECTATION), True),
        (Outcome(failure=Failure.TIMEOUT), False),
        (Outcome(failure=Failure.REFUSED), False),
        (Outcome(failure=Failure.UNREADABLE_ANSWER), False),
        (Outcome(failure=Failure.SECRET_MISSING), None),
        (Outcome(failure=Failure.TARGET_NOT_ALLOWED), None),
        (Outcome(failure=Failure.AUTH_FAILED), None),
    ],
)
def test_what_shows_that_a_target_works(outcome: Outcome, expected: bool | None) -> None:
    assert is_alive(outcome) is expected
