"""Time zones: their names, and how their clocks run. The only place that reads zone data.

Instants are counted in whole seconds as wall time is (see `walls`), and a zone is a row of stretches of one UTC offset.
Zones are those of the `tzdata` package, whatever files the system has.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from myscheduler.core.findings.problem import shown
from myscheduler.core.schedule.expression import DAY, FIRST_YEAR
from myscheduler.core.schedule.zone_hints import meant_zone
from myscheduler.errors import ScheduleError


class Stretch(NamedTuple):
    """Instants from `start`, included, to `end`, excluded, at which wall time is the instant + `offset` seconds."""

    start: int
    end: int
    offset: int


ZERO = datetime(1, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = 3 * DAY
"""How close a zone is looked at. Since 1970 no clock was changed twice within six days, or by more than one day."""
_BLOCK = 21 * _STEP
_CYCLE = 146_097 * DAY // _BLOCK
"""Blocks of 400 years, after which the days of the calendar come again, with the weeks."""
_RULED = 2_100 * 365 * DAY // _BLOCK
"""From this block on, in the 21st century's last years, each zone follows a yearly rule."""


def to_second(moment: datetime) -> int:
    """The instant in whole seconds, counted from the day before the year 1 as wall time is; fractions are cut off."""
    distance = moment - ZERO
    return (distance.days + 1) * DAY + distance.seconds


def to_instant(second: int) -> datetime:
    return ZERO + timedelta(seconds=second - DAY)


FIRST = to_second(datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC))
LAST = to_second(datetime.max.replace(tzinfo=UTC))


def reached(zone_name: str, instant: int) -> int:
    """The latest wall time that the clock has shown up to that instant."""
    return max(
        min(instant, end - 1) + offset
        for start, end, offset in _stretches(zone_name, instant // _BLOCK)
        if start <= instant
    )


def first_showing(zone_name: str, wall: int) -> int:
    """The first instant at which the clock shows that wall time or a later one."""
    stretches = _stretches(zone_name, wall // _BLOCK)
    return next(max(start, wall - offset) for start, end, offset in stretches if wall < end + offset)


def stretch_at(zone_name: str, instant: int) -> Stretch:
    """The stretch around an instant; how far it reaches may be cut short."""
    return next(stretch for stretch in _stretches(zone_name, instant // _BLOCK) if instant < stretch.end)


def stretches_between(zone_name: str, start: int, until: int) -> Iterator[Stretch]:
    """The stretches from `start` to `until`, both included."""
    while start <= until:
        _, end, offset = stretch_at(zone_name, start)
        end = min(end, until + 1)
        yield Stretch(start, end, offset)
        start = end


@lru_cache(maxsize=8192)
def _stretches(zone_name: str, block: int) -> tuple[Stretch, ...]:
    """The stretches of a block of days and of a step before and after it, as a change may shift wall time out of it."""
    if block >= _RULED + _CYCLE and (block + 1) * _BLOCK + _STEP <= LAST - DAY:
        return _shifted(_stretches(zone_name, block - (cycles := (block - _RULED) // _CYCLE) * _CYCLE), cycles)
    start, end = block * _BLOCK - _STEP, (block + 1) * _BLOCK + _STEP
    offsets = [(step, _offset(zone_name, step)) for step in range(start, end + 1, _STEP)]
    changes = [_change(zone_name, step, before) for (step, before), (_, after) in pairwise(offsets) if before != after]
    edges = pairwise([start, *changes, end])
    return tuple(Stretch(first, last, _offset(zone_name, first)) for first, last in edges)


def _shifted(stretches: tuple[Stretch, ...], cycles: int) -> tuple[Stretch, ...]:
    """As many cycles later."""
    ahead = cycles * _CYCLE * _BLOCK
    return tuple(Stretch(start + ahead, end + ahead, offset) for start, end, offset in stretches)


def _change(zone_name: str, step: int, before: int) -> int:
    """The instant within the step from `step` on at which the offset is no longer `before`."""
    same, changed = step, step + _STEP
    while changed - same > 1:
        middle = (same + changed) // 2
        same, changed = (middle, changed) if _offset(zone_name, middle) == before else (same, middle)
    return changed


def _offset(zone_name: str, instant: int) -> int:
    """Seconds that the clock is ahead of UTC; the ends of datetime's range stand for what lies outside."""
    inside = to_instant(min(max(instant, FIRST), LAST - DAY))
    ahead = inside.astimezone(zone(zone_name)).utcoffset() or timedelta()
    return ahead.days * DAY + ahead.seconds


# --- zones by name ---


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of that name."""
    return name in _zone_names()


def check_zone(name: str) -> None:
    """Raise a `ScheduleError` (field `timezone`) for what is no zone of the IANA database."""
    if is_zone(name):
        return
    raise ScheduleError(f"{shown(name)} is not a time zone; {meant_zone(name[:40], _zone_names())}", field="timezone")


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, from the tzdata package; a `ScheduleError` as `check_zone` raises it."""
    check_zone(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def local_time(moment: datetime, name: str) -> datetime:
    """The moment on the clocks of that zone; as it is where the calendar ends before, late in the year 9999."""
    try:
        return moment.astimezone(zone(name))
    except OverflowError:
        return moment


@cache
def _zone_names() -> frozenset[str]:
    """The package's own list, so that no name ever becomes a path before it is known to be a zone."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"Factory"}
