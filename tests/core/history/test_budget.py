"""The error budget of an objective, and how fast it burns."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.history.budget import Tally, budget_of, starts_of
from myscheduler.core.job.objective import Objective

NOW = datetime(2027, 3, 31, tzinfo=UTC)
NOTHING = Tally()


def test_the_windows_of_thirty_days_are_those_of_the_workbook() -> None:
    starts = starts_of(Objective(99.5), NOW)
    assert [NOW - start for start in starts] == [
        timedelta(days=30), timedelta(hours=1), timedelta(hours=6), timedelta(days=3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tally", "achieved", "left"),
    [
        pytest.param(Tally(1000, 0), 100, 1, id="nothing went wrong"),
        pytest.param(Tally(996, 4), 99.6, 0.2, id="most of it is spent"),
        pytest.param(Tally(995, 5), 99.5, 0, id="all of it is spent"),
        pytest.param(Tally(990, 10), 99, -1, id="twice as much is spent"),
        pytest.param(Tally(0, 1), 0, -199, id="one run that failed"),
        pytest.param(NOTHING, None, 1, id="nothing was due"),
    ],
)
def test_what_is_left(tally: Tally, achieved: float | None, left: float) -> None:
    found = budget_of(Objective(99.5), NOW, [tally, NOTHING, NOTHING, NOTHING])
    assert found.success == (None if achieved is None else pytest.approx(achieved))
    assert found.left == pytest.approx(left)


def test_how_fast_it_burns() -> None:
    found = budget_of(Objective(99), NOW, [Tally(9_000, 50), Tally(6, 6), Tally(99, 1), NOTHING])
    assert [burn.rate for burn in found.burns] == [pytest.approx(50), pytest.approx(1), None]
