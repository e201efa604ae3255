"""What is meant by lines that are no cron expressions; what is proposed can be written as it is."""

import re

import pytest
import yaml

from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.dialect import crontab_fields
from myscheduler.errors import ScheduleError


def _message(line: str, *, seconds: bool = False) -> str:
    with pytest.raises(ScheduleError) as caught:
        crontab_fields(line, seconds=seconds)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("CRON_TZ=Asia/Tokyo 0 6 * * *", "`timezone: Asia/Tokyo` beside it"),
        ("TZ='UTC' 0 6 * * *", "`timezone: UTC` beside it"),
        (
            "0 6 * * * Asia/Tokyo",
            "ends with a time zone, which is not part of the expression: write `time",
        ),
        ("0 0 6 * * * UTC", "write `timezone: UTC` beside it"),
        ("0 6 * * * curl http://x", "continues with a command: write the five fields only"),
        ("0 6 * * * root /usr/bin/true", "continues with a command"),
        ("0 6 * * mon-fri /usr/bin/true", "continues with a command"),
        ("0 6 * * * curl", "continues with a command"),
        ("cron(0 6 * * ? *)", "has the form of AWS: write `0 6 * * *`, without its year"),
        ("cron(0 6 ? * MON-FRI *)", "write `0 6 * * MON-FRI`, without its year"),
        ("cron(0 6 ? * 2 *)", "count days of the week from 0, Sunday (AWS: from 1)"),
        ("cron(0 6 * * ? 2027)", "write its first five fields"),
        ("rate(5 minutes)", "has the form of AWS: write `interval: {minutes: 5}`"),
        ("rate(1 hour)", "write `interval: {hours: 1}`"),
        ("0 6 * * *\n0 18 * * *\n", "are 2 expressions: write a list, ['0 6 * * *', '0 18 * * *']"),
        ("0 6 * * *, 0 18 * * *", "are 2 expressions: write a list, ['0 6 * * *', '0 18 * * *']"),
        ("0 6 * * *; 0 8 * * *; 0 9 * * *", "are 3 expressions: write a list, ['0 6 * * *', '0 8 * * *', …]"),
        ("@every 5m", "write `interval: {minutes: 5}`"),
        ("@every 1h30m", "write `interval: {hours: 1, minutes: 30}`"),
        ("@every 1.5h", "for a fixed distance write `interval`"),
        (
            "0 0 6 * * ? 2027",
            "has 7 fields, the last one a year, as in other schedulers: write `{minute: 0, hour",
        ),
        ("5 * 6 1 * ? 2027", "write `{minute: '*', hour: 6, day: 1, year: 2027, second: 5}`"),
        (
            "0 6 * * ? 2026-2028",
            "has 6 fields, the last one a year, as in other schedulers: write `{minute: 0, hour",
        ),
        ("0 0 6 ? * 2 2027", "day_of_week: 2, year: 2027}`; days of the week count from 0, Sunday"),
        ("0 0 6 * * *", "has 6 fields: write `seconds: true` beside it when seconds come first"),
        ("0 6 1, 15 * *", "has a space inside a list: write lists as `1,2,3`"),
        ("0 6 * *", "has 4 fields, not 5: minute hour day month day_of_week"),
    ],
)
def test_what_is_meant(line: str, advice: str) -> None:
    message = _message(line)
    assert advice in message
    assert len(message) < 220


def test_a_year_is_none_of_the_seconds() -> None:
    assert "the last one a year" in _message("0 6 * * ? 2026", seconds=True)
    assert crontab_fields("0 0 6 * * fri", seconds=True)["second"] == "0"


@pytest.mark.parametrize(
    "line",
    [
        "0 0 6 * * ? 2027", "5 * 6 1 * ? 2027", "0 6 * * ? 2026-2028", "0 0 9-17 ? JAN MON#1 *", "@every 90s",
        "rate(5 minutes)", "0 6 * * *, 0 18 * * *", "cron(0 6 ? * MON-FRI *)", "@minutely", "@secondly", "@weekdays",
    ],
)  # fmt: skip
def test_what_is_proposed_is_a_schedule(line: str) -> None:
    found = re.search(r"write (?:a list, )?(`[^`]+`|\[.*\])", _message(line))
    assert found
    written = found[1].strip("`")
    cron = written if " " in written and written[0] in "*0" else None
    fields = {"cron": cron} if cron else yaml.safe_load(written)
    schedule = fields if isinstance(fields, dict) and {"cron", "interval"} & fields.keys() else {"cron": fields}
    spec, complaints = declare({"job_id": "a", "target_url": "http://x", **schedule}, zone="UTC")
    assert spec is not None, (written, complaints)
