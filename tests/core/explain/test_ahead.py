"""The days to come of a job: counts of runs and of what is left out, with the borders of its own zone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.explain.ahead import MOST_TIMES, DayAhead, days_ahead
from myscheduler.core.explain.preview import preview
from tests.support.parts import ZONE, spec

WEDNESDAY = datetime(2027, 3, 17, 3, 0, tzinfo=UTC)  # noon in Tokyo
CREATED = datetime(2027, 1, 1, tzinfo=UTC)


def ahead(days: int, start: datetime = WEDNESDAY, **fields: Any) -> list[DayAhead]:
    one = spec("a", target_url="https://example.com", **fields)
    return list(days_ahead(one, zone=ZONE, created_at=CREATED, start=start, days=days))


def brief(days: list[DayAhead]) -> list[tuple[Any, ...]]:
    return [
        (f"{one.day:%a}", one.runs, *((left.reason, left.name, left.count) for left in one.left_out)) for one in days
    ]


def test_today_begins_now() -> None:
    assert [(one.day.isoformat(), one.runs) for one in ahead(2, cron="0 * * * *")] == [
        ("2027-03-17", 12), ("2027-03-18", 24),
    ]  # fmt: skip


def test_times_have_the_offset_of_the_zone() -> None:
    (today,) = ahead(1, cron="0 13 * * *")
    assert [one.isoformat() for one in today.times] == ["2027-03-17T13:00:00+09:00"]


def test_holidays_and_weekends_are_left_out_with_their_names() -> None:
    found = brief(ahead(6, cron="0 13 * * *", calendar={"country": "JP", "only": "business_days"}))
    assert found == [
        ("Wed", 1), ("Thu", 1), ("Fri", 1), ("Sat", 0, ("weekend", None, 1)), ("Sun", 0, ("holiday", "春分の日", 1)),
        ("Mon", 0, ("holiday", "振替休日", 1)),
    ]  # fmt: skip


def test_a_blackout_is_counted() -> None:
    (_, thursday) = ahead(2, cron="*/15 * * * *", blackout=[{"cron": "0 22 * * *", "duration": "PT8H"}])
    assert (thursday.runs, [(one.reason, one.count) for one in thursday.left_out]) == (64, [("blackout", 32)])


def test_more_stretches_than_are_looked_at() -> None:
    (_, thursday) = ahead(2, interval={"seconds": 10}, blackout=[{"cron": "* * * * *", "duration": "PT30S"}])
    assert (thursday.runs, [one.count for one in thursday.left_out]) == (4_320, [4_320])


def test_a_job_of_every_second_is_counted_and_not_listed() -> None:
    (_, thursday) = ahead(2, interval={"seconds": 1})
    assert (thursday.runs, len(thursday.times)) == (86_400, MOST_TIMES)


@pytest.mark.parametrize(
    ("day", "runs"), [(datetime(2027, 3, 14, 5, tzinfo=UTC), 23), (datetime(2027, 11, 7, 4, tzinfo=UTC), 25)]
)
def test_days_on_which_clocks_change_have_other_lengths(day: datetime, runs: int) -> None:
    found = ahead(2, day, interval={"hours": 1}, timezone="America/New_York")
    assert [one.runs for one in found] == [runs, 24]


def test_a_time_that_does_not_exist_is_left_out() -> None:
    start = datetime(2027, 3, 14, 5, tzinfo=UTC)
    found = ahead(1, start, cron="30 2 * * *", timezone="America/New_York", dst={"gap": "skip"})
    assert brief(found) == [("Sun", 0, ("dst-gap", None, 1))]


def test_a_job_that_is_over() -> None:
    assert brief(ahead(2, run_at="2027-03-17T10:00:00+09:00")) == [("Wed", 0), ("Thu", 0)]


@given(minutes=st.integers(7, 900), hours=st.integers(1, 20))
def test_as_many_as_a_preview_lists(minutes: int, hours: int) -> None:
    fields: dict[str, Any] = {
        "interval": {"minutes": minutes}, "blackout": [{"cron": "30 20 * * *", "duration": f"PT{hours}H"}],
        "calendar": {"country": "JP", "only": "business_days"},
    }  # fmt: skip
    one = spec("a", target_url="https://example.com", **fields)
    listed = preview(
        one, zone=ZONE, created_at=CREATED, start=WEDNESDAY, count=5_000, until=datetime(2027, 3, 24, tzinfo=UTC)
    )
    found = ahead(8, **fields)
    until = [fire for fire in listed.fires if fire < datetime(2027, 3, 23, 15, tzinfo=UTC)]
    assert sum(day.runs for day in found[:7]) == len(until)
