"""Time zones: their names and UTC offsets. This is the only module that reads zone data.

Instants are whole seconds, counted like wall time (see `expression`). A zone is a sequence of stretches, each with one
UTC offset. The zones are those of the `tzdata` package, not those of the operating system.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from myscheduler.core.findings.problem import shown
from myscheduler.core.schedule.expression import DAY, FIRST_YEAR
from myscheduler.core.schedule.zone_hints import meant_zone
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said


class Stretch(NamedTuple):
    """The instants from `start` (included) to `end` (excluded), with wall time = instant + `offset` seconds."""

    start: int
    end: int
    offset: int


ZERO = datetime(1, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = 3 * DAY
"""The distance in seconds at which offsets are compared to find clock changes.

It is short enough: since 1970 no clock has changed twice within six days, or by more than one day.
"""
_BLOCK = 21 * _STEP
_CYCLE = 146_097 * DAY // _BLOCK
"""The blocks of 400 years, after which the calendar repeats, with its weekdays."""
_RULED = 2_100 * 365 * DAY // _BLOCK
"""From this block on, in the last years of the 21st century, each zone follows a yearly rule."""


def to_second(moment: datetime) -> int:
    """The instant in whole seconds, counted like wall time from the day before the year 1; fractions are cut off."""
    distance = moment - ZERO
    return (distance.days + 1) * DAY + distance.seconds


def to_instant(second: int) -> datetime:
    """The inverse of `to_second`."""
    return ZERO + timedelta(seconds=second - DAY)


FIRST = to_second(datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC))
LAST = to_second(datetime.max.replace(tzinfo=UTC))


def reached(zone_name: str, instant: int) -> int:
    """The latest wall time that the clock has shown up to that instant, which may be later than what it shows now."""
    return max(
        min(instant, end - 1) + offset
        for start, end, offset in _stretches(zone_name, instant // _BLOCK)
        if start <= instant
    )


def first_showing(zone_name: str, wall: int) -> int:
    """The first instant at which the clock shows that wall time or a later one."""
    stretches = _stretches(zone_name, wall // _BLOCK)
    return next(max(start, wall - offset) for start, end, offset in stretches if wall < end + offset)


def start_of_day(zone_name: str, day: date) -> datetime:
    """The first instant of a local day."""
    return to_instant(first_showing(zone_name, day.toordinal() * DAY))


def stretch_at(zone_name: str, instant: int) -> Stretch:
    """A stretch that contains the instant; it may be shorter than the time between two clock changes."""
    return next(stretch for stretch in _stretches(zone_name, instant // _BLOCK) if instant < stretch.end)


def stretches_between(zone_name: str, start: int, until: int) -> Iterator[Stretch]:
    """The stretches from `start` to `until`, both included. Consecutive ones may have the same offset."""
    while start <= until:
        _, end, offset = stretch_at(zone_name, start)
        end = min(end, until + 1)
        yield Stretch(start, end, offset)
        start = end


@lru_cache(maxsize=8192)
def _stretches(zone_name: str, block: int) -> tuple[Stretch, ...]:
    """The stretches of a block of days, and of one step before and after it, as wall time may differ from UTC."""
    if block >= _RULED + _CYCLE and (block + 1) * _BLOCK + _STEP <= LAST - DAY:
        return _shifted(_stretches(zone_name, block - (cycles := (block - _RULED) // _CYCLE) * _CYCLE), cycles)
    start, end = block * _BLOCK - _STEP, (block + 1) * _BLOCK + _STEP
    offsets = [(step, _offset(zone_name, step)) for step in range(start, end + 1, _STEP)]
    changes = [_change(zone_name, step, before) for (step, before), (_, after) in pairwise(offsets) if before != after]
    edges = pairwise([start, *changes, end])
    return tuple(Stretch(first, last, _offset(zone_name, first)) for first, last in edges)


def _shifted(stretches: tuple[Stretch, ...], cycles: int) -> tuple[Stretch, ...]:
    """The same stretches, that many cycles of 400 years later."""
    ahead = cycles * _CYCLE * _BLOCK
    return tuple(Stretch(start + ahead, end + ahead, offset) for start, end, offset in stretches)


def _change(zone_name: str, step: int, before: int) -> int:
    """The instant, within one step after `step`, at which the offset is no longer `before`, by bisection."""
    same, changed = step, step + _STEP
    while changed - same > 1:
        middle = (same + changed) // 2
        same, changed = (middle, changed) if _offset(zone_name, middle) == before else (same, middle)
    return changed


def _offset(zone_name: str, instant: int) -> int:
    """The UTC offset in seconds; outside the range of datetime, that of its nearest end."""
    inside = to_instant(min(max(instant, FIRST), LAST - DAY))
    ahead = inside.astimezone(zone(zone_name)).utcoffset() or timedelta()
    return ahead.days * DAY + ahead.seconds


# --- zones by name ---


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of that name."""
    return name in _zone_names()


def check_zone(name: str) -> None:
    """Raise a `ScheduleError` (field `timezone`) if the name is not a zone of the IANA database."""
    if is_zone(name):
        return
    raise ScheduleError(
        said("not-a-time-zone", value=shown(name), hint=meant_zone(name[:40], _zone_names())), field="timezone"
    )


@cache
def zone(name: str) -> ZoneInfo:
    """The zone with that IANA name, from the tzdata package. Raises `ScheduleError` as `check_zone` does."""
    check_zone(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def local_time(moment: datetime, name: str) -> datetime:
    """The moment in that zone; unchanged if the zone's local time would be after the year 9999."""
    try:
        return moment.astimezone(zone(name))
    except OverflowError:
        return moment


@cache
def _zone_names() -> frozenset[str]:
    """All names of zones, from a list in the package, so that a name is checked before it is used as a path."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"Factory"}
