"""Due times: tables of what happens where clocks change, two independent judges, and laws."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import exclusions, next_run
from myscheduler.core.schedule.slots import (
    Interval,
    Once,
    Schedule,
    count_between,
    last_until,
    next_after,
    slots_between,
)
from myscheduler.core.schedule.timestamps import parse_duration, parse_moment
from myscheduler.core.schedule.zones import check_zone, zone
from myscheduler.errors import ScheduleError

MINUTE = timedelta(minutes=1)
ZONES = (
    "Asia/Tokyo",
    "America/New_York",
    "Europe/London",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "UTC",
    "Pacific/Apia",
)
CHANGES = {
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Europe/London": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),  # half an hour
    "Africa/Casablanca": ("2025-02-23T02:00Z", "2025-04-06T02:00Z"),  # Ramadan
    "America/St_Johns": ("2010-03-14T03:31Z", "2010-11-07T02:31Z", "2026-11-01T04:30Z"),  # 00:01 back to 23:01
    "Pacific/Apia": ("2011-12-30T10:00Z", "2012-03-31T14:00Z"),  # a whole day is missing
    "Africa/Cairo": ("2026-04-23T22:00Z", "2026-10-29T21:00Z"),  # at midnight
    "Africa/Monrovia": ("1972-01-07T00:44:30Z",),  # odd seconds
    "Antarctica/Casey": ("2010-03-04T15:00Z", "2023-03-08T16:00Z"),  # three hours at once
}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _cron(crontab: Any, zone_name: str = "UTC") -> Cron:
    return Cron(parse_cron(crontab), zone_name)


def _walk(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count and (slot := next_after(schedule, found[-1] if found else after)) is not None:
        found.append(slot)
    return found


@pytest.mark.parametrize(
    ("crontab", "zone_name", "after", "expected"),
    [
        pytest.param("30 10 * * *", "Asia/Tokyo", "2026-07-01T01:29Z", ["07-01T01:30", "07-02T01:30"], id="Tokyo"),
        pytest.param("30 10 * * *", "Asia/Tokyo", "2026-07-01T01:30Z", ["07-02T01:30"], id="strictly after"),
        pytest.param("0 9 * * 1-5", "Asia/Tokyo", "2026-07-03T00:00Z", ["07-06T00:00"], id="over a weekend"),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"], id="gap: after"
        ),
        pytest.param(
            "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:00"], id="gap: one"
        ),
        pytest.param(
            "30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-29T01:30"], id="gap, next"
        ),
        pytest.param(
            "0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:00"], id="gap end due"
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-26T01:30"], id="repeat: once"
        ),
        pytest.param("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15Z", ["10-26T01:30"], id="repeat: not when begun"),
        pytest.param(
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00Z",
            ["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-26T01:00"],
            id="repeat: real time twice",
        ),
        pytest.param("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-30T00:00"], id="gap: real time not"),
        pytest.param(
            "0 * * * *",
            "America/New_York",
            "2026-11-01T04:30Z",
            ["11-01T05:00", "11-01T06:00", "11-01T07:00"],
            id="hourly",
        ),
        pytest.param(
            "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["10-03T15:30", "10-04T15:15"], id="half an hour"
        ),
        pytest.param(
            "30 10 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", ["12-30T10:00"], id="the missing day: right after"
        ),
        pytest.param("*/30 10 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", ["2012-12-29T20:00"], id="missing, real"),
        pytest.param(
            "30 23 * * *",
            "America/St_Johns",
            "2010-11-06T12:00Z",
            ["11-07T02:00", "11-08T03:00"],
            id="back to yesterday",
        ),
        pytest.param(
            "*/30 23 * * *",
            "America/St_Johns",
            "2010-11-06T12:00Z",
            ["11-07T01:30", "11-07T02:00", "11-07T03:00", "11-08T02:30"],
            id="back to yesterday, real time",
        ),
        pytest.param(
            {"hour": 2, "minute": 30, "second": "0,15"},
            "Europe/Berlin",
            "2026-03-28T12:00Z",
            ["03-29T01:00", "03-30T00:30", "03-30T00:30:15"],
            id="seconds in a gap",
        ),
        pytest.param({"year": 2025}, "UTC", "2026-01-01T00:00Z", [], id="in the past only"),
    ],
)
def test_cron_in_a_zone(crontab: Any, zone_name: str, after: str, expected: list[str]) -> None:
    start = _at(after)
    full = [_at(f"{each if each[4] == '-' else f'{start.year}-{each}'}Z") for each in expected]
    assert _walk(_cron(crontab, zone_name), start, max(1, len(full))) == full


def test_fractions_of_a_second_don_t_repeat_a_slot() -> None:
    slot = _at("2026-07-01T10:00Z")
    tick = timedelta(microseconds=1)
    assert next_after(_cron("0 10 * * *"), slot - tick) == slot
    assert next_after(_cron("0 10 * * *"), slot + tick) == slot + timedelta(days=1)
    assert last_until(_cron("0 10 * * *"), slot - tick, after=slot - timedelta(days=2)) == slot - timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param(Interval(timedelta(minutes=5), _at("2026-01-01T00:01Z")), "2026-01-01T00:06Z", "00:11", id="next"),
        pytest.param(
            Interval(timedelta(minutes=5), _at("2026-01-01T00:01Z")), "2026-01-01T00:08Z", "00:11", id="between"
        ),
        pytest.param(
            Interval(timedelta(minutes=5), _at("2026-01-01T00:01Z")), "2020-01-01T00:00Z", "00:06", id="first"
        ),
        pytest.param(Once(_at("2026-01-01T00:06Z")), "2026-01-01T00:05Z", "00:06", id="once, ahead"),
        pytest.param(Once(_at("2026-01-01T00:06Z")), "2026-01-01T00:06Z", None, id="once, over"),
    ],
)
def test_intervals_and_single_runs(schedule: Schedule, after: str, expected: str | None) -> None:
    assert next_after(schedule, _at(after)) == (expected and _at(f"2026-01-01T{expected}Z"))


def test_an_interval_is_longer_than_zero() -> None:
    with pytest.raises(ScheduleError, match="longer than zero"):
        Interval(timedelta(), _at("2026-01-01T00:00Z"))


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(_cron("* * * * *", "Pacific/Apia"), id="cron, ahead of UTC"),
        pytest.param(_cron("0 12 * * *", "America/New_York"), id="cron, behind UTC"),
        pytest.param(Interval(timedelta(days=999999), _at("2026-01-01T00:00Z")), id="long interval"),
        pytest.param(Interval(timedelta.max, _at("2026-01-01T00:00Z")), id="longest interval"),
        pytest.param(Interval(timedelta(microseconds=1), _at("9999-12-31T23:00Z")), id="shortest interval"),
        pytest.param(Once(datetime.max.replace(tzinfo=UTC)), id="once, at the end"),
    ],
)
def test_the_ends_of_time(schedule: Schedule) -> None:
    first, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert next_after(schedule, end) is None
    assert last_until(schedule, first, after=first) is None
    assert count_between(schedule, end, first) == 0
    for after in (first, end - timedelta(days=1), end - timedelta(days=3)):
        following = next_after(schedule, after)
        assert following is None or following > after
    latest = last_until(schedule, end, after=first)
    assert (latest is None) is (count_between(schedule, first, end) == 0)


def test_counting_the_whole_calendar_is_arithmetic() -> None:
    first, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    days = date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal() + 1
    assert count_between(_cron("*/5 * * * *"), first, end) == days * 288


# --- judges ---

PLAIN = st.tuples(
    st.sampled_from(["0", "30", "*", "*/5", "*/7", "1,31", "10-50/20", "0/30", "59"]),
    st.sampled_from(["*", "*/2", "0", "1", "2", "3", "0-3", "1,2,3", "23", "0,23", "*/12", "10"]),
    st.sampled_from(["*", "*/2", "1", "L", "LW", "29-31", "5,30"]),
    st.sampled_from(["*", "*/3", "3,4", "10-12", "12"]),
    st.sampled_from(["*", "0", "1-5", "MON#1", "0L", "7", "*/2", "SAT"]),
).map(" ".join)
NEAR_A_CHANGE = st.builds(
    lambda pair, offset: (pair[0], _at(pair[1]) + offset),
    st.sampled_from([(name, change) for name, changes in CHANGES.items() for change in changes]),
    st.timedeltas(timedelta(hours=-30), timedelta(hours=30)),
)
ANYWHERE = st.tuples(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1973, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
MOMENTS = st.one_of(NEAR_A_CHANGE, ANYWHERE)


def _cronsim(crontab: str, zone_name: str, after: datetime) -> Iterator[datetime]:
    """What cronsim says, without what it says twice for one gap or again for a repeated hour that has begun."""
    latest = after
    for local in CronSim(crontab, after.astimezone(zone(zone_name))):
        if (slot := local.astimezone(UTC)) > latest:
            yield slot
            latest = slot


@given(minute=st.integers(0, 59), hours=st.sets(st.integers(0, 23), min_size=1), rest=PLAIN, moment=MOMENTS)
@settings(max_examples=400, deadline=None)
def test_cronsim_agrees_on_fixed_times(minute: int, hours: set[int], rest: str, moment: tuple[str, datetime]) -> None:
    zone_name, after = moment
    if zone_name == "Africa/Monrovia":
        return  # cronsim leaves a gap in whole minutes
    crontab = " ".join([str(minute), ",".join(map(str, sorted(hours))), *rest.split()[2:]])
    expected = list(islice(_cronsim(crontab, zone_name, after), 4))
    assert _walk(_cron(crontab, zone_name), after, len(expected)) == expected


def _is_plain(moment: tuple[str, datetime]) -> bool:
    """An hour is changed, well after midnight: else cronsim skips real times (Lord_Howe) or hangs (St_Johns)."""
    return (
        moment[0] in {"Asia/Tokyo", "America/New_York", "Europe/London", "Europe/Berlin", "UTC"}
        and moment[1].year > 1990
    )


@given(crontab=PLAIN, moment=st.one_of(NEAR_A_CHANGE, ANYWHERE).filter(_is_plain))
@settings(max_examples=300, deadline=None)
def test_cronsim_agrees_on_any_expression_where_changes_are_plain(crontab: str, moment: tuple[str, datetime]) -> None:
    zone_name, after = moment
    expected = list(islice(_cronsim(crontab, zone_name, after), 4))
    assert _walk(_cron(crontab, zone_name), after, len(expected)) == expected


def _minute_by_minute(
    crontab: str, zone_name: str, start: datetime, minutes: int, *, overlap: str = "first", gap: str = "run"
) -> list[datetime]:
    """The rule itself, read off the wall clock once a minute; which times match is cronsim's word."""
    judge = CronSim(crontab, datetime(2000, 1, 1))  # noqa: DTZ001 - only asked for what matches
    minute, hour = crontab.split()[:2]
    real_time = minute.startswith("*") or hour.startswith("*")

    def matches(wall: datetime) -> bool:
        fields = wall.minute in judge.minutes and wall.hour in judge.hours and wall.month in judge.months
        return fields and judge.match_day(wall.date())

    found: list[datetime] = []
    shown = [(start + n * MINUTE).astimezone(zone(zone_name)).replace(tzinfo=None, fold=0) for n in range(minutes)]
    reached = shown[0]
    for n, wall in enumerate(shown[1:], start=1):
        passed = [reached + k * MINUTE for k in range(1, (wall - reached) // MINUTE + 1)]
        if real_time or gap == "skip" or (overlap == "both" and wall <= reached):
            passed = [wall] if real_time or overlap == "both" or wall > reached else []
        if any(map(matches, passed)):
            found.append(start + n * MINUTE)
        reached = max(reached, wall)
    return found


@given(crontab=PLAIN, moment=NEAR_A_CHANGE.filter(lambda pair: pair[0] != "Africa/Monrovia"))
@example(crontab="*/5 2 * * *", moment=("Australia/Lord_Howe", _at("2026-04-04T14:00Z")))
@example(crontab="* 0 * * *", moment=("Africa/Cairo", _at("2026-10-29T12:00Z")))
@settings(max_examples=150, deadline=None)
def test_the_rule_minute_by_minute_agrees(crontab: str, moment: tuple[str, datetime]) -> None:
    """From long before the change, so that the judge has seen the clock that it takes back."""
    zone_name, near = moment
    start = near.replace(second=0, microsecond=0) - timedelta(hours=36)
    expected = _minute_by_minute(crontab, zone_name, start, 60 * 60)
    after, until = near - timedelta(hours=12), start + 3599 * MINUTE
    window = [slot for slot in expected if slot > after]
    schedule = _cron(crontab, zone_name)
    assert list(slots_between(schedule, after, until)) == window
    assert count_between(schedule, after, until) == len(window)
    assert last_until(schedule, until, after=after) == (window[-1] if window else None)


@given(
    crontab=PLAIN,
    moment=NEAR_A_CHANGE.filter(lambda pair: pair[0] != "Africa/Monrovia"),
    gap=st.sampled_from(["run", "skip"]),
    overlap=st.sampled_from(["first", "both"]),
)
@example(crontab="15 2 * * *", moment=("Australia/Lord_Howe", _at("2026-04-04T14:00Z")), gap="run", overlap="both")
@example(crontab="15 2 * * *", moment=("Australia/Lord_Howe", _at("2026-10-03T14:00Z")), gap="skip", overlap="first")
@settings(max_examples=150, deadline=None)
def test_the_chosen_rule_minute_by_minute_agrees(
    crontab: str, moment: tuple[str, datetime], gap: Any, overlap: Any
) -> None:
    zone_name, near = moment
    start = near.replace(second=0, microsecond=0) - timedelta(hours=36)
    after, until = near - timedelta(hours=12), start + 3599 * MINUTE
    expected = _minute_by_minute(crontab, zone_name, start, 60 * 60, overlap=overlap, gap=gap)
    schedule = Cron(parse_cron(crontab), zone_name, gap, overlap)
    runs, slot = [], next_run(schedule, after)
    while slot is not None and slot <= until:
        runs.append(slot)
        slot = next_run(schedule, slot)
    assert runs == [slot for slot in expected if slot > after]
    left_out = [slot for slot in slots_between(schedule, after, until) if slot not in runs]
    assert left_out == [one.start for one in exclusions(schedule, after, until)]
    assert {one.why for one in exclusions(schedule, after, until)} <= {Reason.DST_GAP}


@pytest.mark.parametrize(
    ("options", "zone_name", "after", "expected"),
    [
        pytest.param(
            {"overlap": "both"}, "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-25T01:30"], id="both"
        ),
        pytest.param(
            {"overlap": "both"}, "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"], id="gap"
        ),
        pytest.param({"gap": "skip"}, "Europe/Berlin", "2026-03-28T12:00Z", ["03-30T00:30", "03-31T00:30"], id="skip"),
        pytest.param(
            {"gap": "skip"}, "Asia/Tokyo", "2026-03-28T12:00Z", ["03-28T17:30", "03-29T17:30"], id="no change"
        ),
    ],
)
def test_options_where_clocks_change(options: dict[str, Any], zone_name: str, after: str, expected: list[str]) -> None:
    schedule = Cron(parse_cron("30 2 * * *"), zone_name, **options)
    first = next_run(schedule, _at(after))
    assert first is not None
    second = next_run(schedule, first)
    assert [f"{one:%m-%dT%H:%M}" for one in (first, second) if one] == expected


