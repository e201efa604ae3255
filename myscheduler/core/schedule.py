"""When a job is due: cron in a zone, intervals and single runs. The only place that knows zones.

Instants are aware UTC datetimes. Inside, instants and wall times are whole seconds counted alike (see `cron`), and a
zone is a row of stretches of one UTC offset. Zones are those of the `tzdata` package, whatever files the system has.

Where clocks change, cron keeps Debian's rules. A fixed time is due at the first instant at which the clock shows it or
something later: once in a repeated hour, and right after a gap that swallowed it. An expression that follows real time
is due whenever the clock shows a matching time: twice in a repeated hour, never in a gap.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from myscheduler.core.cron import DAY, FIRST_YEAR, CronExpression, count_walls, next_wall, previous_wall
from myscheduler.errors import ScheduleError


@dataclass(frozen=True, slots=True)
class Cron:
    """Due when the wall clock of a zone matches, in the years 1970 to 9999."""

    expression: CronExpression
    zone: str
    """IANA name, as `check_zone` accepts it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Due at anchor + k * every for k >= 1."""

    every: timedelta
    """More than zero."""
    anchor: datetime

    def __post_init__(self) -> None:
        if self.every <= timedelta():
            raise ScheduleError("an interval must be longer than zero", field="interval")


@dataclass(frozen=True, slots=True)
class Once:
    """Due a single time."""

    at: datetime


Schedule = Cron | Interval | Once

# --- slots ---


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after`; `None` when there is none, also at the end of what datetime can hold."""
    match schedule:
        case Cron(expression, zone_name):
            follow = _next_real if expression.real_time else _next_fixed
            found = follow(expression, zone_name, max(_second(after), _FIRST - 1))
            return None if found is None or found > _LAST else _instant(found)
        case Interval(every, anchor):
            with suppress(OverflowError):
                return anchor + max(1, (after - anchor) // every + 1) * every
            return None
        case Once(at):
            return at if at > after else None
        case _:
            assert_never(schedule)


def last_until(schedule: Schedule, until: datetime, *, after: datetime) -> datetime | None:
    """The latest slot that is later than `after` and not later than `until`."""
    match schedule:
        case Cron(expression, zone_name):
            follow = _previous_real if expression.real_time else _previous_fixed
            found = follow(expression, zone_name, min(_second(until), _LAST), max(_second(after), _FIRST - 1))
            return None if found is None or found <= _second(after) else _instant(found)
        case Interval(every, anchor):
            turns = (until - anchor) // every
            return anchor + turns * every if turns > max(0, (after - anchor) // every) else None
        case Once(at):
            return at if after < at <= until else None
        case _:
            assert_never(schedule)


def count_between(schedule: Schedule, after: datetime, until: datetime) -> int:
    """How many slots are later than `after` and not later than `until`, without walking them one by one."""
    match schedule:
        case Cron(expression, zone_name):
            count = _count_real if expression.real_time else _count_fixed
            return count(expression, zone_name, max(_second(after) + 1, _FIRST), min(_second(until), _LAST))
        case Interval(every, anchor):
            return max(0, (until - anchor) // every - max(0, (after - anchor) // every))
        case Once(at):
            return int(after < at <= until)
        case _:
            assert_never(schedule)


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots later than `after` and not later than `until`, in order."""
    slot = next_after(schedule, after)
    while slot is not None and slot <= until:
        yield slot
        slot = next_after(schedule, slot)


# --- cron in a zone ---


def _next_fixed(expression: CronExpression, zone_name: str, after: int) -> int | None:
    wall = next_wall(expression, _reached(zone_name, after) + 1)
    return None if wall is None else _first_showing(zone_name, wall)


def _previous_fixed(expression: CronExpression, zone_name: str, until: int, after: int) -> int | None:
    wall = previous_wall(expression, _reached(zone_name, until)) if until > after else None
    return None if wall is None else _first_showing(zone_name, wall)


def _count_fixed(expression: CronExpression, zone_name: str, start: int, until: int) -> int:
    """Times count once: not again when shown again, and all that a gap swallowed count as one, at its end."""
    total, reached = 0, _reached(zone_name, start - 1) + 1
    for first, end, offset in _stretches_between(zone_name, start, until):
        shown = first + offset
        if (
            reached < shown
            and count_walls(expression, reached, shown)
            and not count_walls(expression, shown, shown + 1)
        ):
            total += 1
        total += count_walls(expression, max(reached, shown), end + offset)
        reached = max(reached, end + offset)
    return total


def _next_real(expression: CronExpression, zone_name: str, after: int) -> int | None:
    """Look stretch by stretch; far from a change of the clock, jump to where the next matching wall time must lie."""
    instant = after + 1
    while instant <= _LAST:
        stretch = _stretch(zone_name, instant)
        wall = next_wall(expression, instant + stretch.offset)
        if wall is not None and wall < stretch.end + stretch.offset:
            return wall - stretch.offset
        steady = _stretch(zone_name, instant + 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = max(stretch.end, wall - DAY) if wall is not None and steady else stretch.end
    return None


def _previous_real(expression: CronExpression, zone_name: str, until: int, after: int) -> int | None:
    """The mirror image of `_next_real`."""
    instant = until
    while instant > after:
        stretch = _stretch(zone_name, instant)
        wall = previous_wall(expression, instant + stretch.offset)
        if wall is not None and wall >= stretch.start + stretch.offset:
            return wall - stretch.offset
        steady = _stretch(zone_name, instant - 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = min(stretch.start - 1, wall + DAY) if wall is not None and steady else stretch.start - 1
    return None


def _count_real(expression: CronExpression, zone_name: str, start: int, until: int) -> int:
    stretches = _stretches_between(zone_name, start, until)
    return sum(count_walls(expression, first + offset, end + offset) for first, end, offset in stretches)


# --- the clock of a zone ---


class _Stretch(NamedTuple):
    """Instants from `start`, included, to `end`, excluded, at which wall time is the instant + `offset` seconds."""

    start: int
    end: int
    offset: int


_ZERO = datetime(1, 1, 1, tzinfo=UTC)
_STEP = 3 * DAY
"""How close a zone is looked at. Since 1970 no clock was changed twice within six days, or by more than one day."""
_BLOCK = 33 * _STEP


def _second(moment: datetime) -> int:
    """The instant in whole seconds, counted from the day before the year 1 as wall time is; fractions are cut off."""
    distance = moment - _ZERO
    return (distance.days + 1) * DAY + distance.seconds


def _instant(second: int) -> datetime:
    return _ZERO + timedelta(seconds=second - DAY)


_FIRST = _second(datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC))
_LAST = _second(datetime.max.replace(tzinfo=UTC))


def _reached(zone_name: str, instant: int) -> int:
    """The latest wall time that the clock has shown up to that instant."""
    return max(
        min(instant, end - 1) + offset
        for start, end, offset in _stretches(zone_name, instant // _BLOCK)
        if start <= instant
    )


def _first_showing(zone_name: str, wall: int) -> int:
    """The first instant at which the clock shows that wall time or a later one."""
    stretches = _stretches(zone_name, wall // _BLOCK)
    return next(max(start, wall - offset) for start, end, offset in stretches if wall < end + offset)


def _stretch(zone_name: str, instant: int) -> _Stretch:
    """The stretch around an instant; how far it reaches may be cut short."""
    return next(stretch for stretch in _stretches(zone_name, instant // _BLOCK) if instant < stretch.end)


def _stretches_between(zone_name: str, start: int, until: int) -> Iterator[_Stretch]:
    """The stretches from `start` to `until`, both included."""
    while start <= until:
        _, end, offset = _stretch(zone_name, start)
        end = min(end, until + 1)
        yield _Stretch(start, end, offset)
        start = end


@lru_cache(maxsize=8192)
def _stretches(zone_name: str, block: int) -> tuple[_Stretch, ...]:
    """The stretches of a block of days and of a step before and after it, as a change may shift wall time out of it."""
    start, end = block * _BLOCK - _STEP, (block + 1) * _BLOCK + _STEP
    offsets = [(step, _offset(zone_name, step)) for step in range(start, end + 1, _STEP)]
    changes = [_change(zone_name, step, before) for (step, before), (_, after) in pairwise(offsets) if before != after]
    edges = pairwise([start, *changes, end])
    return tuple(_Stretch(first, last, _offset(zone_name, first)) for first, last in edges)


def _change(zone_name: str, step: int, before: int) -> int:
    """The instant within the step from `step` on at which the offset is no longer `before`."""
    same, changed = step, step + _STEP
    while changed - same > 1:
        middle = (same + changed) // 2
        same, changed = (middle, changed) if _offset(zone_name, middle) == before else (same, middle)
    return changed


def _offset(zone_name: str, instant: int) -> int:
    """Seconds that the clock is ahead of UTC; the ends of datetime's range stand for what lies outside."""
    inside = _instant(min(max(instant, _FIRST), _LAST - DAY))
    ahead = inside.astimezone(zone(zone_name)).utcoffset() or timedelta()
    return ahead.days * DAY + ahead.seconds


# --- zones by name ---


def check_zone(name: str) -> None:
    """Raise a `ScheduleError` (field `timezone`) for what is no zone of the IANA database."""
    if name in _zone_names():
        return
    shown = name if len(name) <= 40 else f"{name[:37]}…"
    close = get_close_matches(name[:40].lower(), _zone_spellings(), n=1, cutoff=0.75)
    hint = f"did you mean {_zone_spellings()[close[0]]}?" if close else "write an IANA name like Asia/Tokyo"
    raise ScheduleError(f"{shown!r} is not a time zone; {hint}", field="timezone")


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, from the tzdata package; a `ScheduleError` as `check_zone` raises it."""
    check_zone(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


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


# --- single runs ---

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_FORM = "write a time like 2026-04-01T09:00:00+09:00, or without the offset for the job's time zone"


def parse_run_at(text: str | datetime, zone_name: str) -> datetime:
    """The instant of an RFC 3339 time, or of a local time of that zone when it has no offset.

    A `ScheduleError` (field `run_at`) for anything else, and for a local time that the zone shows never or twice.
    """
    written = text if isinstance(text, datetime) else _read_time(text)
    try:
        moment = (_localized(written, zone_name) if written.tzinfo is None else written).astimezone(UTC)
    except OverflowError:
        moment = _ZERO
    if moment.year < FIRST_YEAR:
        raise ScheduleError("lies outside of the years 1970 to 9999", field="run_at")
    return moment


def _read_time(text: str) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text.strip().upper()):
        raise ScheduleError(f"is not a date with a time; {_FORM}", field="run_at")
    try:
        return datetime.fromisoformat(text.strip().upper())
    except ValueError as error:
        raise ScheduleError(f"is not a time that exists ({error}); {_FORM}", field="run_at") from None


def _localized(local: datetime, zone_name: str) -> datetime:
    """That wall time in the zone; PEP 495: the offsets of both folds differ where it is shown never or twice."""
    first, second = (local.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    shown = f"{local.isoformat(' ')} in {zone_name}"
    if before < after:
        raise ScheduleError(
            f"{shown} doesn't exist, the clock jumps over it: write another time, or the offset", field="run_at"
        )
    if before > after:
        raise ScheduleError(
            f"{shown} comes twice: write the offset, {first.isoformat()} or {second.isoformat()}", field="run_at"
        )
    return first
