"""Time zones: their names, and how their clocks run. The only place that reads zone data.

Instants are counted in whole seconds as wall time is (see `walls`), and a zone is a row of stretches of one UTC offset.
Zones are those of the `tzdata` package, whatever files the system has.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from myscheduler.core.findings.problem import shown
from myscheduler.core.schedule.expression import DAY, FIRST_YEAR
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
    raise ScheduleError(f"{shown(name)} is not a time zone; {_meant_zone(name[:40])}", field="timezone")


_FIXED = re.compile(r"(?:UTC|GMT|Z)?[ ]?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
"""An offset as people and clocks write it, which is no name of a zone."""
_PLACES = {
    (1, 3, 30): "Asia/Tehran", (1, 4, 30): "Asia/Kabul", (1, 5, 30): "Asia/Kolkata", (1, 5, 45): "Asia/Kathmandu",
    (1, 6, 30): "Asia/Yangon", (1, 9, 0): "Asia/Tokyo", (1, 9, 30): "Australia/Darwin",
    (-1, 9, 30): "Pacific/Marquesas",
}  # fmt: skip
"""Places whose clocks have an offset all year round: what the database has no other name for, and our default."""


def _meant_zone(name: str) -> str:
    """What to write instead. A zone of another offset is never proposed, however close its spelling is."""
    if offset := _FIXED.fullmatch(name.strip()):
        return _fixed_zone(-1 if offset[1] == "-" else 1, int(offset[2]), int(offset[3] or 0))
    close = get_close_matches(name.lower(), _zone_spellings(), n=3, cutoff=0.75)
    found = [_zone_spellings()[one] for one in close]
    digits = _offset_in(name)
    same = next((zone_name for zone_name in found if _offset_in(zone_name) == digits), None)
    return f"did you mean {same}?" if same else "write an IANA name like Asia/Tokyo"


def _fixed_zone(sign: int, hours: int, minutes: int) -> str:
    """The zone that has this offset; those of the database have the sign of POSIX, which is the reverse."""
    written = f"UTC{'-' if sign < 0 else '+'}{hours}" + (f":{minutes:02}" if minutes else "")
    if not hours and not minutes:
        return "write UTC"
    reverse = f"Etc/GMT{'+' if sign < 0 else '-'}{hours}"
    fixed = f"{reverse} (its sign is reversed)" if not minutes and is_zone(reverse) else None
    named = [one for one in (_PLACES.get((sign, hours, minutes)), fixed) if one]
    if not named:
        return f"no zone is always {written}: write the name of a place, such as Asia/Tokyo"
    return f"for {written} write {' or '.join(named)}; the name of a place knows when its clocks change"


def _offset_in(name: str) -> tuple[str, str] | None:
    """The sign and the number in a name."""
    found = re.search(r"([+-]?)0*(\d+)", name)
    return (found[1], found[2]) if found else None


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


@cache
def _zone_spellings() -> dict[str, str]:
    """Lower-case spellings, of the city alone too, to the zone they mean."""
    names = sorted(_zone_names())
    cities = {name.rpartition("/")[2].lower(): name for name in names}
    return cities | {name.lower(): name for name in names}
