"""The schedules of other schedulers as those of manifests."""

from typing import Any

import pytest

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.imports.times import aws_schedule, go_times, unix_times
from myscheduler.core.schedule.dialect import parse_cron


@pytest.mark.parametrize(
    ("written", "fields", "zone"),
    [
        pytest.param("30 10 * * 1-5", {"cron": "30 10 * * 1-5"}, None, id="plain"),
        pytest.param("0 0 ? * ?", {"cron": "0 0 * * *"}, None, id="question marks"),
        pytest.param("5/20 */1 * * *", {"cron": "5-59/20 * * * *"}, None, id="steps"),
        pytest.param("@hourly", {"cron": "@hourly"}, None, id="a name"),
        pytest.param("0 0 */2 * 1", {"cron": "0 0 1-31/2 * 1", "day_match": "any"}, None, id="a star that restricts"),
        pytest.param("0 0 1 * */2", {"cron": "0 0 1 * 0-6/2", "day_match": "any"}, None, id="weekdays that restrict"),
        pytest.param("0 0 */2 * *", {"cron": "0 0 */2 * *"}, None, id="days alone"),
        pytest.param("TZ=Asia/Tokyo 0 9 * * *", {"cron": "0 9 * * *"}, "Asia/Tokyo", id="a zone"),
        pytest.param("CRON_TZ=UTC @daily", {"cron": "@daily"}, "UTC", id="a zone of cron"),
        pytest.param("@every 1h30m", {"interval": {"hours": 1, "minutes": 30}}, None, id="an interval"),
    ],
)
def test_cron_of_go(written: str, fields: dict[str, Any], zone: str | None) -> None:
    times, found = go_times(written)
    assert (times.fields, found) == (fields, zone)


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        pytest.param("rate(5 minutes)", {"interval": {"minutes": 5}}, id="rate"),
        pytest.param("rate(1 day)", {"interval": {"days": 1}}, id="rate of a day"),
        pytest.param("at(2026-12-24T18:00:00)", {"run_at": "2026-12-24T18:00:00"}, id="at"),
        pytest.param("cron(0 10 * * ? *)", {"cron": "0 10 * * *"}, id="each day"),
        pytest.param("cron(15 12 ? * MON-FRI *)", {"cron": "15 12 * * MON-FRI"}, id="names of weekdays"),
        pytest.param("cron(0 10 ? * 2-6 *)", {"cron": "0 10 * * MON-FRI"}, id="numbers of weekdays"),
        pytest.param("cron(0 10 ? * 1 *)", {"cron": "0 10 * * SUN"}, id="Sunday"),
        pytest.param("cron(0 10 ? * 7,1 *)", {"cron": "0 10 * * SAT,SUN"}, id="the weekend"),
        pytest.param("cron(0 10 ? * FRI-MON *)", {"cron": "0 10 * * FRI,SAT,SUN,MON"}, id="over the weekend"),
        pytest.param("cron(0 10 ? * 2/2 *)", {"cron": "0 10 * * MON,WED,FRI"}, id="every other weekday"),
        pytest.param("cron(0 10 ? * 6#3 *)", {"cron": "0 10 * * FRI#3"}, id="the third Friday"),
        pytest.param("cron(0 10 ? * 6L *)", {"cron": "0 10 * * 5L"}, id="the last Friday"),
        pytest.param("cron(0 10 ? * L *)", {"cron": "0 10 * * SAT"}, id="the last day of the week"),
        pytest.param("cron(0 10 L * ? *)", {"cron": "0 10 L * *"}, id="the last day of the month"),
        pytest.param("cron(0 10 LW * ? *)", {"cron": "0 10 LW * *"}, id="the last weekday of the month"),
        pytest.param("cron(0/15 * * * ? *)", {"cron": "*/15 * * * *"}, id="steps"),
        pytest.param("cron(5/15 8/4 1/10 1/3 ? *)", {"cron": "5-59/15 8-23/4 1-31/10 1-12/3 *"}, id="steps from"),
        pytest.param("cron(0 10 1 JAN,JUL ? *)", {"cron": "0 10 1 JAN,JUL *"}, id="names of months"),
        pytest.param(
            "cron(0 10 1 1 ? 2026-2030)",
            {"cron": {"year": "2026-2030", "minute": "0", "hour": "10", "day": "1", "month": "1", "day_of_week": "*"}},
            id="years",
        ),
    ],
)
def test_expressions_of_aws(written: str, fields: dict[str, Any]) -> None:
    assert aws_schedule(written) == fields
    if "cron" in fields:
        assert parse_cron(fields["cron"])


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        pytest.param("0 9 * * 1", {"cron": "0 9 * * 1"}, id="cron"),
        pytest.param("every 5 minutes", {"interval": {"minutes": 5}}, id="minutes"),
        pytest.param("every 2 hours", {"interval": {"hours": 2}}, id="hours"),
        pytest.param("every 30 mins synchronized", {"cron": "*/30 * * * *"}, id="synchronized"),
        pytest.param("every 2 hours synchronized", {"cron": "0 */2 * * *"}, id="synchronized hours"),
        pytest.param(
            "every 20 minutes from 08:30 to 10:00", {"cron": ["30,50 8 * * *", "10,30,50 9 * * *"]}, id="from to"
        ),
        pytest.param("every day 09:05", {"cron": "5 9 * * *"}, id="day"),
        pytest.param("every weekday 9:00", {"cron": "0 9 * * mon-fri"}, id="weekday"),
        pytest.param("every monday, thu 23:30", {"cron": "30 23 * * mon,thu"}, id="weekdays"),
        pytest.param("1,15 of month 07:00", {"cron": "0 7 1,15 * *"}, id="days of months"),
        pytest.param("1st monday of jan,april 04:00", {"cron": "0 4 * jan,apr MON#1"}, id="a weekday of months"),
        pytest.param("2nd,third mon,wed of month 17:00", {"cron": "0 17 * * MON#2,MON#3,WED#2,WED#3"}, id="several"),
    ],
)
def test_schedules_of_cloud_scheduler(written: str, fields: dict[str, Any]) -> None:
    assert unix_times(written).fields == fields
    for line in [fields["cron"]] if isinstance(fields.get("cron"), str) else fields.get("cron", []):
        assert parse_cron(line)