# --- laws ---

SECONDS = st.fixed_dictionaries(
    {"hour": st.sampled_from(["*", "2", "0-3", "*/6"]), "minute": st.sampled_from(["*", "0", "15,45"])},
    optional={"second": st.sampled_from(["*/20", "30", "0,59"]), "day_of_week": st.sampled_from(["*", "0", "1-5"])},
)
CRONS = st.one_of(PLAIN, SECONDS)


def _schedules(zone_name: str, near: datetime) -> st.SearchStrategy[Schedule]:
    moments = st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    every = st.timedeltas(timedelta(seconds=1), timedelta(days=400))
    return st.one_of(
        st.builds(
            lambda declared, gap, overlap: Cron(parse_cron(declared), zone_name, gap, overlap),
            CRONS,
            st.sampled_from(["run", "skip"]),
            st.sampled_from(["first", "both"]),
        ),
        st.builds(Interval, every, st.one_of(st.just(near), moments)),
        st.builds(Once, st.one_of(st.just(near), moments)),
    )


CASES = MOMENTS.flatmap(lambda pair: st.tuples(_schedules(*pair), st.just(pair[1])))


@given(case=CASES, length=st.timedeltas(timedelta(0), timedelta(days=3)))
@settings(max_examples=300, deadline=None)
def test_the_four_questions_have_one_answer(case: tuple[Schedule, datetime], length: timedelta) -> None:
    schedule, after = case
    slots = list(islice(slots_between(schedule, after, after + length), 400))
    until = after + length if len(slots) < 400 else slots[-1]
    assert all(one < other for one, other in pairwise([after, *slots]))
    assert count_between(schedule, after, until) == len(slots)
    assert last_until(schedule, until, after=after) == (slots[-1] if slots else None)
    for one, other in pairwise(slots[:20]):
        assert last_until(schedule, other - timedelta(microseconds=1), after=after) == one
        assert count_between(schedule, one, other) == 1


