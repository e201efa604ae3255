"""Converts the schedules of other schedulers: cron as Go and as AWS read it, and the sentences of App Engine."""

import re
from collections.abc import Iterator
from typing import Any

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.times import Times, times_of

FROM_CREATION = "the interval is counted from the job's creation: anchor moves it"


def _bounded(written: str) -> str:
    """The schedule, which patterns are searched in, so it must not be long."""
    if len(written) > LONGEST_WORD:
        raise NotTakenOver(f"its schedule is longer than {LONGEST_WORD:,} characters")
    return written.strip()


# --- Go ---

_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_LAST = (59, 23, 31, 12, 6)


def go_times(written: str) -> tuple[Times, str | None]:
    """The schedule of a CronJob, and the zone in it."""
    written = _bounded(written)
    found = _ZONE.fullmatch(written)
    zone, text = (found[1], found[2]) if found else (None, written)
    words = text.split()
    if len(words) == 5:
        words = [_go_field(word, last) for word, last in zip(words, _LAST, strict=True)]
        if words[2] != "*" and words[4] != "*":  # a * with a step counts as a restriction to Go, but not to Debian
            words[2] = re.sub(r"^\*/", "1-31/", words[2])
            words[4] = re.sub(r"^\*/", "0-6/", words[4])
    return times_of(" ".join(words), delay=0, jitter=0), zone


def _go_field(text: str, last: int) -> str:
    """`?` and `*/1` are `*`, and `5/15` is `5-59/15`."""
    text = "*" if text in {"?", "*/1", "?/1"} else text.replace("?", "*")
    return re.sub(r"(?<![\d*-])(\d+)/(\d+)", rf"\1-{last}/\2", text)


# --- AWS ---

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_RATE = re.compile(r"rate\(\s*(\d{1,6})\s+(minute|hour|day)s?\s*\)")


def aws_schedule(written: str) -> dict[str, Any]:
    """The field with the schedule of `cron(…)`, `rate(…)` or `at(…)`."""
    if found := _RATE.fullmatch(written := _bounded(written)):
        return {"interval": {f"{found[2]}s": int(found[1])}}
    if found := re.fullmatch(r"at\(\s*(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\s*\)", written):
        return {"run_at": found[1]}
    if found := re.fullmatch(r"cron\((.*)\)", written):
        return {"cron": _aws_cron(found[1].split())}
    raise NotTakenOver("its ScheduleExpression is neither cron(…) nor rate(…) nor at(…)")


def _aws_cron(words: list[str]) -> str | dict[str, str]:
    if len(words) != 6:
        raise NotTakenOver("its cron expression has not six fields")
    minute, hour, day, month, weekday, year = words
    if day != "?" and weekday != "?":
        raise NotTakenOver("its cron expression restricts day and weekday, so one of them has to be ?")
    if "W" in day.upper() and day.upper() != "LW":
        raise NotTakenOver("the weekday nearest to a day (W) is not supported: choose a day")
    fields = {
        "minute": _stepped(minute, 59),
        "hour": _stepped(hour, 23),
        "day": _stepped(day, 31),
        "month": _stepped(month, 12),
        "day_of_week": ",".join(map(_weekday, weekday.upper().split(","))),
    }
    return " ".join(fields.values()) if year == "*" else {"year": year, **fields}


def _stepped(text: str, last: int) -> str:
    text = re.sub(r"(?<![\w*-])(\d+)/(\d+)", rf"\1-{last}/\2", "*" if text == "?" else text)
    return re.sub(rf"^0-{last}/", "*/", text) if last in {59, 23} else text


def _weekday(text: str) -> str:
    """A part of the field of weekdays, which AWS counts from 1 = Sunday."""
    if text in {"?", "*"}:
        return "*"
    if text == "L":
        return "SAT"
    if found := re.fullmatch(r"(\w{1,3})#([1-5])", text):
        return f"{_DAYS[_day(found[1])]}#{found[2]}"
    if found := re.fullmatch(r"(\d|[A-Z]{3})L", text):
        return f"{_day(found[1])}L"
    found = re.fullmatch(r"(\*|\w{1,3})(?:-(\w{1,3}))?(?:/(\d))?", text)
    if found is None:
        raise NotTakenOver("the weekdays of its cron expression can't be read")
    first = 0 if found[1] == "*" else _day(found[1])
    last = _day(found[2]) if found[2] else 6 if found[3] or found[1] == "*" else first
    if not found[3] and first < last:
        return f"{_DAYS[first]}-{_DAYS[last]}"
    count = (last - first) % 7 + 1
    return ",".join(_DAYS[(first + step) % 7] for step in range(0, count, int(found[3] or 1) or 1))


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and 1 <= int(text) <= 7:
        return int(text) - 1
    raise NotTakenOver("the weekdays of its cron expression can't be read")


