"""The load on target hosts: what counts, the worst minutes, advice, and the law that nothing is lost or doubled."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.chains.expected import expected
from myscheduler.core.chains.graph import Graph
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.forecast import Forecast, forecast_specs
from myscheduler.core.schedule.exclusions import exclusion_at
from myscheduler.core.schedule.slots import TICK, slots_between
from tests.support.parts import spec

TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # midnight in Tokyo
SPRING = datetime(2026, 3, 7, 5, 0, tzinfo=UTC)  # midnight in New York, a day before its clocks go forward
AUTUMN = datetime(2026, 10, 31, 4, 0, tzinfo=UTC)
A, B = "http://a.test/", "http://b.test:8080/x"


def _forecast(*specs: JobSpec, now: datetime = NOW, days: int = 7, zone: str = TOKYO) -> Forecast:
    return forecast_specs(specs, now, days, zone)


def test_hosts_are_counted_apart_and_the_worst_comes_first() -> None:
    found = _forecast(
        spec("one", cron="0 0 * * *", target_url=A),
        spec("two", cron="0 0 * * *", target_url=B),
        spec("three", cron="0 0 * * *", target_url=B),
        spec("off", cron="* * * * *", target_url=A, paused=True),
        spec("loose", interval={"hours": 24}, target_url=A),
    )
    assert [(host.host, host.jobs, host.starts, host.peak) for host in found.hosts] == [
        ("b.test:8080", 2, 14, 2),
        ("a.test", 2, 13, 2),
    ]
    assert (found.paused, found.unanchored) == (1, 1)


def test_a_host_is_one_however_it_is_spelled() -> None:
    urls = ["http://a.test/", "http://A.test:80/x", "http://a.test./", "http://user@a.test/"]
    found = _forecast(*(spec(f"j{n}", cron="0 0 * * *", target_url=url) for n, url in enumerate(urls)))
    assert [(host.host, host.jobs, host.peak) for host in found.hosts] == [("a.test", 4, 4)]


def test_the_worst_minutes_name_their_jobs_and_tell_days_together() -> None:
    jobs = [spec(f"日次-{number}", cron="0 0 * * *", target_url=A) for number in range(6)]
    [host] = _forecast(*jobs, spec("weekly", cron="0 0 * * mon", target_url=A)).hosts
    monday, daily = host.worst
    assert (monday.starts, monday.again, "weekly" in monday.job_ids) == (7, (), True)
    assert monday.at.isoformat() == "2026-11-30T00:00:00+09:00"
    assert (daily.starts, len(daily.again), daily.job_ids[0]) == (6, 5, "日次-0")


def test_what_is_left_out_does_not_count_and_jitter_does() -> None:
    business = {"calendar": {"country": "JP", "only": "business_days"}}
    [host] = _forecast(spec("a", cron="0 9 * * *", target_url=A, jitter_sec=3_600, **business)).hosts
    assert host.starts == 5
    assert host.worst[0].at.isoformat() == "2026-11-25T09:04:00+09:00"  # 250 seconds later, as the id has it


def test_advice_is_what_it_says() -> None:
    jobs = [spec(f"job-{number}", cron="0 0 * * *", target_url=A) for number in range(100)]
    [host] = _forecast(*jobs).hosts
    assert host.advice is not None
    spread = [spec(one.job_id, cron="0 0 * * *", target_url=A, jitter_sec=host.advice.jitter_sec) for one in jobs]
    [better] = _forecast(*spread).hosts
    assert (host.peak, better.peak) == (100, host.advice.leaves)
    assert host.advice.leaves <= 20
    assert len(host.advice.job_ids) == 100
    assert better.advice is None or better.advice.leaves < better.peak


def test_a_handful_gets_no_advice_nor_do_jobs_that_can_not_move() -> None:
    few = [spec(f"job-{number}", cron="0 0 * * *", target_url=A) for number in range(5)]
    minutely = [spec(f"job-{number}", cron="* * * * *", target_url=A) for number in range(50)]
    for jobs in (few, minutely):
        [host] = _forecast(*jobs).hosts
        assert host.advice is None


@pytest.mark.parametrize(
    ("now", "hours", "starts"),
    [(SPRING, {0: 1, 1: 1, 2: None, 3: 1}, 23), (AUTUMN, {0: 1, 1: 1, 2: 1}, 25)],
)
def test_days_on_which_clocks_change(now: datetime, hours: dict[int, int | None], starts: int) -> None:
    [host] = _forecast(spec("a", cron="0 * * * *", timezone=NEW_YORK, target_url=A), now=now, zone=NEW_YORK).hosts
    day = host.days[1]
    assert day.date == (date(2026, 3, 8) if now is SPRING else date(2026, 11, 1))
    assert {hour: (cell := day.hours[hour]) and cell.peak for hour in hours} == hours
    assert sum(cell.starts for cell in day.hours if cell) == starts


def test_a_day_that_the_clock_comes_back_to_is_one_row() -> None:
    halves = {"cron": "*/30 * * * *", "target_url": A}
    noon = datetime(2009, 10, 31, 12, 0, tzinfo=UTC)  # the next day, at 0:01, the clocks go back to 23:01
    [host] = _forecast(spec("a", **halves), now=noon, days=2, zone="America/St_Johns").hosts
    assert [day.date.isoformat() for day in host.days] == ["2009-10-31", "2009-11-01", "2009-11-02"]
    last, first = host.days[0].hours[23], host.days[1].hours[0]
    assert last is not None
    assert first is not None
    assert (last.starts, first.starts) == (3, 3)
    assert [day.peak_at.date() for day in host.days] == [day.date for day in host.days]


_FIELDS = st.sampled_from(
    [
        {"cron": "0 0 * * *"}, {"cron": "*/7 1-3 * * *"}, {"cron": "30 2 * * *", "dst": {"gap": "skip"}},
        {"cron": {"second": "*/20"}, "end_at": "2026-11-01T09:00Z"}, {"interval": {"seconds": 90}},
        {"interval": "PT7H", "anchor": "2026-01-01T00:00:30Z"}, {"run_at": "2026-11-01T05:30Z"},
        {"cron": "* 0-4 * * *", "blackout": [{"cron": "0 1 * * *", "duration": "PT80M"}]},
        {"cron": "0,30 * * * *", "jitter_sec": 900}, {"cron": "15 0 * * *", "calendar": {"only": "business_days"}},
    ]
)  # fmt: skip


@given(
    jobs=st.lists(st.tuples(_FIELDS, st.sampled_from([A, B]), st.sampled_from([TOKYO, NEW_YORK])), max_size=6),
    now=st.sampled_from([SPRING, AUTUMN, NOW]),
    days=st.integers(1, 3),
)
def test_every_start_is_in_its_minute_of_its_host(
    jobs: list[tuple[dict[str, Any], str, str]], now: datetime, days: int
) -> None:
    specs = [
        spec(f"job-{number}", **fields, target_url=url, timezone=zone)
        for number, (fields, url, zone) in enumerate(jobs)
    ]
    found = _forecast(*specs, now=now, days=days, zone=NEW_YORK)
    expected: dict[str, Counter[datetime]] = {}
    for one in specs:
        schedule = compile_schedule(one, zone=NEW_YORK, created_at=now)
        counted = expected.setdefault(one.target_url.split("/")[2], Counter())
        for slot in slots_between(schedule, found.span.start - TICK, found.span.until - TICK):
            if exclusion_at(schedule, slot) is None:
                counted[slot.replace(second=0, microsecond=0)] += 1
    for host in found.hosts:
        minutes = expected[host.host]
        assert host.starts == minutes.total()
        assert host.peak == max(minutes.values(), default=0)
        assert host.starts == sum(cell.starts for day in host.days for cell in day.hours if cell)
        assert all(
            minutes[at.astimezone(UTC)] == worst.starts for worst in host.worst for at in (worst.at, *worst.again)
        )
    assert {host.host for host in found.hosts} == expected.keys()


def test_jobs_after_others_are_counted_after_the_slots_of_the_first() -> None:
    first = spec("a", cron="0 2 * * *", target_url="https://a.example.com/")
    second = spec("b", after=[{"job": "a"}], target_url="https://b.example.com/")
    third = spec("c", after=[{"job": "b"}], target_url="https://b.example.com/")
    graph = Graph({one.job_id: one.schedule for one in (second, third)})  # type: ignore[misc]
    after_others = expected(graph, {"a": timedelta(minutes=90)}, timedelta(seconds=30))
    found = forecast_specs([first, second, third], NOW, 2, TOKYO, chained=after_others)
    hosts = {host.host: host for host in found.hosts}
    assert {name: (host.jobs, host.starts) for name, host in hosts.items()} == {
        "a.example.com": (1, 2),
        "b.example.com": (2, 4),
    }
    (minute,) = hosts["b.example.com"].worst
    assert (f"{minute.at:%H:%M}", minute.job_ids, len(minute.again)) == ("03:30", ("b", "c"), 1)
    assert found.chained is after_others
    alone = forecast_specs([second], NOW, 2, TOKYO, chained=after_others)
    assert [(host.jobs, host.starts) for host in alone.hosts] == [(1, 0)]


def test_a_job_after_one_of_several_is_one_job_with_the_starts_of_each() -> None:
    a, b = (spec(one, cron=f"{minute} 2 * * *") for one, minute in (("a", 0), ("b", 30)))
    either = spec("c", after=[{"job": "a"}, {"job": "b"}], join="any", target_url="https://c.example.com/")
    after_others = expected(Graph({"c": either.schedule}), {}, timedelta(seconds=1))  # type: ignore[dict-item]
    found = forecast_specs([a, b, either], NOW, 1, TOKYO, chained=after_others)
    assert [(host.jobs, host.starts) for host in found.hosts if host.host == "c.example.com"] == [(1, 2)]


def test_advice_on_jitter_names_no_jobs_after_others() -> None:
    first = spec("a", cron="0 2 * * *", target_url="https://a.example.com/")
    crowd = [spec(f"c{n}", after=[{"job": "a"}], target_url="https://b.example.com/") for n in range(20)]
    after_others = expected(Graph({one.job_id: one.schedule for one in crowd}), {}, timedelta())  # type: ignore[misc]
    busy = forecast_specs([first, *crowd], NOW, 1, TOKYO, chained=after_others).hosts[0]
    assert (busy.peak, busy.advice) == (20, None)


def test_the_span_ends_at_the_same_time_of_the_clock() -> None:
    span = _forecast(now=SPRING + timedelta(hours=10, seconds=30), days=2, zone=NEW_YORK).span
    assert [span.moment(0).isoformat(), span.moment(span.minutes).isoformat()] == [
        "2026-03-07T10:00:00-05:00",
        "2026-03-09T10:00:00-04:00",
    ]