@given(case=CASES, after=st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=300, deadline=None)
def test_next_is_later_and_nothing_lies_between(case: tuple[Schedule, datetime], after: datetime) -> None:
    schedule, _ = case
    following = next_after(schedule, after)
    if following is None:
        assert last_until(schedule, datetime.max.replace(tzinfo=UTC), after=after) is None
    else:
        assert following > after
        assert count_between(schedule, after, following) == 1
        assert last_until(schedule, following, after=after) == following


@given(case=CASES, days=st.lists(st.integers(0, 4000), min_size=3, max_size=3).map(sorted))
@settings(max_examples=150, deadline=None)
def test_counts_add_up(case: tuple[Schedule, datetime], days: list[int]) -> None:
    schedule, near = case
    first, middle, end = (near + timedelta(days=day) for day in days)
    parts = count_between(schedule, first, middle) + count_between(schedule, middle, end)
    assert count_between(schedule, first, end) == parts


# --- zones and single runs ---


@pytest.mark.parametrize("name", [*ZONES, "GMT", "Etc/GMT+9", "US/Eastern", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_database(name: str) -> None:
    check_zone(name)
    assert zone(name).key == name
    assert zone(name) is zone(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("Asia/Tokio", "did you mean Asia/Tokyo?", id="typing error"),
        pytest.param("asia/tokyo", "did you mean Asia/Tokyo?", id="lower case"),
        pytest.param("Tokyo", "did you mean Asia/Tokyo?", id="city alone"),
        pytest.param("XYZT", "'XYZT' is not a time zone; write an IANA name", id="no idea"),
        pytest.param("", "'' is not a time zone", id="empty"),
        pytest.param("../x", "'../x' is not", id="path"),
        pytest.param("../../tzdata/zoneinfo/Asia/Tokyo", "is not a time zone", id="path that leads to a zone"),
        pytest.param("/etc/localtime", "is not a time zone", id="absolute path"),
        pytest.param("\0", r"'\x00' is not", id="NUL"),
        pytest.param("posixrules", "is not a time zone", id="posixrules"),
        pytest.param("leapseconds", "is not a time zone", id="leapseconds"),
        pytest.param("zone.tab", "is not a time zone", id="table"),
        pytest.param("Asia", "is not a time zone", id="directory"),
        pytest.param("Factory", "is not a time zone", id="placeholder of the database"),
        pytest.param("localtime", "is not a time zone", id="localtime"),
        pytest.param("x" * 10000, "is not a time zone", id="long"),
    ],
)
def test_no_zone(name: str, message: str) -> None:
    for ask in (check_zone, zone):
        with pytest.raises(ScheduleError) as caught:
            ask(name)
        assert caught.value.field == "timezone"
        assert message in str(caught.value)
        assert len(str(caught.value)) < 200


def test_the_system_s_zone_files_are_not_read(tmp_path: Path) -> None:
    """The system's Tokyo is made a copy of UTC."""
    (tmp_path / "Asia").mkdir()
    (tmp_path / "Asia" / "Tokyo").write_bytes(files("tzdata").joinpath("zoneinfo", "UTC").read_bytes())
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    zone.cache_clear()
    try:
        assert zoneinfo.ZoneInfo.no_cache("Asia/Tokyo").utcoffset(_at("2026-01-01T00:00Z")) == timedelta()
        assert parse_moment("2026-01-01T09:00", "Asia/Tokyo") == _at("2026-01-01T00:00Z")
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-04-01T09:00:00+09:00", "2026-04-01T00:00:00Z", id="offset"),
        pytest.param("2026-04-01T09:00:00Z", "2026-04-01T09:00:00Z", id="Z"),
        pytest.param("2026-04-01t09:00:00z", "2026-04-01T09:00:00Z", id="small letters"),
        pytest.param("2026-04-01 09:00:00-05:30", "2026-04-01T14:30:00Z", id="space"),
        pytest.param("2026-04-01T09:00:00.25Z", "2026-04-01T09:00:00.250Z", id="fraction"),
        pytest.param("2026-04-01T09:00:00.123456789Z", "2026-04-01T09:00:00.123456Z", id="nanoseconds are cut"),
        pytest.param(" 2026-04-01T09:00 ", "2026-04-01T07:00:00Z", id="local"),
        pytest.param("2026-01-01 09:00:00.5", "2026-01-01T08:00:00.5Z", id="local in winter"),
        pytest.param("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", id="offset in a repeated hour"),
        pytest.param(datetime(2026, 4, 1, 9), "2026-04-01T07:00:00Z", id="local datetime"),  # noqa: DTZ001
        pytest.param(datetime(2026, 4, 1, 9, tzinfo=UTC), "2026-04-01T09:00:00Z", id="aware datetime"),
        pytest.param("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", id="first"),
        pytest.param("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z", id="last"),
    ],
)
def test_run_at(text: str | datetime, expected: str) -> None:
    moment = parse_moment(text, "Europe/Berlin")
    assert moment == _at(expected)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("2026-03-29T02:30:00", "2026-03-29 02:30:00 in Europe/Berlin doesn't exist", id="gap"),
        pytest.param(
            "2026-10-25T02:30", "write the offset, 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00", id="twice"
        ),
        pytest.param("2026-04-01", "is not a date with a time; write a time like 2026-04-01T09:00:00+09:00", id="date"),
        pytest.param(date(2026, 4, 1), "is not a date with a time", id="a date object"),
        pytest.param(5, "is not a date with a time", id="a number"),
        pytest.param("", "is not a date with a time", id="empty"),
        pytest.param("tomorrow", "is not a date with a time", id="word"),
        pytest.param("20260401T090000Z", "is not a date with a time", id="basic form"),
        pytest.param("2026-W14-3T09:00Z", "is not a date with a time", id="week form"),
        pytest.param("2026-04-01T24:00:00Z", "is not a date with a time", id="hour 24"),
        pytest.param("２026-04-01T09:00:00Z", "is not a date with a time", id="full-width digit"),
        pytest.param("2026-04-31T09:00:00Z", "is not a time that exists", id="31 April"),
        pytest.param("2026-04-01T09:00:60Z", "is not a time that exists", id="leap second"),
        pytest.param("2026-04-01T09:00:00+99:00", "is not a time that exists", id="offset too far"),
        pytest.param("1969-12-31T23:59:59Z", "outside of the years 1970 to 9999", id="too early"),
        pytest.param("0001-01-01T00:00:00+14:00", "outside of the years", id="before time"),
        pytest.param("9999-12-31T23:59:59-14:00", "outside of the years", id="after time"),
        pytest.param(datetime(1, 1, 1), "outside of the years", id="local, before time"),  # noqa: DTZ001
    ],
)
def test_run_at_is_refused(text: Any, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_moment(text, "Europe/Berlin")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fold", "moment"),
    [
        pytest.param("2026-10-25T02:30", 0, "2026-10-25T00:30Z", id="the first"),
        pytest.param("2026-10-25T02:30", 1, "2026-10-25T01:30Z", id="the second"),
        pytest.param("2026-10-25T12:00", 1, "2026-10-25T11:00Z", id="comes once"),
        pytest.param("2026-10-25T02:30+02:00", 1, "2026-10-25T00:30Z", id="the offset says it"),
    ],
)
def test_fold(text: str, fold: int, moment: str) -> None:
    assert parse_moment(text, "Europe/Berlin", fold=fold) == datetime.fromisoformat(moment)


