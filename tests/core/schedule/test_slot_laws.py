"""Due times of any schedule near any change of a clock: two independent judges, and laws."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

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
from myscheduler.core.schedule.zones import zone
from tests.support.slots import ZONES, at, cron, walk

MINUTE = timedelta(minutes=1)
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
PLAIN = st.tuples(
    st.sampled_from(["0", "30", "*", "*/5", "*/7", "1,31", "10-50/20", "0/30", "59"]),
    st.sampled_from(["*", "*/2", "0", "1", "2", "3", "0-3", "1,2,3", "23", "0,23", "*/12", "10"]),
    st.sampled_from(["*", "*/2", "1", "L", "LW", "29-31", "5,30"]),
    st.sampled_from(["*", "*/3", "3,4", "10-12", "12"]),
    st.sampled_from(["*", "0", "1-5", "MON#1", "0L", "7", "*/2", "SAT"]),
).map(" ".join)
NEAR_A_CHANGE = st.builds(
    lambda pair, offset: (pair[0], at(pair[1]) + offset),
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
    assert walk(cron(crontab, zone_name), after, len(expected)) == expected


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
    assert walk(cron(crontab, zone_name), after, len(expected)) == expected


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
@example(crontab="*/5 2 * * *", moment=("Australia/Lord_Howe", at("2026-04-04T14:00Z")))
@example(crontab="* 0 * * *", moment=("Africa/Cairo", at("2026-10-29T12:00Z")))
@settings(max_examples=150, deadline=None)
def test_the_rule_minute_by_minute_agrees(crontab: str, moment: tuple[str, datetime]) -> None:
    """From long before the change, so that the judge has seen the clock that it takes back."""
    zone_name, near = moment
    start = near.replace(second=0, microsecond=0) - timedelta(hours=36)
    expected = _minute_by_minute(crontab, zone_name, start, 60 * 60)
    after, until = near - timedelta(hours=12), start + 3599 * MINUTE
    window = [slot for slot in expected if slot > after]
    schedule = cron(crontab, zone_name)
    assert list(slots_between(schedule, after, until)) == window
    assert count_between(schedule, after, until) == len(window)
    assert last_until(schedule, until, after=after) == (window[-1] if window else None)


@given(
    crontab=PLAIN,
    moment=NEAR_A_CHANGE.filter(lambda pair: pair[0] != "Africa/Monrovia"),
    gap=st.sampled_from(["run", "skip"]),
    overlap=st.sampled_from(["first", "both"]),
)
@example(crontab="15 2 * * *", moment=("Australia/Lord_Howe", at("2026-04-04T14:00Z")), gap="run", overlap="both")
@example(crontab="15 2 * * *", moment=("Australia/Lord_Howe", at("2026-10-03T14:00Z")), gap="skip", overlap="first")
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
