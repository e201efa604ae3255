"""Blackouts without bounds in what they say: laws against the rules one by one, and work that is counted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.dispatch.admission import admit
from myscheduler.core.findings.problem import Severity
from myscheduler.core.history.execution import Status
from myscheduler.core.load.starts import Horizon, ManySlots, _few_slots, find_slots
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.exclusion_fields import MOST_BLACKOUTS, MOST_DAYS
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import Calendar, WorkingDays, closed_on, parse_days
from myscheduler.core.schedule.cron import Cron, OnClock, Several, WallInterval
from myscheduler.core.schedule.darkness import _Recurring
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import (
    count_runs,
    exclusion_at,
    exclusions,
    free_seconds,
    next_run,
    search_run,
)
from myscheduler.core.schedule.expansion import to_micros
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.search import MOST_STEPS, GivenUp, Search
from myscheduler.core.schedule.seconds import due_between, every, runs_of, spread
from myscheduler.core.schedule.slots import TICK, Adjusted, Interval, Period, Recurring, slots_between
from myscheduler.core.schedule.strides import Stride
from myscheduler.core.schedule.zones import to_instant, to_second, zone

ZONES = ("America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo", "UTC")
STARTS = {
    "America/New_York": ["2026-03-06", "2026-10-30"],
    "Australia/Lord_Howe": ["2026-04-03", "2026-10-02"],
    "Africa/Casablanca": ["2026-02-13", "2026-03-20"],
    "Asia/Tokyo": ["2026-12-29"],
    "UTC": ["2028-02-26"],
}
"""Shortly before a change of the clock, the turn of a year, a leap day."""
SECOND = timedelta(seconds=1)
CRONS = st.sampled_from(
    ["* * * * *", "*/7 * * * *", "0 * * * *", "0 1 * * *", "30 1-2 * * *", "0 0 * * *", "0 0 * * 0", "15 */5 1,29 * *"]
)
LENGTHS = st.sampled_from([1, 59, 61, 420, 3_540, 3_600, 7_201, 82_800, 86_399, 86_400, 90_001, 300_000])


def _cron(text: Any, zone_name: str, **options: Any) -> Cron:
    return Cron(parse_cron(text), zone_name, **options)


@st.composite
def _limited(draw: st.DrawFn) -> tuple[Adjusted, datetime]:
    name = draw(st.sampled_from(ZONES))
    start = datetime.fromisoformat(draw(st.sampled_from(STARTS[name]))).replace(tzinfo=UTC)
    start += timedelta(minutes=draw(st.integers(0, 4_000)))
    rhythm = draw(
        st.builds(
            lambda text, gap, overlap: _cron(text, name, gap=gap, overlap=overlap),
            st.sampled_from(["*/10 * * * *", "30 1 * * *", "30 2 * * *", "5 */3 * * *", "0 0 * * *"]),
            st.sampled_from(["run", "skip"]),
            st.sampled_from(["first", "both"]),
        )
        | st.builds(
            lambda seconds: Interval(timedelta(seconds=seconds), start - timedelta(days=1)),
            st.sampled_from([600, 3_600, 5_003, 86_400, 93_600]),
        )
        | st.builds(
            lambda minute, days, gap, overlap: WallInterval(
                Stride((start.toordinal() - 3) * DAY + minute * 60, days=days), name, gap, overlap
            ),
            st.sampled_from([0, 90, 150, 1_439]),
            st.integers(1, 3),
            st.sampled_from(["run", "skip"]),
            st.sampled_from(["first", "both"]),
        )
        | st.builds(
            lambda texts, gap, overlap: Several(tuple(_cron(text, name, gap=gap, overlap=overlap) for text in texts)),
            st.lists(
                st.sampled_from(["30 2 * * *", "0 3 * * *", "*/30 2 * * *", "0 0 * * 0-3", "45 23 * * *"]),
                min_size=2,
                max_size=3,
                unique=True,
            ),
            st.sampled_from(["run", "skip"]),
            st.sampled_from(["first", "both"]),
        )
    )
    recurring = st.builds(lambda text, lasts: Recurring(_cron(text, name), timedelta(seconds=lasts)), CRONS, LENGTHS)
    period = st.builds(
        lambda after, lasts: Period(start + timedelta(minutes=after), start + timedelta(minutes=after + lasts)),
        st.integers(-500, 9_000),
        st.integers(1, 3_000),
    )
    schedule = Adjusted(
        rhythm,
        timedelta(seconds=draw(st.sampled_from([0, 0, 90, 7_000, 86_399]))),
        blackouts=tuple(draw(st.lists(recurring | period, max_size=5))),
        days=draw(st.sampled_from([None, None, WorkingDays(Calendar(None, None, ("12-30",)), weekends=True)])),
        zone=name,
    )
    return schedule, start


def _dark(blackout: Period | Recurring, slot: datetime) -> Iterator[tuple[datetime, datetime]]:
    if isinstance(blackout, Period):
        found = [(blackout.start, blackout.end)]
    else:
        openings = slots_between(blackout.opens, slot - blackout.lasts, slot)
        found = [(opening, opening + blackout.lasts) for opening in islice(openings, 1)]
    return (one for one in found if one[0] <= slot < one[1])


def _why(schedule: Adjusted, slot: datetime) -> Reason | None:
    """By the rules as they are written down: of what covers a slot, that counts which began first."""
    found = [(*one, Reason.BLACKOUT) for blackout in schedule.blackouts for one in _dark(blackout, slot)]
    meant = slot - schedule.offset
    if isinstance(schedule.rhythm, OnClock) and exclusion_at(schedule.rhythm, meant):
        found.append((slot, slot + SECOND, Reason.DST_GAP))
    day = meant.astimezone(zone(schedule.zone)).date()
    if schedule.days and (closed := closed_on(schedule.days, day)):
        midnights = (datetime.combine(one, time(), zone(schedule.zone)) for one in (day, day + timedelta(days=1)))
        start, end = (one.astimezone(UTC) + schedule.offset for one in midnights)
        found.append((start, end, closed))
    return min(found)[2] if found else None


@settings(max_examples=40)  # each example is many slots
@given(limited=_limited(), hours=st.integers(0, 40))
def test_stretches_say_of_each_slot_what_the_rules_say(limited: tuple[Adjusted, datetime], hours: int) -> None:
    schedule, start = limited
    end = start + timedelta(hours=hours)
    left_out = list(exclusions(schedule, start, end))
    slots = list(slots_between(schedule, start, end))
    for slot in slots:
        found = [one.why for one in left_out if one.start <= slot < one.end]
        assert found == [why for why in [_why(schedule, slot)] if why], slot
    for slot in slots[::7]:
        assert exclusion_at(schedule, slot) == _why(schedule, slot)
    assert count_runs(schedule, start, end) == sum(_why(schedule, slot) is None for slot in slots)


@settings(max_examples=40)
@given(limited=_limited())
def test_a_search_by_days_finds_what_a_walk_from_slot_to_slot_finds(limited: tuple[Adjusted, datetime]) -> None:
    schedule, start = limited
    horizon = start + timedelta(days=3)
    expected = next((slot for slot in slots_between(schedule, start, horizon) if not _why(schedule, slot)), None)
    run = next_run(schedule, start)
    assert (run if run is not None and run <= horizon else None) == expected
    plain = Adjusted(
        schedule.rhythm, schedule.offset, blackouts=tuple(b for b in schedule.blackouts if isinstance(b, Recurring)),
        days=schedule.days, zone=schedule.zone,
    )  # fmt: skip
    first = next(slots_between(schedule, start, horizon), None)
    if first is None:
        return
    try:
        found = Search(plain).first_from(to_second(first))
    except GivenUp:  # an interval that meets each day at other times, and finds it dark for too many days
        assert isinstance(plain.rhythm, Interval)
        assert DAY % plain.rhythm.every.total_seconds()
        found = None
    wanted = next((slot for slot in slots_between(plain, start, horizon) if not _why(plain, slot)), None)
    assert (found if found is not None and found <= to_second(horizon) else None) == (wanted and to_second(wanted))


@settings(max_examples=60)
@given(
    limited=_limited(), dense=st.booleans(), odd=st.sampled_from([0, 250_000]), hours=st.integers(0, 30),
    offset=st.sampled_from([0, 1, 59, 61, 3_599]),
)  # fmt: skip
def test_many_slots_are_counted_as_few_are(
    limited: tuple[Adjusted, datetime], dense: bool, odd: int, hours: int, offset: int
) -> None:
    schedule, start = limited
    if dense:
        rhythm = Interval(timedelta(seconds=7), start + timedelta(minutes=30, microseconds=odd))
        schedule = replace(schedule, rhythm=rhythm, offset=timedelta(seconds=90))
    span = Horizon(start, start + timedelta(hours=hours, minutes=1), schedule.zone)
    few = _few_slots(schedule, start - timedelta(hours=1) - TICK, span.until - TICK, to_micros(start))
    many = ManySlots(free_seconds(schedule, start - timedelta(hours=1) - TICK, span.until - TICK), -60)
    assert +many.per_minute(offset) == few.per_minute(offset)
    assert many.shortest_gap == few.shortest_gap
    for minute in range(-60, span.minutes + 60, 7):
        assert many.start_in(minute, offset) == few.start_in(minute, offset)
        assert many.meet(frozenset({minute}), offset) == few.meet(frozenset({minute}), offset)


def test_the_starts_of_hostile_jobs_are_counted_without_telling_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Iterator[Any]:
        pytest.fail("slots are told one by one")

    monkeypatch.setattr("myscheduler.core.load.starts.exclusions", refuse)
    monkeypatch.setattr("myscheduler.core.load.starts.expand", refuse)
    span = Horizon.of_days(datetime(2026, 1, 1, tzinfo=UTC), 7, "UTC")
    even = Recurring(_cron({"second": "*/2"}, "UTC"), SECOND)
    each_second = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=(even,))
    assert find_slots(each_second, span, 0).per_minute(0) == dict.fromkeys(range(span.minutes), 30)
    hourly = Adjusted(_cron("0 * * * *", "UTC"), timedelta(seconds=1), blackouts=(even,))
    assert find_slots(hourly, span, 0).per_minute(0).total() == 7 * 24


@given(text=CRONS, name=st.sampled_from(ZONES), overlap=st.sampled_from(["first", "both"]), hours=st.integers(1, 12))
def test_seconds_as_bits_are_the_slots(text: str, name: str, overlap: Any, hours: int) -> None:
    schedule = _cron(text, name, overlap=overlap)
    for day in STARTS[name]:
        start = to_second(datetime.fromisoformat(day).replace(tzinfo=UTC)) + hours * 1_800
        end = start + hours * 3_600
        mask = due_between(schedule, start, end)
        slots = slots_between(schedule, to_instant(start - 1), to_instant(end - 1))
        assert {bit for bit in range(mask.bit_length()) if mask >> bit & 1} == {to_second(one) - start for one in slots}


@given(bits=st.sets(st.integers(0, 299)), length=st.integers(1, 400))
def test_bits_that_last_are_runs(bits: set[int], length: int) -> None:
    mask = spread(sum(1 << bit for bit in bits), length, 300)
    expected = {bit for first in bits for bit in range(first, min(first + length, 300))}
    assert {bit for first, end in runs_of(mask) for bit in range(first, end)} == expected
    assert every(length, 3, 300) == sum(1 << bit for bit in range(3, 300, length))


@given(
    first=st.dates(date(1999, 12, 20), date(2001, 1, 10)), length=st.integers(0, 366),
    year=st.integers(1998, 2005), dated=st.booleans(),
)  # fmt: skip
def test_days_of_a_range_are_those_between_its_ends(first: Any, length: int, year: int, dated: bool) -> None:
    last = first + timedelta(days=length)
    text = f"{first:%Y-%m-%d}/{last:%Y-%m-%d}" if dated else f"{first:%m-%d}/{last:%m-%d}"
    start = date(year, 1, 1)
    all_days = [start + timedelta(days=n) for n in range(366) if (start + timedelta(days=n)).year == year]
    low, high = (first.month, first.day), (last.month, last.day)

    def is_in(day: Any) -> bool:
        at = (day.month, day.day)
        if dated:
            return bool(first <= day <= last)
        return low <= at <= high if low <= high else not high < at < low

    assert list(parse_days(text).of(year)) == [day for day in all_days if is_in(day)]


# --- never ---

DAILY = {"cron": "0 0 * * *", "duration": "PT25H"}


def _job(blackout: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"job_id": "a", "target_url": "https://x.test/", "blackout": blackout} | (
        fields if fields.keys() & {"cron", "interval"} else {"cron": "*/5 * * * *"} | fields
    )


def _overlapping(number: int, length: str = "PT59M") -> list[dict[str, Any]]:
    return [{"cron": f"{minute % 60} * * * *", "duration": length} for minute in range(number)]


EACH_SECOND = {"cron": {"second": "*"}}
COUNTED = [
    pytest.param(_job(_overlapping(50)), "never-runs", id="fifty that overlap"),
    pytest.param(_job(_overlapping(100, "P366D"), **EACH_SECOND), "never-runs", id="a hundred of a year each"),
    pytest.param(
        _job([{"cron": {"second": f"{n}-59/2"}, "duration": "PT1S"} for n in (0, 1)], **EACH_SECOND), "never-runs",
        id="even and odd seconds",
    ),
    pytest.param(
        _job([{"cron": {"second": "0-58"}, "duration": "PT1S"}], **EACH_SECOND), None, id="all but one second"
    ),
    pytest.param(_job([{"cron": "0 0 * * *", "duration": "PT24H"}], timezone="America/New_York"), None,
                 id="free only in the hour that comes twice"),
    pytest.param(_job([DAILY], timezone="America/New_York"), "never-runs", id="a day of 25 hours, too"),
    pytest.param(_job([{"cron": "0 9 29 2 *", "duration": "PT1H"}], cron="0 9 29 2 *"), "never-runs", id="leap days"),
    pytest.param(
        _job([{"cron": "0 9 29 2 1-6", "duration": "PT1H"}, {"cron": {"year": "1970-2300"}, "duration": "P366D"}],
             cron="0 9 29 2 *"), "never-runs", id="day or weekday",
    ),
    pytest.param(
        _job([{"cron": {"month": "2", "day": "29", "day_of_week": "*", "year": "1970-2395"}, "duration": "PT24H"}],
             cron="0 9 29 2 *"), None, id="the first run is centuries away",
    ),
    pytest.param(
        _job([{"cron": "0 12 * * *", "duration": "PT1H"}], interval={"days": 1}, anchor="2026-01-01T12:30:00Z",
             timezone="UTC"), "never-runs", id="an interval that always meets the dark",
    ),
    pytest.param(
        _job([{"cron": "0 12 * * *", "duration": "PT1H"}], interval={"days": 1}, timezone="UTC"), None,
        id="an interval whose phase is not known",
    ),
    pytest.param(
        _job([{"cron": "0 0 * * *", "duration": {"seconds": 86_399}}], interval={"seconds": 86_399}, timezone="UTC",
             anchor="2026-01-01T12:00:00Z"), "no-run-found", id="a second a day, and an interval of other days",
    ),
    pytest.param(
        _job([{"cron": "0 0 * * *", "duration": {"seconds": 43_203}},
              {"cron": {"hour": 12, "second": 4}, "duration": {"seconds": 43_196}}], interval={"seconds": 172_805},
             timezone="UTC", anchor="2026-01-01T00:00:00Z"), "never-runs",
        id="a second a day that an interval of other days always misses",
    ),
    pytest.param(_job([{"cron": "0 0 * * *", "duration": "PT25H"}], interval={"seconds": 86_393}), "never-runs",
                 id="always dark, and an interval of other days"),
    pytest.param(
        _job([{"cron": "0 8 * * mon", "duration": "PT2H"}], interval={"weeks": 2}, anchor="2026-01-05T09:00",
             clock="wall", timezone="Europe/Berlin"), "never-runs", id="every other Monday, always dark",
    ),
    pytest.param(
        _job([{"cron": "0 8 1-30 * *", "duration": "PT2H"}], interval={"months": 3}, anchor="2026-01-31T09:00",
             clock="wall", timezone="Europe/Berlin"), None, id="a quarter that ends on the 31st",
    ),
    pytest.param(
        _job([{"cron": "0 8 28-31 * *", "duration": "PT2H"}], interval={"months": 1}, anchor="2026-01-31T09:00",
             clock="wall", timezone="Europe/Berlin"), "never-runs", id="each month's end is dark",
    ),
    pytest.param(
        _job([], interval={"weeks": 1}, anchor="2026-01-03T09:00", clock="wall", calendar={"only": "business_days"}),
        "never-runs", id="each Saturday, on business days",
    ),
    pytest.param(
        _job([{"cron": "0 8 * * *", "duration": "PT2H"}], interval={"months": 1, "days": 3}, clock="wall",
             anchor="2026-01-31T09:00"), "no-run-found", id="years that are never alike",
    ),
    pytest.param(
        _job([{"cron": "0 9 * * *", "duration": "PT1H"}, {"cron": "0 12 * * sat", "duration": "PT1H"}],
             cron=["0 9 * * *", "30 9 * * mon", "0 12 * * sat"]), "never-runs", id="several, all dark",
    ),
    pytest.param(
        _job([{"cron": "0 9 * * *", "duration": "PT1H"}], cron=["0 9 * * *", "0 12 29 2 *"]), None,
        id="several, of which a rare one is left",
    ),
    pytest.param(
        _job([DAILY], cron=[{"second": f"{n}-59/20"} for n in range(20)]), "never-runs", id="as many as there may be"
    ),
    pytest.param(_job([], calendar={"only": "business_days", "closed": ["01-01/12-31"] * 500}), "never-runs",
                 id="closed on all days"),
    pytest.param(_job([DAILY], calendar={"country": "JP", "only": "business_days", "shift": "next"}, cron="0 9 1 * *"),
                 "never-runs", id="moved to a working day, always dark"),
    pytest.param(_job([DAILY], start_at="9999-12-01T00:00:00Z"), "never-runs", id="the end of time"),
    pytest.param(
        _job([{"from": f"{2000 + n * 79}-01-01T00:00:00Z", "to": f"{2079 + n * 79}-01-01T00:00:00Z"} for n in
              range(100)]), None, id="ranges for eight thousand years",
    ),
    pytest.param(
        _job([{"cron": {"day": f"{1 + n % 28}", "week": f"1-{10 + n % 40}", "second": f"{n % 60}"},
               "duration": {"seconds": 1 + n}} for n in range(100)], **EACH_SECOND), None, id="a hundred kinds of days",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("values", "rule"), COUNTED)
def test_what_never_runs_is_found_in_counted_work(
    values: dict[str, Any], rule: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[Search] = []
    begin = Search.__init__

    def counted(self: Search, *args: Any, **options: Any) -> None:
        searches.append(self)
        begin(self, *args, **options)

    monkeypatch.setattr(Search, "__init__", counted)
    spec, complaints = declare(values, zone="Asia/Tokyo")
    assert [one.rule for one in complaints] == ([rule] if rule else [])
    assert all(one.severity is Severity.WARNING for one in complaints if one.rule == "no-run-found")
    assert (spec is None) is (rule == "never-runs")
    assert sum(one.steps for one in searches) <= 2 * MOST_STEPS + 200
    assert len(searches) <= 2


def test_the_run_that_is_left_is_found() -> None:
    dark = (
        Recurring(_cron("0 0 * 1-11 *", "UTC"), timedelta(hours=24)),
        Recurring(_cron("0 0 1-30 12 *", "UTC"), timedelta(hours=24)),
        Recurring(_cron({"month": 12, "day": 31, "second": "0"}, "UTC"), timedelta(seconds=59)),
    )
    schedule = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=dark)
    found = search_run(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    assert found == (datetime(2026, 12, 31, 0, 0, 59, tzinfo=UTC), True)


# --- bounds ---


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"blackout": _overlapping(MOST_BLACKOUTS + 1)}, "blackout", id="blackouts"),
        pytest.param({"calendar": {"only": "business_days", "closed": ["01-01"] * (MOST_DAYS + 1)}}, "calendar.closed",
                     id="closed days"),
        pytest.param({"calendar": {"only": "business_days", "open": ["01-01"] * (MOST_DAYS + 1)}}, "calendar.open",
                     id="open days"),
    ],
)  # fmt: skip
def test_lists_have_bounds(fields: dict[str, Any], field: str) -> None:
    spec, complaints = declare(_job([]) | fields, zone="UTC")
    assert spec is None
    assert [".".join(map(str, one.loc)) for one in complaints] == [field]
    assert "at most" in complaints[0].message or "more than" in complaints[0].message


def test_the_schema_says_the_bounds() -> None:
    text = str(manifest_schema())
    assert f"'maxItems': {MOST_BLACKOUTS}" in text
    assert f"'maxItems': {MOST_DAYS}" in text


# --- what runs ---


def test_a_slot_asks_each_blackout_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dark = tuple(Recurring(_cron("* * * * *", "UTC"), timedelta(seconds=1 + n % 30)) for n in range(100))
    schedule = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=dark)
    asked: list[int] = []
    find = _Recurring.last_opening

    def counted(one: _Recurring, until: int) -> int | None:
        asked.append(until)
        return find(one, until)

    monkeypatch.setattr(_Recurring, "last_opening", counted)
    assert exclusion_at(schedule, datetime(2026, 1, 1, 0, 0, 45, tzinfo=UTC)) is None
    assert len(asked) == 100


@pytest.mark.parametrize("catch_up", ["last", "all", "none"])
def test_a_long_downtime_is_decided_in_bounded_rows(catch_up: Any) -> None:
    values = _job([{"cron": {"second": "*/2"}, "duration": "PT1S"}], cron={"second": "*"})
    spec, _ = declare(values | {"misfire_grace_time": 86_400}, zone="UTC")
    assert spec is not None
    schedule = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=(Recurring(_cron({"second": "*/2"}, "UTC"), SECOND),))
    cursor, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, 0, 0, 30, tzinfo=UTC)
    steps = admit(
        spec, schedule, paused_until=None, running=0, cursor=cursor, now=now, overdue_until=now, catch_up=catch_up
    )
    rows = [gap for step in steps for gap in step.unrun]
    runs = [step.run for step in steps if step.run]
    assert len(rows) <= 5 * 201
    assert sum(gap.count for gap in rows) + len(runs) == int((now - cursor).total_seconds())
    assert runs == ([] if catch_up == "none" else [now - SECOND])
    assert {gap.reason for gap in rows if gap.status is Status.SKIPPED} <= {Reason.BLACKOUT, Reason.COALESCED}


def test_runs_of_a_dense_schedule_are_counted_by_days() -> None:
    dark = (Recurring(_cron({"second": "*/2"}, "UTC"), SECOND),)
    schedule = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=dark)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert count_runs(schedule, start, start + timedelta(days=28)) == 28 * 43_200
    hour = Period(start + timedelta(hours=1), start + timedelta(hours=2))
    schedule = Adjusted(_cron({"second": "*"}, "UTC"), blackouts=(*dark, hour))
    assert count_runs(schedule, start, start + timedelta(days=28)) == 28 * 43_200 - 1_800