def test_no_fold_makes_a_time_that_the_clock_jumps_over() -> None:
    with pytest.raises(ScheduleError, match="doesn't exist"):
        parse_moment("2026-03-29T02:30", "Europe/Berlin", fold=1)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("PT10M", {"minutes": 10}),
        ("pt1h30m", {"hours": 1, "minutes": 30}),
        ("P1DT12H", {"days": 1, "hours": 12}),
        ("P2W", {"weeks": 2}),
        ("PT90S", {"seconds": 90}),
    ],
)
def test_durations(text: str, units: dict[str, int]) -> None:
    assert dict(parse_duration(text)) == units


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "10M", "P1M", "P1Y", "PT1.5H", "-PT1H", "P1W2D", "PT1M1H", "P1DT", "1"]
)
def test_durations_that_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="write one such as PT10M"):
        parse_duration(text)


TIMES = st.from_regex(r"\A\d{4}-[01]\d-[0-3]\d[T ][012]\d:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-][0-9]\d:\d\d)?\Z")


@given(
    text=st.one_of(st.text(max_size=40), TIMES, st.datetimes(timezones=st.none() | st.timezones())),
    name=st.sampled_from(ZONES),
)
@settings(max_examples=500, deadline=None)
def test_any_run_at_is_read_or_refused(text: str | datetime, name: str) -> None:
    try:
        moment = parse_moment(text, name)
    except ScheduleError:
        return  # the only error there may be
    else:
        assert 1970 <= moment.year <= 9999