@pytest.mark.parametrize(
    ("read", "written", "message"),
    [
        pytest.param(aws_schedule, "every day", "neither cron(…) nor rate(…) nor at(…)", id="no expression"),
        pytest.param(aws_schedule, "cron(0 10 * * *)", "has not six fields", id="five fields"),
        pytest.param(aws_schedule, "cron(0 10 1 * MON *)", "one of them has to be ?", id="day and weekday"),
        pytest.param(aws_schedule, "cron(0 10 15W * ? *)", "(W) is not supported", id="nearest weekday"),
        pytest.param(aws_schedule, "cron(0 10 ? * 8 *)", "the weekdays of its cron", id="no weekday"),
        pytest.param(aws_schedule, "cron(0 10 ? * MONDAY *)", "the weekdays of its cron", id="no name of a weekday"),
        pytest.param(aws_schedule, "rate(5 weeks)", "neither cron", id="weeks"),
        pytest.param(unix_times, "every fortnight", "neither cron nor a sentence", id="no sentence"),
        pytest.param(unix_times, "every foo 09:00", "neither cron nor a sentence", id="no day"),
        pytest.param(unix_times, "every 0 minutes", "neither cron nor a sentence", id="no interval"),
        pytest.param(unix_times, "every 7 minutes synchronized", "doesn't divide a day", id="not synchronized"),
        pytest.param(unix_times, "every 1 hours from 22:00 to 02:00", "over midnight", id="over midnight"),
        pytest.param(unix_times, "every 59 minutes from 00:00 to 23:59", "too many different ones", id="many times"),
        pytest.param(unix_times, "a, " * 400 + "of", "longer than 1,000 characters", id="long sentence"),
        pytest.param(aws_schedule, f"cron({'1/1' * 400})", "longer than 1,000 characters", id="long expression"),
        pytest.param(go_times, "1/" * 600, "longer than 1,000 characters", id="long cron"),
        pytest.param(go_times, "@reboot", "when the machine starts", id="reboot"),
    ],
)
def test_what_is_refused(read: Any, written: str, message: str) -> None:
    with pytest.raises(NotTakenOver) as refused:
        read(written)
    assert message in str(refused.value)
