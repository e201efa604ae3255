"""What the statistics of a job count, and what they leave out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.history.stats import Result, Spread, Stats, stats_of
from myscheduler.core.schedule.zones import local_time, start_of_day

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
C, F, X, S, M, R = (
    Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.SKIPPED, Status.MISSED, Status.RUNNING,
)  # fmt: skip


def result(
    status: Status, hour: int = 0, *, kind: Kind = Kind.SCHEDULED, slots: int = 1, late: int = 0, took: int = 10
) -> Result:
    """A row whose slot is `hour` hours after noon, `late` and `took` in milliseconds."""
    slot = NOON + timedelta(hours=hour)
    if status in {S, M}:
        return Result(status, "paused" if status is S else "deadline", kind, slot, slots, None, None)
    begun = slot + timedelta(milliseconds=late)
    return Result(status, None, kind, slot, slots, begun, None if status is R else begun + timedelta(milliseconds=took))


def stats(*results: Result, zone: str = "UTC") -> Stats:
    return stats_of(results, lambda moment: local_time(moment, zone).date())


def sequence(*statuses: Status) -> Stats:
    return stats(*(result(status, hour) for hour, status in enumerate(statuses)))


def test_a_row_for_several_slots_counts_them_all() -> None:
    found = stats(result(C), result(S, 1, slots=30), result(M, 2), result(S, 3, slots=2))
    assert (found.rows, found.statuses, found.reasons) == (4, {C: 1, S: 32, M: 1}, {"paused": 32, "deadline": 1})


@pytest.mark.parametrize(
    ("statuses", "rate"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((S, M, R), None, id="nothing that ended"),
        pytest.param((C, C, C, F), 0.75, id="a failure"),
        pytest.param((C, X, S, M, R), 0.5, id="interrupted: it is not known that it went well"),
    ],
)
def test_the_success_rate(statuses: tuple[Status, ...], rate: float | None) -> None:
    assert sequence(*statuses).success_rate == rate


@pytest.mark.parametrize(
    ("statuses", "current", "success", "failure"),
    [
        pytest.param((), None, None, None, id="nothing"),
        pytest.param((C, C, F, C), (True, 1), (True, 2), (False, 1), id="both"),
        pytest.param((F, S, X, R), (False, 2), None, (False, 2), id="slots that did not run don't end a streak"),
    ],
)
def test_streaks(
    statuses: tuple[Status, ...],
    current: tuple[bool, int] | None,
    success: tuple[bool, int] | None,
    failure: tuple[bool, int] | None,
) -> None:
    found = sequence(*statuses)
    streaks = (found.current, found.longest_success, found.longest_failure)
    assert tuple(one and (one.is_success, one.count) for one in streaks) == (current, success, failure)


def test_a_streak_names_its_ends() -> None:
    streak = sequence(F, C, S, C, R).current
    assert streak is not None
    assert (streak.first, streak.last) == (NOON + timedelta(hours=1), NOON + timedelta(hours=3))


def test_percentiles_are_numbers_that_occurred() -> None:
    found = stats(*(result(C, hour, took=hour + 1) for hour in range(200))).duration
    assert found == Spread(200, 1, 100, 200, {50: 100, 90: 180, 95: 190, 99: 198})
    assert stats(result(C, took=7)).duration == Spread(1, 7, 7, 7, {50: 7, 90: 7, 95: 7, 99: 7})


def test_what_has_no_duration_or_lateness() -> None:
    found = stats(
        result(C, late=5, took=20), result(F, 1, late=3, took=40), result(X, 2, late=9), result(S, 3),
        result(C, 4, kind=Kind.MANUAL, took=60), result(R, 5, late=1),
    )  # fmt: skip
    assert found.duration is not None
    assert (found.duration.count, found.duration.highest) == (3, 60)
    assert found.lateness is not None
    assert (found.lateness.count, found.lateness.highest) == (4, 9)


def test_a_start_before_its_slot_is_not_late() -> None:
    assert stats(result(C, late=-2)).lateness == Spread(1, 0, 0, 0, {50: 0, 90: 0, 95: 0, 99: 0})


def test_days_are_those_of_the_zone() -> None:
    found = stats(result(C, 2), result(F, 4), result(S, 4, slots=3), result(C, 40), zone="Asia/Tokyo")
    assert [(one.day, one.statuses, one.success_rate) for one in found.days] == [
        (date(2027, 3, 1), {C: 1}, 1.0),
        (date(2027, 3, 2), {F: 1, S: 3}, 0.0),
        (date(2027, 3, 3), {C: 1}, 1.0),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        pytest.param("Asia/Tokyo", date(2027, 3, 1), "2027-02-28T15:00:00+00:00", id="ahead of UTC"),
        pytest.param("America/Havana", date(2020, 3, 8), "2020-03-08T05:00:00+00:00", id="midnight is skipped"),
    ],
)
def test_the_start_of_a_day(zone: str, day: date, begins: str) -> None:
    assert start_of_day(zone, day).isoformat() == begins
