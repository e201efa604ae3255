"""Moments as people write them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from myscheduler.core.findings.problem import shown
from myscheduler.core.schedule.expression import FIRST_YEAR
from myscheduler.core.schedule.zones import ZERO, first_showing, to_instant, to_second, zone
from myscheduler.errors import ScheduleError

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_FORM = "write a time like 2026-04-01T09:00:00+09:00, or without the offset for the job's time zone"


def parse_moment(text: str | datetime, zone_name: str, *, fold: int | None = None) -> datetime:
    """The instant of an RFC 3339 time, or of a local time of that zone when it has no offset.

    `fold` chooses the first (0) or second (1) of two instants with one local time, as in PEP 495. A `ScheduleError`
    for anything else, for a local time that the zone never shows, and for one that comes twice when no fold is given.
    """
    written = text if isinstance(text, datetime) else _read_time(text)
    try:
        moment = (_localized(written, zone_name, fold) if written.tzinfo is None else written).astimezone(UTC)
    except OverflowError:
        moment = ZERO
    if moment.year < FIRST_YEAR:
        raise ScheduleError(f"{written.isoformat(' ')} lies outside of the years 1970 to 9999")
    return moment


def has_offset(text: str) -> bool:
    """Whether a moment says by itself which instant it is; raises as `parse_moment` does."""
    return _read_time(text).tzinfo is not None


def _read_time(text: str) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text.strip().upper()):
        raise ScheduleError(f"{shown(text)} is not a date with a time; {_FORM}")
    try:
        return datetime.fromisoformat(text.strip().upper())
    except ValueError as error:
        raise ScheduleError(f"{shown(text)} is not a time that exists ({error}); {_FORM}") from None


def _localized(local: datetime, zone_name: str, fold: int | None) -> datetime:
    """That wall time in the zone; PEP 495: the offsets of both folds differ where it is shown never or twice."""
    first, second = (local.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    local_words = f"{local.isoformat(' ')} in {zone_name}"
    if before < after:
        raise ScheduleError(f"{local_words} doesn't exist, the clock jumps over it: write another time, or the offset")
    if before > after and fold is None:
        raise ScheduleError(
            f"{local_words} comes twice: write the offset, {first.isoformat()} or {second.isoformat()} "
            "(beside run_at, `fold: 0` or `fold: 1` says the same)"
        )
    return second if fold else first


class Instants(NamedTuple):
    """The instants from `first` to `last`, both included."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, first: datetime, length: timedelta) -> "Instants":
        """Raises `ScheduleError` where the calendar ends before."""
        try:
            return cls(first, first + length - timedelta(microseconds=1))
        except OverflowError:
            raise ScheduleError(f"{first.isoformat(' ')} is the end of the calendar: write an earlier time") from None


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time that somebody asks about."""

    spans: tuple[Instants, ...]
    """One, or two where a local time comes twice."""
    remark: str = ""
    """What is to be said of a local time that the clock jumps over, or shows twice."""

    @property
    def first(self) -> datetime:
        return self.spans[0].first

    @property
    def last(self) -> datetime:
        return self.spans[-1].last

    def has(self, moment: datetime) -> bool:
        return any(span.first <= moment <= span.last for span in self.spans)


def parse_asked(text: str, zone_name: str) -> LocalTime:
    """A moment to ask about; written to the minute or second, the whole of it is meant.

    A local time that comes twice means both, and one that doesn't exist the instant right after the jump; other than
    in `parse_moment` nothing is decided by it. Raises `ScheduleError` for what is no time.
    """
    written = _read_time(text)
    length = timedelta(minutes=1) if not written.second else timedelta(seconds=1)
    if written.microsecond:
        length = timedelta(microseconds=1)
    if written.tzinfo is not None:
        return LocalTime((Instants.of(parse_moment(written, zone_name), length),))
    first, second = (written.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    local_words = f"{written.isoformat(' ')} in {zone_name}"
    if before < after:
        end = to_instant(first_showing(zone_name, to_second(written.replace(tzinfo=UTC))))
        return LocalTime((Instants.of(end, length),), f"{local_words} doesn't exist: the clock jumps over it.")
    if before > after:
        spans = (Instants.of(parse_moment(one, zone_name), length) for one in (first, second))
        return LocalTime(tuple(spans), f"{local_words} comes twice.")
    return LocalTime((Instants.of(parse_moment(first, zone_name), length),))


_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W|(?:(?P<years>\d{1,6})Y)?(?:(?P<months>\d{1,6})M)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10})S)?)?)",
    re.ASCII | re.IGNORECASE,  # with both, no letter of another script is taken for one of these
)


def parse_duration(text: str, *, of_calendar: bool = False) -> tuple[tuple[str, int], ...]:
    """The units of an ISO 8601 duration and how many of each: `PT1H30M`, `P1DT12H`, `P2W`.

    A `ScheduleError` for anything else; years and months have no fixed length, so they are refused, unless it is one
    `of_calendar`.
    """
    found = _DURATION.fullmatch(text.strip())
    units = tuple((unit, int(number)) for unit, number in found.groupdict().items() if number) if found else ()
    if not units or not (of_calendar or CALENDAR_UNITS.isdisjoint(dict(units))):
        raise ScheduleError(
            f"{shown(text)} is not a duration: write one such as PT10M, PT1H30M, P1D or P2W, in whole numbers"
        )
    return units


CALENDAR_UNITS = frozenset({"years", "months"})
"""They are as long as the calendar has it."""
