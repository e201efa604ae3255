"""Lanes whose calls are held back."""

from datetime import UTC, datetime, timedelta

from myscheduler.core.calls.breaker import BreakerRules, Circuit
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.lanes import Lanes
from myscheduler.core.dispatch.throttles import TargetLimits, Throttles

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
FAILED = Outcome(500, Failure.HTTP_ERROR)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def limited(**limits: object) -> Throttles:
    throttles = Throttles()
    throttles.declare({"@a": TargetLimits(**limits)})  # type: ignore[arg-type]
    return throttles


def filled(throttles: Throttles, count: int, *, is_urgent: bool = False) -> Lanes[int]:
    lanes: Lanes[int] = Lanes(100, 100, throttles, is_urgent=is_urgent)
    for number in range(count):
        lanes.put("@a", at(number / 1000), number)
    return lanes


def test_concurrency_holds_over_scheduled_and_manual_calls() -> None:
    throttles = limited(concurrency=2)
    scheduled, manual = filled(throttles, 5), filled(throttles, 5, is_urgent=True)
    assert list(scheduled.take(NOON)) == [0, 1]
    assert list(manual.take(NOON)) == []
    scheduled.leave("@a")
    assert list(manual.take(NOON)) == [0]
    assert list(scheduled.take(NOON)) == []
    manual.leave("@a")
    scheduled.leave("@a")
    assert list(scheduled.take(NOON)) == [2, 3]
    assert scheduled.next_at(NOON) is None  # it depends on calls in flight


def test_other_lanes_are_not_held() -> None:
    lanes = filled(limited(concurrency=1), 3)
    lanes.put("host", at(1), 99)
    assert list(lanes.take(NOON)) == [0, 99]


def test_a_rate_says_when_the_next_one_goes() -> None:
    lanes = filled(limited(rate=Rate(2, timedelta(seconds=1))), 3)
    assert list(lanes.take(NOON)) == [0]
    assert lanes.next_at(NOON) == at(0.5)
    assert list(lanes.take(at(0.4))) == []
    assert list(lanes.take(at(0.5))) == [1]
    assert list(lanes.take(at(1.2))) == [2]
    assert lanes.next_at(at(1.2)) is None


def test_a_target_that_asks_to_wait_is_left_alone() -> None:
    throttles = Throttles()
    throttles.hold("@a", at(60), NOON)
    lanes, manual = filled(throttles, 2), filled(throttles, 1, is_urgent=True)
    assert list(lanes.take(NOON)) == []
    assert lanes.next_at(NOON) == at(60)
    assert list(manual.take(NOON)) == [0]  # somebody asked for it
    assert list(lanes.take(at(60))) == [0, 1]
    for one in (lanes, lanes, manual):
        one.leave("@a")
    assert throttles._throttles == {}  # nothing stays behind


def test_an_open_circuit_lets_one_through_when_it_is_half_open() -> None:
    throttles = limited(breaker=BreakerRules(failures=1))
    lanes = filled(throttles, 3)
    assert list(lanes.take(NOON)) == [0, 1, 2]
    for _ in range(3):
        lanes.leave("@a")
        throttles.note("@a", FAILED, NOON)
    for number in range(3):
        lanes.put("@a", at(10 + number), number)
    assert throttles.is_open("@a", at(29))
    assert list(lanes.take(at(29))) == []
    assert lanes.next_at(at(29)) == at(30)
    assert list(lanes.take(at(30))) == [0]
    assert list(lanes.take_blocked(at(30), lambda number: number == 1)) == [1]
    assert list(lanes.take(at(31))) == []
    lanes.leave("@a")
    throttles.note("@a", Outcome(200), at(32))
    assert list(lanes.take(at(32))) == [2]


def test_a_run_by_hand_tests_an_open_circuit() -> None:
    throttles = limited(breaker=BreakerRules(failures=1))
    throttles.note("@a", FAILED, NOON)
    manual = filled(throttles, 1, is_urgent=True)
    assert list(manual.take(at(1))) == [0]
    manual.leave("@a")
    throttles.note("@a", Outcome(200), at(2))
    assert throttles.pressure("@a", at(2)).circuit is Circuit.CLOSED


def test_new_limits_keep_what_is_in_flight_and_an_unchanged_breaker() -> None:
    rules = BreakerRules(failures=1)
    throttles = limited(concurrency=2, breaker=rules)
    lanes = filled(throttles, 4)
    assert list(lanes.take(NOON)) == [0, 1]
    throttles.declare({"@a": TargetLimits(concurrency=3, breaker=rules)})
    assert list(lanes.take(NOON)) == [2]
    lanes.leave("@a")
    throttles.note("@a", FAILED, NOON)
    throttles.declare({"@a": TargetLimits(concurrency=1, breaker=rules)})
    assert throttles.pressure("@a", NOON).circuit is Circuit.OPEN
    assert throttles._throttles["@a"].in_flight == lanes.load("@a")[0] == 2
    throttles.declare({})
    assert list(lanes.take(NOON)) == [3]


def test_blocked_items_are_yielded_by_when_they_are_due_and_leave_nothing() -> None:
    throttles = limited(breaker=BreakerRules(failures=1))
    throttles.note("@a", FAILED, NOON)
    lanes = filled(throttles, 5)
    assert list(lanes.take(NOON)) == []
    assert list(lanes.take_blocked(NOON, lambda _: True)) == [0, 1, 2, 3, 4]
    assert (lanes._lanes, lanes._held, lanes.load("@a")) == ({}, set(), (0, 0))
    lanes.put("@a", NOON, 7)
    assert list(lanes.take(at(30))) == [7]
