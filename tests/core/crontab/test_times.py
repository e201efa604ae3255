"""When the lines of crontabs run: the fields of their jobs, and that these run when cron ran the line."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.times import times_of
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.slots import slots_between

BERLIN = "Europe/Berlin"


def _times(written: str, delay: float = 0, jitter: int = 0, most_minutes: str = "") -> tuple[dict[str, Any], int]:
    """The fields, and how much is said."""
    found = times_of(written, delay=delay, jitter=jitter, most_minutes=most_minutes)
    return dict(found.fields), len(found.warnings)


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        pytest.param("*/5  9-17\t* * mon-fri", {"cron": "*/5 9-17 * * mon-fri"}, id="five fields"),
        pytest.param("@Daily", {"cron": "@Daily"}, id="macro"),
        pytest.param("@every_minute", {"cron": "* * * * *"}, id="FreeBSD's minute"),
        pytest.param("0 3 1 * 1", {"cron": "0 3 1 * 1", "day_match": "any"}, id="day and weekday"),
        pytest.param("0 3 */2 * 1", {"cron": "0 3 */2 * 1"}, id="day that starts with *"),
        pytest.param("0 3 1 * *", {"cron": "0 3 1 * *"}, id="day"),
    ],
)
def test_times(written: str, fields: dict[str, Any]) -> None:
    assert _times(written) == (fields, 0)


@pytest.mark.parametrize(
    ("written", "interval"),
    [
        pytest.param("@every 5m", {"minutes": 5}, id="minutes"),
        pytest.param("@every 1h30m", {"hours": 1, "minutes": 30}, id="hours and minutes"),
        pytest.param("@EVERY 90s", {"seconds": 90}, id="seconds"),
        pytest.param("@600", {"seconds": 600}, id="FreeBSD's seconds"),
    ],
)
def test_intervals(written: str, interval: dict[str, int]) -> None:
    assert _times(written) == ({"interval": interval}, 1)


@pytest.mark.parametrize(
    ("written", "delay", "fields"),
    [
        pytest.param("* * * * *", 30, {"cron": "30 * * * * *", "seconds": True}, id="each minute"),
        pytest.param("* * * * *", 90, {"cron": "30 * * * * *", "seconds": True}, id="more than a minute"),
        pytest.param("@daily", 5, {"cron": "5 0 0 * * *", "seconds": True}, id="macro"),
        pytest.param("0 3 * * *", 300, {"cron": "5 3 * * *"}, id="minutes"),
        pytest.param("*/20 3 1 * 1", 61, {"cron": "1 1,21,41 3 1 * 1", "seconds": True, "day_match": "any"}, id="list"),
    ],
)
def test_waits_put_the_times_off(written: str, delay: float, fields: dict[str, Any]) -> None:
    assert _times(written, delay) == (fields, 0)


@pytest.mark.parametrize(
    ("written", "delay"),
    [
        pytest.param("50 3 * * *", 600, id="into the next hour"),
        pytest.param("* 3 * * *", 60, id="some minutes into the next hour"),
        pytest.param("* * * * *", 0.5, id="a part of a second"),
    ],
)
def test_waits_that_are_not_kept_are_told(written: str, delay: float) -> None:
    assert _times(written, delay) == ({"cron": written}, 1)


def test_a_wait_before_an_interval_is_told() -> None:
    assert _times("@every 5m", 30) == ({"interval": {"minutes": 5}}, 2)


@pytest.mark.parametrize(
    ("written", "jitter", "most_minutes", "fields"),
    [
        pytest.param("0 3 * * *", 600, "", {"cron": "0 3 * * *", "jitter_sec": 600}, id="random sleep"),
        pytest.param("0 3 * * *", 0, "10", {"cron": "0 3 * * *", "jitter_sec": 600}, id="RANDOM_DELAY"),
        pytest.param("@every 5m", 0, "1", {"interval": {"minutes": 5}, "jitter_sec": 60}, id="of an interval"),
        pytest.param("5~14 3 * * *", 0, "", {"cron": "5 3 * * *", "jitter_sec": 600}, id="minutes"),
        pytest.param("~ * * * *", 0, "", {"cron": "0 * * * *", "jitter_sec": 3600}, id="any minute"),
        pytest.param("~30 * * * *", 0, "", {"cron": "0 * * * *", "jitter_sec": 1860}, id="up to a minute"),
        pytest.param("7 1~3 * * *", 0, "", {"cron": "7 1 * * *", "jitter_sec": 7260}, id="hours"),
        pytest.param("~ 1~3 * * *", 0, "", {"cron": "0 1 * * *", "jitter_sec": 10800}, id="both"),
        pytest.param("0 3 * * *", 0, "soon", {"cron": "0 3 * * *"}, id="no number"),
    ],
)
def test_what_is_drawn(written: str, jitter: int, most_minutes: str, fields: dict[str, Any]) -> None:
    assert _times(written, 0, jitter, most_minutes)[0] == fields


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("@reboot", "runs when the machine starts", id="@reboot"),
        pytest.param("@every 100ms", "needs a duration in whole seconds", id="milliseconds"),
        pytest.param("@every soon", "needs a duration in whole seconds", id="no time"),
        pytest.param("@0", "needs a duration in whole seconds", id="nothing"),
        pytest.param("0 3 ~ * *", "its day is random", id="day"),
        pytest.param("0~9,30 3 * * *", "its minute is random (~) in a way", id="list"),
        pytest.param("9~3 * * * *", "its minute is random (~) in a way", id="backwards"),
        pytest.param("* 1~3 * * *", "its hour is random (~) in a way", id="each minute of an hour"),
    ],
)
def test_times_that_no_schedule_has(written: str, message: str) -> None:
    with pytest.raises(NotTakenOver) as refused:
        _times(written)
    assert message in str(refused.value)


def test_a_random_start_within_days() -> None:
    with pytest.raises(NotTakenOver, match="jitter_sec is at most a day"):
        _times("@daily", jitter=86_401)


_MINUTES = st.sampled_from(["*", "*/5", "0", "7,37", "10-20/5", "59"])
_HOURS = st.sampled_from(["*", "2", "1-4", "*/6", "23", "3,15"])
_DAYS = st.sampled_from(["*", "1", "13", "*/2", "28-31"])
_MONTHS = st.sampled_from(["*", "3", "jan,mar-oct", "*/3"])
_FORWARD, _BACK, _LEAP = "2026-03-28T12:00", "2026-10-24T12:00", "2028-02-27T00:00"
_MACROS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_WEEKDAYS = st.sampled_from(["*", "mon-fri", "0", "7", "SUN", "5", "1,3"])


@given(
    st.tuples(_MINUTES, _HOURS, _DAYS, _MONTHS, _WEEKDAYS).map(" ".join) | st.sampled_from(list(_MACROS)),
    st.tuples(st.just(0), st.sampled_from([_FORWARD, _BACK, _LEAP]))
    | st.tuples(st.sampled_from([1, 30, 59]), st.sampled_from([_BACK, _LEAP])),
)
def test_the_job_runs_when_cron_ran_the_line(written: str, delayed: tuple[int, str]) -> None:
    """Cronsim follows Debian's cron also where clocks change. What sleeps then comes so many seconds later, but
    for a time that the clocks jump over: the job runs right after the gap then.
    """
    delay, start = delayed
    after = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(BERLIN))
    until = after + timedelta(days=20)
    fields = times_of(written, delay=delay, jitter=0).fields
    spec, complaints = declare({"job_id": "a", "target_url": "http://x", "timezone": BERLIN, **fields}, zone="UTC")
    assert spec is not None, complaints
    schedule = compile_schedule(spec, zone="UTC", created_at=after)
    runs = takewhile(lambda moment: moment < until, CronSim(_MACROS.get(written, written), after))
    wanted = sorted({moment.astimezone(UTC) + timedelta(seconds=delay) for moment in runs})
    start_of_runs = after.astimezone(UTC) + timedelta(seconds=delay)
    assert list(slots_between(schedule, start_of_runs, wanted[-1] if wanted else until)) == wanted