# --- App Engine ---

_EVERY = re.compile(r"every (\d{1,4}) (minute|min|hour)s?(?: (synchronized)|(?: from (\d\d:\d\d) to (\d\d:\d\d)))?")
_ON_DAYS = re.compile(r"(?:every|each) ([a-z, ]+?) (\d?\d):(\d\d)")
_IN_MONTHS = re.compile(r"([a-z0-9, ]+?)(?: ([a-z, ]+?))? of ([a-z, ]+?) (\d?\d):(\d\d)")
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NO_SENTENCE = "its schedule is neither cron nor a sentence that is known here, such as `every day 09:00`"


def unix_times(written: str) -> Times:
    """The schedule of a job of Cloud Scheduler: cron, or a sentence of App Engine."""
    text = " ".join(_bounded(written).lower().split())
    if not re.match(r"(every|each|[a-z0-9, ]+ of) ?", text):
        return times_of(written, delay=0, jitter=0)
    if found := _EVERY.fullmatch(text):
        return _every(int(found[1]), "minutes" if found[2][0] == "m" else "hours", *found.groups()[2:])
    if found := _ON_DAYS.fullmatch(text):
        return Times({"cron": f"{int(found[3])} {int(found[2])} * * {_weekdays(found[1])}"})
    if found := _IN_MONTHS.fullmatch(text):
        return Times({"cron": f"{int(found[5])} {int(found[4])} {_days_of_months(found[1], found[2], found[3])}"})
    raise NotTakenOver(_NO_SENTENCE)


def _every(number: int, unit: str, synchronized: str | None, begin: str | None, end: str | None) -> Times:
    if not number:
        raise NotTakenOver(_NO_SENTENCE)
    if not (synchronized or begin):
        return Times({"interval": {unit: number}}, (FROM_CREATION,))
    minutes = number * (60 if unit == "hours" else 1)
    first, last = (_minutes(begin), _minutes(end or "")) if begin else (0, 1_439)
    if (synchronized and 1_440 % minutes) or last < first:
        raise NotTakenOver("its interval doesn't divide a day, or goes over midnight: write it as cron")
    return Times({"cron": _crons_at(range(first, last + 1, minutes))})


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _crons_at(times: range) -> str | list[str]:
    """Cron lines for these minutes of a day, one for each set of minutes that several hours share."""
    hours: dict[int, list[int]] = {}
    for time in times:
        hours.setdefault(time // 60, []).append(time % 60)
    shared: dict[tuple[int, ...], list[int]] = {}
    for hour, minutes in hours.items():
        shared.setdefault(tuple(minutes), []).append(hour)
    lines = [f"{_listed(minutes, 60)} {_listed(found, 24)} * * *" for minutes, found in shared.items()]
    if len(lines) > 20:
        raise NotTakenOver("its times are too many different ones for cron: choose an interval that divides an hour")
    return lines[0] if len(lines) == 1 else lines


def _listed(numbers: tuple[int, ...] | list[int], of: int) -> str:
    if len(numbers) == of:
        return "*"
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    if step and list(numbers) == list(range(0, of, step)):
        return f"*/{step}"
    return ",".join(map(str, numbers))


def _weekdays(text: str) -> str:
    if text == "day":
        return "*"
    if text == "weekday":
        return "mon-fri"
    return ",".join(_named(text, [day.lower() for day in _DAYS]))


def _named(text: str, known: list[str] | tuple[str, ...]) -> Iterator[str]:
    for word in re.split(r",\s*|\s+", text.strip()):
        if word[:3] not in known:
            raise NotTakenOver(_NO_SENTENCE)
        yield word[:3]


def _days_of_months(which: str, days: str | None, months: str) -> str:
    """The fields of day, month and weekday, such as `* * MON#1`."""
    month = "*" if months in {"month", "every month"} else ",".join(_named(months, _MONTHS))
    words = [word for word in re.split(r",\s*|\s+", which.strip()) if word]
    if days is None and words and all(re.fullmatch(r"\d{1,2}", word) for word in words):
        return f"{','.join(words)} {month} *"
    weekdays = [word for word in words if word not in _ORDINALS]
    ordinals = [_ORDINALS[word] for word in words if word in _ORDINALS]
    names = list(_named(" ".join([*weekdays, days or ""]), [day.lower() for day in _DAYS]))
    if not ordinals:
        raise NotTakenOver(_NO_SENTENCE)
    return f"* {month} {','.join(f'{name.upper()}#{number}' for name in names for number in ordinals)}"
