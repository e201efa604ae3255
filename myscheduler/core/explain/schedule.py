"""Schedules in plain English, for reviewers of a change.

The text depends on what a cron expression means, not on how it is written: equal schedules read the same.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Literal, assert_never

from myscheduler.core.explain.after import after_words
from myscheduler.core.explain.patterns import runs_of, stride_of
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.spec import (
    INTERVAL_UNITS,
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
)
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.expression import LAST_YEAR, CronExpression, DayRule, bits, times_per_day
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.schedule.zones import local_time

_Unit = Literal["second", "minute", "month", "year"]
_MOST_TIMES = 4
"""The most times of the day that are listed one by one."""
_MOST_YEARS = 12
"""The most runs of years that are listed one by one."""
_SHORT_UNITS = dict(zip(INTERVAL_UNITS, ("y", "mo", "wk", "d", "h", "min", "s"), strict=True))
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = ("last", "first", "second", "third", "fourth", "fifth")


def describe(schedule: DeclaredSchedule, *, zone: str) -> str:
    """The schedule as one line, such as `at 10:30, Monday through Friday`.

    `zone` is the job's IANA zone. Raises `ScheduleError` for a declaration that is not valid.
    """
    match schedule:
        case DeclaredCron():
            return ", ".join([_rhythm(schedule), *_changes(schedule)])
        case DeclaredCrons(crons):
            rhythms = dict.fromkeys(_rhythm(one) for one in crons)
            changes = dict.fromkeys(change for one in crons for change in _changes(one))
            return "; ".join(["; and ".join(rhythms), *([", ".join(changes)] if changes else [])])
        case DeclaredWallInterval(units, anchor):
            every = f"every {length_words(dict(units))}{_on_day(schedule, zone)} at {_clock_of(anchor, zone)}"
            return ", ".join([every, *_changes(schedule), f"counted from {timestamp_words(anchor, zone)}"])
        case DeclaredInterval(units, anchor):
            start = timestamp_words(anchor, zone) if anchor else "its first creation"
            return f"every {length_words(dict(units))}, counted from {start}"
        case DeclaredDate(run_at, fold):
            return f"once, on {timestamp_words(parse_timestamp(run_at, zone, fold=fold), zone, weekday=True)}"
        case DeclaredAfter():
            return after_words(schedule)
        case _:
            assert_never(schedule)


def _rhythm(cron: DeclaredCron) -> str:
    expression = _expression(cron)
    return ", ".join([_time(expression), *_days(expression), *_seasons(expression)])


def _expression(cron: DeclaredCron) -> CronExpression:
    return parse_cron(dict(cron.fields), day_match=cron.day_match)


# --- intervals and moments ---


def length_words(units: dict[str, int]) -> str:
    """A length in units of intervals, such as `day`, `8 hours` or `1 d 6 h`; one of a unit has no number."""
    given = [(unit, units[unit]) for unit in INTERVAL_UNITS if units.get(unit)]
    if len(given) != 1:
        return " ".join(f"{count} {_SHORT_UNITS[unit]}" for unit, count in given)
    [(unit, count)] = given
    return unit.removesuffix("s") if count == 1 else f"{count} {unit}"


def timestamp_words(moment: datetime, zone: str, *, weekday: bool = False) -> str:
    """A time in `zone`, such as `2026-12-01 09:00:00+09:00`; or `2026-12-01 09:00 +09:00 (Tuesday)`."""
    local = local_time(moment, zone)
    if not weekday:
        return local.isoformat(" ")
    plain = local.replace(tzinfo=None)
    shown = plain.isoformat(" ", "auto" if plain.second or plain.microsecond else "minutes")
    return f"{shown} {local.isoformat()[len(plain.isoformat()) :]} ({_WEEK[local.weekday()]})"


def _on_day(interval: DeclaredWallInterval, zone: str) -> str:
    """The day that all slots of a wall-clock interval have in common, such as ` on Monday`; empty if there is none."""
    local = local_time(interval.anchor, zone)
    if not interval.months:
        return "" if interval.days % 7 else f" on {_WEEK[local.weekday()]}"
    if interval.days:
        return ""
    date = f"{local:%B} {local.day}" if not interval.months % 12 else f"day {local.day}"
    is_clamped = local.day > (28 if local.month == 2 or interval.months % 12 else 31)
    return f" on {date}" + (" or the last day of a shorter month" if is_clamped else "")


def _clock_of(moment: datetime, zone: str) -> str:
    local = local_time(moment, zone)
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


# --- the time of the day ---


def _time(expression: CronExpression) -> str:
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    if times_per_day(expression) <= _MOST_TIMES:
        return f"at {_joined(_clock(expression, *time) for time in product(hours, minutes, seconds))}"
    on_the_hour = minutes == seconds == (0,)
    if on_the_hour and len(hours) == 24:
        return "every hour"
    if len(minutes) == len(seconds) == 1 and len(hours) < 24:
        return _hourly(expression)
    parts = [] if seconds == (0,) else [_part(expression, "second")]
    if len(minutes) < 60 or not parts:
        parts.append(_part(expression, "minute"))
    return ", ".join(parts + _in_hours(hours))


def _clock(expression: CronExpression, hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if expression.seconds != (0,) else "")


def _hourly(expression: CronExpression) -> str:
    """A schedule with a single time in each of several hours."""
    hours, minute, second = expression.hours, expression.minutes[0], expression.seconds[0]
    times = {hour: _clock(expression, hour, minute, second) for hour in hours}
    stride = stride_of(hours, least=4)
    if stride:
        evenly = minute == second == 0 and _evenly(hours)
        return f"every {stride} hours" + ("" if evenly else f" from {times[hours[0]]} to {times[hours[-1]]}")
    runs = runs_of(hours)
    parts = [f"every hour from {times[first]} to {times[last]}" for first, last in runs if first != last]
    alone = [times[first] for first, last in runs if first == last]
    return _joined(parts + ([f"at {_joined(alone)}"] if alone else []))


def _evenly(hours: tuple[int, ...]) -> bool:
    """Whether the hours are evenly spaced around the clock, midnight included."""
    return hours == tuple(range(0, 24, 24 // len(hours)))


def _in_hours(hours: tuple[int, ...]) -> list[str]:
    """The hours of a schedule that runs several times in each."""
    stride, runs = stride_of(hours, least=4), runs_of(hours)
    if len(hours) == 24:
        return []
    if len(runs) == 1 or stride:
        between = f"between {hours[0]:02}:00 and {hours[-1]:02}:59"
        return [f"in every {_nth(stride)} hour {between}" if stride else between]
    return [f"in the hours of {_listed(runs, '02')}"]


def _part(expression: CronExpression, unit: Literal["minute", "second"]) -> str:
    values = expression.minutes if unit == "minute" else expression.seconds
    stride, whole = stride_of(values, least=5), "hour" if unit == "minute" else "minute"
    if values == (0,):
        return f"at 0 {unit}s past the {whole}"  # the library has no words for it
    words = _from_library(expression, unit)
    words = f"at {words}" if words.startswith(f"{unit}s ") else words.replace(f", {unit}s ", " from ")
    words = words.replace(f"at 1 {unit}s", f"at 1 {unit}")
    if stride and values[-1] + stride > 59 and stride * len(values) != 60:
        # the step starts anew in each hour or minute, which "every 7 minutes" alone would hide
        return words.replace(f"every {stride} {unit}s", f"every {stride} {unit}s within each {whole}")
    return words


# --- days ---


def _days(expression: CronExpression) -> list[str]:
    rule = expression.day_rule
    days, weekdays = _of_month(rule), _of_week(rule)
    if days and weekdays:
        return [f"{days} or when it is {weekdays}" if rule.either else f"{days}, and only when that is {weekdays}"]
    if weekdays:
        return [_only_weekdays(rule)]
    if days:
        return [days]
    spread = _evenly(expression.hours) and times_per_day(expression) > _MOST_TIMES
    return [] if spread else ["every day"]


def _of_month(rule: DayRule) -> str:
    """The days of the month, as in `on day 1 of the month`; empty for every day."""
    values = bits(rule.days)
    if len(values) == 31:
        return ""
    stride = stride_of(values, low=1, high=31, least=4)
    if stride:
        items = [f"every {_nth(stride)} day from {values[0]} to {values[-1]}"]
    else:
        items = [_range(*run) for run in runs_of(values)]
        items[:1] = [f"{'day' if len(values) == 1 else 'days'} {item}" for item in items[:1]]
    items += ["the last day"] if rule.last else []
    items += ["the last weekday (Monday through Friday)"] if rule.last_workday else []
    return f"on {_joined(items)} of the month"


def _of_week(rule: DayRule) -> str:
    """The days of the week, as in `a Monday`; empty for every day."""
    if len(bits(rule.weekdays)) == 7:
        return ""
    names = [_range(*run) for run in _weekday_runs(rule)]
    return _joined([name if " " in name else f"a {name}" for name in names] + _nth_weekdays(rule), last="or")


def _only_weekdays(rule: DayRule) -> str:
    names = [_range(*run) for run in _weekday_runs(rule)] + _nth_weekdays(rule)
    return names[0] if len(names) == 1 and " through " in names[0] else f"only on {_joined(names)}"


def _weekday_runs(rule: DayRule) -> list[tuple[str, str]]:
    from_monday = sorted((weekday - 1) % 7 for weekday in bits(rule.weekdays))
    return [(_WEEK[first], _WEEK[last]) for first, last in runs_of(from_monday)]


def _nth_weekdays(rule: DayRule) -> list[str]:
    return [f"the {_ORDINALS[nth]} {_WEEK[weekday - 1]} of the month" for weekday, nth in rule.nth]


# --- weeks, months, years, clocks ---


def _seasons(expression: CronExpression) -> list[str]:
    parts = [_from_library(expression, "month")] if len(expression.months) < 12 else []
    if expression.weeks is not None:
        week = "week" if len(expression.weeks) == 1 else "weeks"
        parts.append(f"only in ISO {week} {_listed(runs_of(expression.weeks))}")
    return parts + ([_years(expression, expression.years)] if expression.years is not None else [])


def _years(expression: CronExpression, years: tuple[int, ...]) -> str:
    first, last = years[0], years[-1]
    stride = stride_of(years, least=5) or (1 if last - first + 1 == len(years) > 1 else 0)
    if stride and last + stride > LAST_YEAR:  # years after the last possible one can't be listed
        return f"only from {first} on" if stride == 1 else f"every {stride} years from {first}"
    if stride > 1:
        return f"every {stride} years from {first} through {last}"
    if len(runs_of(years)) <= _MOST_YEARS:
        return _from_library(expression, "year")
    return f"only in {len(years)} of the years {first} to {last}"


def _changes(declared: DeclaredCron | DeclaredWallInterval) -> list[str]:
    """What happens to fixed times when the clocks change, where that is not the default."""
    if isinstance(declared, DeclaredCron) and _expression(declared).real_time:
        return []
    skipped = ["left out when the clocks jump over it"] if declared.gap == "skip" else []
    return skipped + (["twice when the time comes twice"] if declared.overlap == "both" else [])


# --- the library, and words of numbers ---


def _from_library(expression: CronExpression, unit: _Unit) -> str:
    """One part of the expression, described by cron-descriptor.

    It is used only for parts that it describes correctly, and is given them in a form that it parses correctly.
    """
    match unit:
        case "second":
            return _described(unit, _spelled(expression.seconds))
        case "minute":
            return _described(unit, _spelled(expression.minutes))
        case "month":
            return _described(unit, _listed_as_cron(expression.months))
        case "year":
            return _described(unit, _listed_as_cron(expression.years or ()))
        case _:
            assert_never(unit)


@lru_cache(maxsize=1_024)  # the library reads its words from a file each time
def _described(unit: _Unit, text: str) -> str:
    from cron_descriptor import ExpressionDescriptor, Options  # noqa: PLC0415 - 30 ms that few commands need

    parts: dict[str, str] = {"second": "0", "minute": "0", "month": "*", "year": "*", unit: text}
    options = Options(locale_code="en_US", use_24hour_time_format=True)
    descriptor = ExpressionDescriptor(
        f"{parts['second']} {parts['minute']} * * {parts['month']} * {parts['year']}", options
    )
    words: str = {
        "second": descriptor.get_seconds_description,
        "minute": descriptor.get_minutes_description,
        "month": descriptor.get_month_description,
        "year": descriptor.get_year_description,
    }[unit]()
    return words.removeprefix(", ").replace(", and ", " and ")


def _spelled(values: tuple[int, ...]) -> str:
    """Minutes or seconds as the simplest cron field."""
    if len(values) == 60:
        return "*"
    stride, first, last = stride_of(values, least=5), values[0], values[-1]
    if not stride:
        return _listed_as_cron(values)
    return f"{first}/{stride}" if last + stride > 59 else f"{first}-{last}/{stride}"


def _listed_as_cron(values: tuple[int, ...]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs_of(values))


def _range(first: object, last: object) -> str:
    return str(first) if first == last else f"{first} through {last}"


def _listed(runs: Iterable[tuple[int, int]], form: str = "") -> str:
    return _joined(_range(format(first, form), format(last, form)) for first, last in runs)


def _joined(items: Iterable[str], last: str = "and") -> str:
    *before, end = items
    return f"{', '.join(before)} {last} {end}" if before else end


def _nth(step: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(step, f"{step}th")
