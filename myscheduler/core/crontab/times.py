"""Converts the times of a crontab line to the schedule of a manifest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.schedule.cron_hints import go_span
from myscheduler.core.schedule.dialect import crontab_fields, parse_cron
from myscheduler.errors import ScheduleError


@dataclass(frozen=True, slots=True)
class Times:
    """The schedule fields of a manifest, and warnings about what they don't keep of the line."""

    fields: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


_OF_BSD = {"@every_minute": "* * * * *"}
_DAY = 86_400
_RANDOM_RANGE = re.compile(r"(\d{1,2})?~(\d{1,2})?")
_LARGEST = {"minute": 59, "hour": 23}


def times_of(written: str, *, delay: float, jitter: int, most_minutes: str = "") -> Times:
    """The schedule of a line that sleeps `delay` seconds before its call, and a random part of `jitter` seconds.

    `most_minutes` is cronie's RANDOM_DELAY. Raises `NotTakenOver` for times that no schedule can express.
    """
    words = written.split()
    name = words[0].lower()
    if name == "@reboot":
        raise NotTakenOver("@reboot runs when the machine starts, which a schedule can't express")
    warnings: list[str] = []
    if most_minutes.isascii() and most_minutes.isdigit() and int(most_minutes[:5]):
        jitter += int(most_minutes[:5]) * 60
        warnings.append("RANDOM_DELAY became jitter_sec: the job's delay within it is the same for each run")
    if name == "@every" or re.fullmatch(r"@\d+", name, re.ASCII):
        fields, spread = _interval(words, warnings), 0
        is_kept = not delay
    else:
        line, spread = _without_random(_OF_BSD.get(name, " ".join(words)), warnings)
        fields, is_kept = _delayed(line, delay)
    if not is_kept:
        warnings.append(f"the wait of {delay:g} s (sleep) is not kept: write a later minute, or a second")
    if jitter + spread > _DAY:
        raise NotTakenOver("its random delay is more than a day, but jitter_sec is at most a day")
    if jitter + spread:
        fields["jitter_sec"] = jitter + spread
    return Times(fields, tuple(warnings))


# --- intervals ---


def _interval(words: list[str], warnings: list[str]) -> dict[str, Any]:
    """`@every 1h30m` of Go's cron, and FreeBSD's `@600`."""
    is_go = len(words) > 1
    span = go_span(words[1] if is_go else f"{words[0][1:]}s")
    if not span:
        raise NotTakenOver("@every needs a duration in whole seconds, such as @every 1h30m")
    start = "the start of cron" if is_go else "the end of the run before"
    warnings.append(f"the interval is counted from the job's creation, not from {start}: anchor moves it")
    return {"interval": span}


# --- random times ---


def _without_random(line: str, warnings: list[str]) -> tuple[str, int]:
    """The line with `a` in place of each `a~b`, and how many seconds after that cron's random time may be."""
    words = line.split()
    if "~" not in line or len(words) != 5:
        return line, 0
    seconds = 0
    for place, (name, unit) in enumerate((("minute", 60), ("hour", 3_600))):
        if "~" not in words[place]:
            continue
        found = _RANDOM_RANGE.fullmatch(words[place])
        low, high = (int(found[1] or 0), int(found[2] or _LARGEST[name])) if found else (1, 0)
        if not low <= high <= _LARGEST[name] or (name == "hour" and not words[0].isdigit()):
            raise NotTakenOver(f"its {name} is random (~) in a way that a manifest can't express: choose one")
        words[place] = str(low)
        seconds += (high - low) * unit
    if any("~" in word for word in words):
        raise NotTakenOver("its day is random (~): choose one")
    warnings.append("the random time (~) became jitter_sec: the job has a fixed time in the same range")
    return " ".join(words), seconds + 60


# --- waits ---


def _delayed(line: str, delay: float) -> tuple[dict[str, Any], bool]:
    """The schedule fields of the line moved by `delay` seconds, and whether they could be moved."""
    try:
        given = crontab_fields(line)
        chosen = parse_cron(line).minutes
    except ScheduleError:
        return {"cron": line}, True  # the error is reported when the job is declared
    fields: dict[str, Any] = {"cron": line}
    if not (given["day"].startswith("*") or given["day_of_week"].startswith("*") or line.startswith("@")):
        fields["day_match"] = "any"
    minutes, seconds = divmod(delay, 60)
    if not delay:
        return fields, True
    moved = _moved(given, chosen, int(minutes))
    if moved is None or seconds != int(seconds):
        return fields, False
    later = " ".join([moved, *(text for name, text in given.items() if name != "minute")])
    return fields | ({"cron": f"{int(seconds)} {later}", "seconds": True} if seconds else {"cron": later}), True


def _moved(given: Mapping[str, str], chosen: tuple[int, ...], minutes: int) -> str | None:
    """The minute field, `minutes` later; `None` where that would reach into the next hour."""
    if not minutes or all(text == "*" for text in given.values()):
        return given["minute"]
    if chosen[-1] + minutes > 59:
        return None
    return ",".join(str(one + minutes) for one in chosen)
