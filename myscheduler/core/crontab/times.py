"""When a line of a crontab runs, as the schedule of a manifest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from myscheduler.core.crontab.web_call import NotTakenOver
from myscheduler.core.schedule.cron_hints import go_span
from myscheduler.core.schedule.dialect import crontab_fields, parse_cron
from myscheduler.errors import ScheduleError


@dataclass(frozen=True, slots=True)
class Times:
    """The fields of a manifest that say when, and what they don't say."""

    fields: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


_OF_BSD = {"@every_minute": "* * * * *"}
_DAY = 86_400
_DRAWN = re.compile(r"(\d{1,2})?~(\d{1,2})?")
_LARGEST = {"minute": 59, "hour": 23}


def times_of(written: str, *, delay: float, jitter: int, most_minutes: str = "") -> Times:
    """The schedule of a line that waits `delay` seconds before its call, and a part of `jitter` seconds more.

    `most_minutes` is cronie's RANDOM_DELAY. Raises `NotTakenOver` for times that no schedule has.
    """
    words = written.split()
    name = words[0].lower()
    if name == "@reboot":
        raise NotTakenOver("@reboot runs when the machine starts, which is no time of a schedule")
    warnings: list[str] = []
    if most_minutes.isascii() and most_minutes.isdigit() and int(most_minutes[:5]):
        jitter += int(most_minutes[:5]) * 60
        warnings.append("RANDOM_DELAY became jitter_sec: a part of it that is the same for the job each time")
    if name == "@every" or re.fullmatch(r"@\d+", name, re.ASCII):
        fields, drawn = _interval(words, warnings), 0
        is_kept = not delay
    else:
        line, drawn = _without_draws(_OF_BSD.get(name, " ".join(words)), warnings)
        fields, is_kept = _later(line, delay)
    if not is_kept:
        warnings.append(f"the wait of {delay:g} s (sleep) is not kept: write a later minute, or a second")
    if jitter + drawn > _DAY:
        raise NotTakenOver("it starts at random within more than a day, and jitter_sec is at most a day")
    if jitter + drawn:
        fields["jitter_sec"] = jitter + drawn
    return Times(fields, tuple(warnings))


# --- intervals ---


def _interval(words: list[str], warnings: list[str]) -> dict[str, Any]:
    """`@every 1h30m` of Go's cron, and FreeBSD's `@600`."""
    is_go = len(words) > 1
    span = go_span(words[1] if is_go else f"{words[0][1:]}s")
    if not span:
        raise NotTakenOver("@every wants a time of whole seconds behind it, such as @every 1h30m")
    start = "the start of cron" if is_go else "the end of the run before"
    warnings.append(f"the interval is counted from the job's creation, not from {start}: anchor moves it")
    return {"interval": span}


# --- what is drawn ---


def _without_draws(line: str, warnings: list[str]) -> tuple[str, int]:
    """The line with the first minute and hour of `a~b`, and within how many seconds of it cron draws one."""
    words = line.split()
    if "~" not in line or len(words) != 5:
        return line, 0
    seconds = 0
    for place, (name, unit) in enumerate((("minute", 60), ("hour", 3_600))):
        if "~" not in words[place]:
            continue
        found = _DRAWN.fullmatch(words[place])
        low, high = (int(found[1] or 0), int(found[2] or _LARGEST[name])) if found else (1, 0)
        if not low <= high <= _LARGEST[name] or (name == "hour" and not words[0].isdigit()):
            raise NotTakenOver(f"its {name} is drawn in a way that can't be said here (~): choose one")
        words[place] = str(low)
        seconds += (high - low) * unit
    if any("~" in word for word in words):
        raise NotTakenOver("its day is drawn (~): choose one")
    warnings.append("the time that cron draws (~) became jitter_sec: the job has a fixed one in the same range")
    return " ".join(words), seconds + 60


# --- waits ---


def _later(line: str, delay: float) -> tuple[dict[str, Any], bool]:
    """The fields of the line so many seconds later, and whether it could be put off."""
    try:
        given = crontab_fields(line)
        chosen = parse_cron(line).minutes
    except ScheduleError:
        return {"cron": line}, True  # what is wrong with it is said where the job is declared
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
    """The minutes so much later; `None` where they reach into the next hour."""
    if not minutes or all(text == "*" for text in given.values()):
        return given["minute"]
    if chosen[-1] + minutes > 59:
        return None
    return ",".join(str(one + minutes) for one in chosen)
