"""The slots of a span all at once: the law that they are those found one by one."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.expansion import expand, to_datetime, to_micros
from myscheduler.core.schedule.slots import Interval, Once, Schedule, slots_between

ZONES = ("Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia")
CHANGES = ("2026-03-08T07:00Z", "2026-11-01T06:00Z", "2026-04-04T15:00Z", "2026-10-03T15:30Z", "2025-02-23T02:00Z",
           "2026-10-29T21:00Z", "2011-12-30T10:00Z")  # fmt: skip
_NEAR = st.builds(
    lambda change, offset: datetime.fromisoformat(change) + offset,
    st.sampled_from(CHANGES),
    st.timedeltas(timedelta(days=-4), timedelta(days=4)),
)
_CRONS = st.builds(
    lambda fields, zone, gap, overlap: Cron(parse_cron(fields), zone, gap, overlap),
    st.sampled_from(
        ["30 2 * * *", "0,30 1-3 * * *", "*/7 * * * *", "0 * * * *", "15 0 * * *", "0 0 L * *", "59 23 * * 1-5",
         {"hour": "2,3", "minute": "*/20", "second": "5,55"}]
    ),
    st.sampled_from(ZONES),
    st.sampled_from(["run", "skip"]),
    st.sampled_from(["first", "both"]),
)  # fmt: skip
_SCHEDULES: st.SearchStrategy[Any] = (
    _CRONS | st.builds(Interval, st.timedeltas(timedelta(minutes=5), timedelta(days=3)), _NEAR) | st.builds(Once, _NEAR)
)


@given(schedule=_SCHEDULES, after=_NEAR, span=st.timedeltas(timedelta(), timedelta(days=6)))
@example(
    schedule=Cron(parse_cron("30 2,3 * * *"), "America/New_York", "run", "both"),
    after=datetime(2026, 3, 7, tzinfo=UTC),
    span=timedelta(days=3),
)
def test_they_are_those_found_one_by_one(schedule: Schedule, after: datetime, span: timedelta) -> None:
    parts = list(expand(schedule, after, after + span))
    assert all(parts)
    assert list(map(to_datetime, chain(*parts))) == list(slots_between(schedule, after, after + span))


def test_moments_and_micros_are_each_others_inverse() -> None:
    moment = datetime(2026, 7, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    assert to_datetime(to_micros(moment)) == moment


def test_times_outside_of_the_calendar_are_none() -> None:
    first, early = datetime.min.replace(tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)
    assert list(expand(Cron(parse_cron("0 0 * * *"), "UTC"), first, early)) == []
