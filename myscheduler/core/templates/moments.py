"""Times as templates have them: an instant with the zone in which it is read."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.schedule.timestamps import parse_duration
from myscheduler.core.schedule.zones import check_zone, first_showing, start_of_day, to_instant, to_second, zone
from myscheduler.core.templates.faults import TemplateError
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

LONGEST_FORMAT = 100
_CALENDAR = ("years", "months", "weeks", "days")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and the IANA zone whose calendar and clock count."""

    instant: datetime
    """In UTC."""
    zone: str

    @property
    def local(self) -> datetime:
        return self.instant.astimezone(zone(self.zone))

    def __str__(self) -> str:
        """ISO 8601 to the second, with the offset of the zone."""
        return self.local.isoformat(timespec="seconds")


def in_zone(moment: Moment, name: str) -> Moment:
    try:
        check_zone(name)
    except ScheduleError as error:
        raise TemplateError(str(error)) from error
    return Moment(moment.instant, name)


def later(moment: Moment, duration: str, sign: int) -> Moment:
    """The moment after (`sign` 1) or before (-1) that ISO 8601 duration.

    Years, months, weeks and days are counted by the calendar of the zone, and keep the time of the day; where a month
    is too short, its last day counts. Then hours, minutes and seconds are added as real time.
    """
    try:
        units = dict(parse_duration(duration, of_calendar=True))
    except ScheduleError as error:
        raise TemplateError(said("template-duration", value=shown(duration))) from error
    try:
        found = moment
        if not units.keys().isdisjoint(_CALENDAR):
            months = sign * (12 * units.get("years", 0) + units.get("months", 0))
            days = sign * (7 * units.get("weeks", 0) + units.get("days", 0))
            found = _at_wall(moment, _months_later(moment.local.replace(tzinfo=None), months) + timedelta(days=days))
        clock = timedelta(**{unit: number for unit, number in units.items() if unit not in _CALENDAR})
        return Moment(found.instant + sign * clock, found.zone)
    except (OverflowError, ValueError) as error:
        raise TemplateError(said("template-beyond-calendar")) from error


def _months_later(wall: datetime, months: int) -> datetime:
    count = wall.year * 12 + wall.month - 1 + months
    year, month = divmod(count, 12)
    last = monthrange(year, month + 1)[1]
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last))


def _at_wall(moment: Moment, wall: datetime) -> Moment:
    """The first instant at which the zone's clock shows that time, or, if it skips it, the instant after the gap."""
    second = to_second(wall.replace(tzinfo=UTC, microsecond=0))
    instant = to_instant(first_showing(moment.zone, second))
    return Moment(instant + timedelta(microseconds=wall.microsecond), moment.zone)


def start_of(moment: Moment, unit: str) -> Moment:
    """The beginning of the hour, day, week (Monday), month, quarter or year that the moment is in."""
    local = moment.local
    if unit in {"minute", "hour"}:  # never further back than the last change of the clock
        seconds = local.second + (60 * local.minute if unit == "hour" else 0)
        return Moment(moment.instant - timedelta(seconds=seconds, microseconds=local.microsecond), moment.zone)
    if unit not in _FIRST_DAYS:
        known = ("minute", "hour", *_FIRST_DAYS)
        hint = did_you_mean(unit, known)
        raise TemplateError(said("template-unit", value=shown(unit), known=", ".join(known), hint=hint))
    try:
        return Moment(start_of_day(moment.zone, _FIRST_DAYS[unit](local.date())), moment.zone)
    except (OverflowError, ValueError) as error:
        raise TemplateError(said("template-beyond-calendar")) from error


_FIRST_DAYS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}


def unix(moment: Moment) -> int:
    return int(moment.instant.timestamp())


def formatted(moment: Moment, pattern: str) -> str:
    """The moment in the notation of `date` and `strftime`, always with English names."""
    if len(pattern) > LONGEST_FORMAT:
        raise TemplateError(said("template-format-too-long", most=LONGEST_FORMAT))
    local, parts, index = moment.local, [], 0
    while (sign := pattern.find("%", index)) >= 0:
        parts.append(pattern[index:sign])
        is_bare = pattern.startswith("%-", sign)
        letter = pattern[sign + 1 + is_bare : sign + 2 + is_bare]
        directive = _DIRECTIVES.get(letter)
        if directive is None or (is_bare and letter not in _NUMBERS):
            raise TemplateError(said("template-directive", value=shown(pattern[sign : sign + 2 + is_bare] or "%")))
        text = directive(local)
        parts.append((text.lstrip("0 ") or "0") if is_bare else text)
        index = sign + 2 + is_bare
    return "".join([*parts, pattern[index:]])


def _offset(local: datetime, colon: str = "") -> str:
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


_DIRECTIVES: Mapping[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at.year % 100:02}",
    "m": lambda at: f"{at.month:02}",
    "d": lambda at: f"{at.day:02}",
    "e": lambda at: f"{at.day:2}",
    "j": lambda at: f"{at.timetuple().tm_yday:03}",
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{at.hour % 12 or 12:02}",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "F": lambda at: f"{at.year:04}-{at.month:02}-{at.day:02}",
    "T": lambda at: f"{at.hour:02}:{at.minute:02}:{at.second:02}",
    "R": lambda at: f"{at.hour:02}:{at.minute:02}",
    "G": lambda at: f"{at.isocalendar().year:04}",
    "V": lambda at: f"{at.isocalendar().week:02}",
    "u": lambda at: str(at.isoweekday()),
    "w": lambda at: str(at.isoweekday() % 7),
    "a": lambda at: _DAYS[at.weekday()][:3],
    "A": lambda at: _DAYS[at.weekday()],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "B": lambda at: _MONTHS[at.month - 1],
    "s": lambda at: str(int(at.timestamp())),
    "z": _offset,
    "Z": lambda at: at.tzname() or "",
    "%": lambda _: "%",
}
DIRECTIVES = "".join(_DIRECTIVES)
"""The letters that may follow `%` in a format."""
_NUMBERS = frozenset("mdejHIMSyV")
"""The letters before which `-` removes the padding, as in `date +%-d`."""
