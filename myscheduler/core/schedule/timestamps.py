"""Parses timestamps and durations as people write them (RFC 3339, local times, ISO 8601)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from myscheduler.core.findings.problem import shown
from myscheduler.core.schedule.expression import FIRST_YEAR
from myscheduler.core.schedule.zones import ZERO, first_showing, to_instant, to_second, zone
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import Message, said

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
_FORM = said("timestamp-form")


def parse_timestamp(text: str | datetime, zone_name: str, *, fold: int | None = None) -> datetime:
    """The instant, in UTC, of an RFC 3339 timestamp or, if it has no offset, of a local time in that zone.

    `fold` selects the first (0) or second (1) of two instants with the same local time, as in PEP 495. Raises
    `ScheduleError` for anything else, for a local time that the zone skips, and for one that occurs twice if no fold is
    given.
    """
    written = text if isinstance(text, datetime) else _read_time(text)
    try:
        moment = (_localized(written, zone_name, fold) if written.tzinfo is None else written).astimezone(UTC)
    except OverflowError:
        moment = ZERO
    if moment.year < FIRST_YEAR:
        raise ScheduleError(said("outside-of-years", value=written.isoformat(" ")))
    return moment


def has_offset(text: str) -> bool:
    """Whether a timestamp has an offset; raises `ScheduleError` if it isn't one."""
    return _read_time(text).tzinfo is not None


def _read_time(text: str) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text.strip().upper()):
        raise ScheduleError(said("not-a-timestamp", value=shown(text), form=_FORM))
    try:
        return datetime.fromisoformat(text.strip().upper())
    except ValueError as error:
        raise ScheduleError(said("not-a-time-that-exists", value=shown(text), why=error, form=_FORM)) from None


def _localized(local: datetime, zone_name: str, fold: int | None) -> datetime:
    """That wall time in the zone. By PEP 495, the offsets of its two folds differ if it is skipped or occurs twice."""
    first, second = (local.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    local_words = f"{local.isoformat(' ')} in {zone_name}"
    if before < after:
        raise ScheduleError(said("local-time-skipped", local=local_words))
    if before > after and fold is None:
        raise ScheduleError(
            said("local-time-twice", local=local_words, first=first.isoformat(), second=second.isoformat())
        )
    return second if fold else first


class Instants(NamedTuple):
    """The instants from `first` to `last`, both included."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, first: datetime, length: timedelta) -> "Instants":
        """The instants from `first` on, for `length`. Raises `ScheduleError` if that is after the year 9999."""
        try:
            return cls(first, first + length - timedelta(microseconds=1))
        except OverflowError:
            raise ScheduleError(said("end-of-calendar", first=first.isoformat(" "))) from None


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time about which a user asks, as a minute, a second or an instant."""

    spans: tuple[Instants, ...]
    """The instants that it means: one span, or two if the local time occurs twice."""
    remark: Message | None = None
    """A sentence to show if the clock skips the local time, or shows it twice."""

    @property
    def first(self) -> datetime:
        return self.spans[0].first

    @property
    def last(self) -> datetime:
        return self.spans[-1].last

    def has(self, moment: datetime) -> bool:
        return any(span.first <= moment <= span.last for span in self.spans)


def parse_asked(text: str, zone_name: str) -> LocalTime:
    """Parse a time about which a user asks. A time written to the minute or second means the whole minute or second.

    Unlike in `parse_timestamp`, a local time that occurs twice means both instants, and one that the clock skips means
    the instant right after the gap. Raises `ScheduleError` for anything that is not a time.
    """
    written = _read_time(text)
    length = timedelta(minutes=1) if not written.second else timedelta(seconds=1)
    if written.microsecond:
        length = timedelta(microseconds=1)
    if written.tzinfo is not None:
        return LocalTime((Instants.of(parse_timestamp(written, zone_name), length),))
    first, second = (written.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    if before < after:
        end = to_instant(first_showing(zone_name, to_second(written.replace(tzinfo=UTC))))
        return LocalTime((Instants.of(end, length),), said("asked-skipped", local=written, zone=zone_name))
    if before > after:
        spans = (Instants.of(parse_timestamp(one, zone_name), length) for one in (first, second))
        return LocalTime(tuple(spans), said("asked-twice", local=written, zone=zone_name))
    return LocalTime((Instants.of(parse_timestamp(first, zone_name), length),))


_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W|(?:(?P<years>\d{1,6})Y)?(?:(?P<months>\d{1,6})M)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10})S)?)?)",
    re.ASCII | re.IGNORECASE,  # with ASCII, IGNORECASE matches no letter of another script
)


def parse_duration(text: str, *, of_calendar: bool = False) -> tuple[tuple[str, int], ...]:
    """The units of an ISO 8601 duration such as `PT1H30M`, `P1DT12H` or `P2W`, as (unit, number) pairs.

    Raises `ScheduleError` for anything else. Years and months have no fixed length, so they are accepted only with
    `of_calendar`.
    """
    found = _DURATION.fullmatch(text.strip())
    units = tuple((unit, int(number)) for unit, number in found.groupdict().items() if number) if found else ()
    if not units or not (of_calendar or CALENDAR_UNITS.isdisjoint(dict(units))):
        raise ScheduleError(said("not-a-duration", value=shown(text)))
    return units


CALENDAR_UNITS = frozenset({"years", "months"})
"""Units whose length depends on the calendar."""


def span_of(text: str) -> timedelta:
    """The length that an ISO 8601 duration of weeks, days, hours, minutes and seconds names. Raises `ScheduleError`."""
    return timedelta(**dict(parse_duration(text)))


def duration_text(length: timedelta) -> str:
    """A duration of whole seconds in ISO 8601, in one unit, the largest that fits: `P30D`, `PT36H`, `PT90S`."""
    seconds = round(length.total_seconds())
    for unit, size in _SIZES:
        if seconds and seconds % size == 0:
            return f"P{seconds // size}D" if unit == "D" else f"PT{seconds // size}{unit}"
    return f"PT{seconds}S"


_SIZES = (("D", 86_400), ("H", 3_600), ("M", 60))
