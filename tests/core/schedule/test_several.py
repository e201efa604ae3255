"""Several cron schedules of one job: the law that they are the union of what each of them says."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spacing import shortest_distance
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.calendars import Calendar, Shift, WorkingDays
from myscheduler.core.schedule.cron import Cron, Several, swallowing
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import exclusions
from myscheduler.core.schedule.expansion import expand, to_datetime
from myscheduler.core.schedule.slots import count_between, last_until, next_after, slots_between
from myscheduler.core.schedule.zones import to_second

CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Asia/Tokyo": ("2026-12-31T15:00Z",),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),
    "Africa/Casablanca": ("2025-02-23T02:00Z", "2025-04-06T02:00Z"),
    "Africa/Cairo": ("2026-04-23T22:00Z", "2026-10-29T21:00Z"),
    "Pacific/Apia": ("2011-12-30T10:00Z", "2012-03-31T14:00Z"),
    "Pacific/Kiritimati": ("1994-12-31T10:00Z",),  # the last day of a year is missing
}
TEXTS: st.SearchStrategy[Any] = st.sampled_from(
    ["30 2 * * *", "0 3 * * *", "0,30 1-3 * * *", "*/30 * * * *", "15 */2 * * *", "0 9 * * 1-5", "0 9 L * *",
     "30 0 * * *", "0 12 * * 6", "59 23 31 12 *", "* * * * *",
     {"hour": "2,3", "minute": "*/20", "second": "5,55"}, {"year": "2011-2026/5", "day": 31, "hour": 10}]
)  # fmt: skip
NEAR = st.builds(
    lambda pair, hours: (pair[0], datetime.fromisoformat(pair[1]) + timedelta(hours=hours)),
    st.sampled_from([(name, change) for name, changes in CHANGES.items() for change in changes]),
    st.integers(-80, 40),
)
FIRST, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@given(
    texts=st.lists(TEXTS, min_size=2, max_size=4),
    moment=NEAR,
    hours=st.integers(0, 100),
    gap=st.sampled_from(["run", "skip"]),
    overlap=st.sampled_from(["first", "both"]),
)
@example(["30 2 * * *", "0 3 * * *"], ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC)), 60, "skip", "both")
@example(["30 10 30 12 *", "0 0 31 12 *"], ("Pacific/Apia", datetime(2011, 12, 27, tzinfo=UTC)), 99, "run", "first")
@settings(max_examples=120, deadline=None)
def test_slots_are_the_union(
    texts: list[Any],
    moment: tuple[str, datetime],
    hours: int,
    gap: Literal["run", "skip"],
    overlap: Literal["first", "both"],
) -> None:
    zone_name, after = moment
    until = after + timedelta(hours=hours)
    members = tuple(Cron(parse_cron(text), zone_name, gap, overlap) for text in texts)
    schedule = Several(members)
    expected = sorted(set(chain(*(slots_between(one, after, until) for one in members))))
    assert list(slots_between(schedule, after, until)) == expected
    assert list(map(to_datetime, chain(*expand(schedule, after, until)))) == expected
    assert count_between(schedule, after, until) == len(expected)
    assert last_until(schedule, until, after=after) == (expected[-1] if expected else None)
    for one, other in pairwise(expected[:30]):
        assert count_between(schedule, one, other) == 1
    left_out = [{slot for slot in slots_between(one, after, until) if _is_left_out(one, slot)} for one in members]
    kept = set(
        chain(*(set(slots_between(one, after, until)) - out for one, out in zip(members, left_out, strict=True)))
    )
    assert [one.start for one in exclusions(schedule, after, until)] == sorted(set(chain(*left_out)) - kept)


def _is_left_out(schedule: Cron, slot: datetime) -> bool:
    return schedule.gap == "skip" and any(swallowing(schedule, to_second(slot), to_second(slot)))


@given(
    texts=st.lists(TEXTS, min_size=2, max_size=3),
    zone_name=st.sampled_from(sorted(CHANGES)),
    start=st.dates(date(1969, 12, 1), date(2030, 1, 1)),
    days=st.integers(300, 1_200),
    shift=st.sampled_from([None, None, "next", "previous"]),
)
@settings(max_examples=25, deadline=None)
def test_long_counts_are_those_of_the_slots(
    texts: list[Any], zone_name: str, start: date, days: int, shift: Literal["next", "previous"] | None
) -> None:
    if any(text in ("* * * * *", "*/30 * * * *") for text in texts):
        texts = ["0 9 * * *", "0 9 * * 1-5", "30 2 * * *"]
    rule = Shift(WorkingDays(Calendar("JP"), weekends=True), shift) if shift else None
    after = datetime.combine(start, datetime.min.time(), UTC)
    until = after + timedelta(days=days, hours=7)
    members = [Cron(replace(parse_cron(text), shift=rule), zone_name) for text in texts]
    expected = set(chain(*(chain(*expand(one, after, until)) for one in members)))
    assert count_between(Several(tuple(members)), after, until) == len(expected)


def test_years_are_alike_and_counted_as_often_as_they_come() -> None:
    members = tuple(Cron(parse_cron(text), "Europe/Berlin") for text in ("30 2 * * 0", "0 9 * * 1,3", "0 9 29 2 *"))
    thousand = datetime(3000, 5, 5, tzinfo=UTC), datetime(4000, 5, 5, tzinfo=UTC)
    expected = set(chain(*(chain(*expand(one, *thousand)) for one in members)))
    assert count_between(Several(members), *thousand) == len(expected)


def test_some_years_only() -> None:
    texts: list[Any] = [{"year": "2500-2599", "hour": 3}, {"year": "2550", "hour": "3,4"}]
    members = tuple(Cron(parse_cron(text), "Europe/Berlin") for text in texts)
    days = date(2600, 1, 1).toordinal() - date(2500, 1, 1).toordinal()
    assert count_between(Several(members), FIRST, END) == days + 365


def test_the_ends_of_time() -> None:
    schedule = Several(tuple(Cron(parse_cron(text), "Pacific/Apia") for text in ("0 0 * * *", "59 23 * * *")))
    assert next_after(schedule, END) is None
    assert last_until(schedule, FIRST, after=FIRST) is None
    assert count_between(schedule, END, FIRST) == 0
    days = date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal() + 1
    assert 2 * days - 4 <= count_between(schedule, FIRST, END) <= 2 * days


# --- as jobs ---


def _spec(**fields: Any) -> JobSpec:
    spec, complaints = declare({"job_id": "a", "target_url": "http://x", **fields}, zone="Asia/Tokyo")
    assert spec is not None, complaints
    return spec


def test_what_is_stored_is_what_is_read() -> None:
    spec = _spec(cron=["0 9 * * 1-5", {"hour": 12}], day_match="all", dst={"gap": "skip"})
    assert from_json(to_json(spec)) == spec
    assert to_json(spec)["cron"] == [
        {"minute": "0", "hour": "9", "day": "*", "month": "*", "day_of_week": "1-5"},
        {"hour": "12"},
    ]


def test_the_order_in_which_they_are_written_is_no_meaning() -> None:
    one, other = _spec(cron=["0 9 * * *", "0 8 * * *"]), _spec(cron=["0 8 * * *", "0 9 * * *", "0 09 * * *"])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert compile_schedule(one, zone="UTC", created_at=now) == compile_schedule(other, zone="UTC", created_at=now)


def test_each_is_moved_from_closed_days() -> None:
    spec = _spec(
        cron=["0 9 1 * *", "0 10 L * *"],
        calendar={"country": "JP", "only": "business_days", "shift": "next"},
        timezone="Asia/Tokyo",
    )
    schedule = compile_schedule(spec, zone="UTC", created_at=FIRST)
    found = list(slots_between(schedule, datetime(2026, 10, 15, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)))
    assert [f"{slot:%m-%d %H}" for slot in found] == ["11-02 00", "11-02 01", "11-30 01", "12-01 00"]


@pytest.mark.parametrize(
    ("crons", "expected"),
    [
        pytest.param(["0 9 * * *", "0 12 * * *"], timedelta(hours=3), id="within a day"),
        pytest.param(["0 9 * * mon", "0 12 * * tue"], timedelta(hours=27), id="from one day to the next"),
        pytest.param(["0 23 * * sun", "0 1 * * mon"], timedelta(hours=2), id="over midnight"),
        pytest.param(["0 9 * * mon", "0 9 * * mon"], timedelta(days=7), id="the same twice"),
        pytest.param(["0 9 1 * *", "0 9 29 2 *"], timedelta(days=1), id="only in leap years"),
        pytest.param(["59 23 31 12 *", "1 0 1 1 *"], timedelta(minutes=2), id="over the turn of the year"),
        pytest.param(
            [{"year": 2050, "hour": 9}, {"year": 2051, "hour": "9", "minute": "0,1"}], timedelta(minutes=1), id="years"
        ),
        pytest.param([{"year": 2050, "month": 1, "day": 1}, {"year": 2090, "month": 1, "day": 1}],
                     timedelta(days=14_610), id="two in a century"),
        pytest.param([{"second": "0-58/2"}, {"second": "1-59/2"}], timedelta(seconds=1), id="each second"),
    ],
)  # fmt: skip
def test_how_close_they_come(crons: list[Any], expected: timedelta) -> None:
    assert shortest_distance(_spec(cron=crons).schedule) == expected


@given(texts=st.lists(TEXTS, min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_no_two_slots_are_closer_and_some_are_so_close(texts: list[Any]) -> None:
    schedule = compile_schedule(_spec(cron=texts, timezone="UTC"), zone="UTC", created_at=FIRST)
    span = datetime(2010, 12, 1, tzinfo=UTC), datetime(2012, 3, 2, tzinfo=UTC)  # two turns of the year, and a leap day
    slots = list(chain(*expand(schedule, *span)))
    closest = shortest_distance(_spec(cron=texts).schedule)
    assert closest == timedelta(microseconds=min(after - before for before, after in pairwise(slots)))


def test_an_instant_is_shown_once() -> None:
    """Berlin's gap swallows two of them at once, and the third is due just then."""
    schedule = compile_schedule(
        _spec(cron=["15 2 * * *", "45 2 * * *", "0 3 * * *"], timezone="Europe/Berlin"), zone="UTC", created_at=FIRST
    )
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert list(slots_between(schedule, start, start + timedelta(hours=20))) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
