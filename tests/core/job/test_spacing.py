"""The shortest distance between two slots, for each kind of schedule, and against slots that were walked."""

from datetime import date, timedelta
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.job.spacing import shortest_distance
from myscheduler.core.job.spec import DeclaredCron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.expression import DAY, wall_times_between
from tests.support.parts import spec

LATER = "2099-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"interval": {"minutes": 5}}, timedelta(minutes=5), id="interval"),
        pytest.param({"run_at": LATER}, None, id="once"),
        pytest.param(
            {"interval": {"weeks": 2}, "anchor": "2026-01-05T09:00", "clock": "wall"}, timedelta(weeks=2), id="weeks"
        ),
        pytest.param(
            {"interval": "P1M", "anchor": "2026-01-31T09:00", "clock": "wall"}, timedelta(days=28), id="months"
        ),
        pytest.param({"cron": "* * * * *"}, timedelta(minutes=1), id="every minute"),
        pytest.param({"cron": "0,1 3 * * *"}, timedelta(minutes=1), id="two minutes of a day"),
        pytest.param({"cron": "58,3 * * * *"}, timedelta(minutes=5), id="over the hour"),
        pytest.param({"cron": "0 0,23 * * *"}, timedelta(hours=1), id="over midnight"),
        pytest.param({"cron": "0 0,23 * * mon"}, timedelta(hours=23), id="on one weekday"),
        pytest.param({"cron": "0 0,23 * * mon,tue"}, timedelta(hours=1), id="on two weekdays in a row"),
        pytest.param({"cron": "0 9 * * mon"}, timedelta(days=7), id="weekly"),
        pytest.param({"cron": "0 9 * * mon,thu"}, timedelta(days=3), id="twice a week"),
        pytest.param({"cron": "0 9 1 * *"}, timedelta(days=28), id="monthly"),
        pytest.param({"cron": "0 9 1,L * *"}, timedelta(days=1), id="around the end of a month"),
        pytest.param({"cron": "0 9 29 2 *"}, timedelta(days=4 * 365 + 1), id="leap days"),
        pytest.param({"cron": {"year": 2099, "month": 1, "day": 1, "hour": 0}}, None, id="only one"),
        pytest.param({"cron": {"second": "*/7", "minute": "*"}}, timedelta(seconds=4), id="over the minute"),
        pytest.param({"cron": {"second": "*/20", "minute": 0, "hour": 0}}, timedelta(seconds=20), id="seconds"),
    ],
)
def test_by_hand(fields: dict[str, object], expected: timedelta | None) -> None:
    assert shortest_distance(spec("a", **fields).schedule) == expected


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    some = st.sets(st.integers(low, high), min_size=1, max_size=4)
    return st.just("*") | some.map(lambda numbers: ",".join(map(str, sorted(numbers))))


@settings(max_examples=20, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "month": _field(1, 12),
            "day": _field(1, 28),
            "day_of_week": _field(0, 6),
            "hour": _field(0, 23),
            "minute": _field(0, 59),
            "second": st.sampled_from(["0", "0,59", "1,30"]),
        }
    ),
    st.sampled_from(["any", "all"]),
)
def test_no_two_slots_are_closer_and_some_are_so_close(fields: dict[str, str], day_match: str) -> None:
    declared = DeclaredCron(tuple(fields.items()), "all" if day_match == "all" else "any")
    expression = parse_cron(fields, day_match=declared.day_match)
    start = date(2000, 1, 1).toordinal() * DAY
    # the times of a day are the same on each: two of them stand for all
    days = [(walls[0], walls[-1]) for walls in wall_times_between(expression, start, start + 28 * 366 * DAY)]
    some = next(wall_times_between(expression, start, start + 28 * 366 * DAY))
    over_night = (later - earlier for (_, earlier), (later, _) in pairwise(days))
    closest = min(chain(over_night, (later - earlier for earlier, later in pairwise(some))))
    assert shortest_distance(declared) == timedelta(seconds=closest)
