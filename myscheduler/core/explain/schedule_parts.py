"""When a job runs, in parts from which the schedule can be said in any language; `job.describe_job` says it in English.

The parts depend on what a schedule means, not on how it is written: equal schedules have equal parts.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any, Literal, NotRequired, assert_never

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.core.explain.patterns import runs_of, stride_of
from myscheduler.core.job.after import DeclaredAfter, after_to_json
from myscheduler.core.job.limits import DeclaredBlackout, DeclaredRecurring, Limits
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredWallInterval,
    JobSpec,
)
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.expression import CronExpression, DayRule, bits, times_per_day
from myscheduler.core.schedule.jitter import jitter_offset
from myscheduler.core.schedule.slots import Period
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.schedule.zones import local_time

MOST_TIMES = 4
"""The most times of the day that are listed one by one, as in the English text."""


class Steps(TypedDict):
    """Evenly spaced values."""

    step: int
    first: int
    last: int


Values = Steps | list[list[int]]
"""The values of a field: even steps, or the first and last of each run of consecutive values."""


class CronParts(TypedDict):
    """One cron expression. What is left out is not restricted."""

    times: NotRequired[list[str]]
    """The times of the day (`09:00`), if they are few; then hours, minutes and seconds are left out."""
    hours: NotRequired[Values]
    minutes: NotRequired[Values]
    seconds: NotRequired[Values]
    days: NotRequired[Values]
    """Days of the month."""
    last_day: NotRequired[bool]
    """The last day of the month, besides `days`."""
    last_workday: NotRequired[bool]
    """The last day of the month that is Monday to Friday, besides `days`."""
    weekdays: NotRequired[list[int]]
    """1 (Monday) to 7 (Sunday)."""
    nth_weekdays: NotRequired[list[dict[str, int]]]
    """The `nth` such `weekday` of the month, besides `weekdays`; -1 is the last one."""
    day_match: NotRequired[Literal["any", "all"]]
    """If both days of the month and weekdays are restricted: whether either is enough, or both have to match."""
    months: NotRequired[Values]
    weeks: NotRequired[Values]
    """ISO weeks."""
    years: NotRequired[Values]


class BlackoutParts(TypedDict, total=False):
    """From a time to another, or for a `length` from each start of a cron expression."""

    start: str
    end: str
    cron: CronParts
    length: dict[str, int]


class CalendarParts(TypedDict):
    mode: Literal["business_days", "holidays"]
    """Not on weekends and holidays, or not on holidays."""
    shift: Literal["next", "previous"] | None
    """To which open day slots on closed days are moved; null if they are left out."""
    name: str | None
    country: str | None
    subdivision: str | None
    custom_days: bool
    """Whether it has open or closed days of its own."""


class JitterParts(TypedDict):
    seconds: int
    offset: float
    """How many seconds later this job always runs."""


class ScheduleParts(TypedDict):
    """When a job runs. `kind` says which of the other fields there are; limits that do not apply are left out."""

    kind: Literal["cron", "interval", "calendar-interval", "once", "after"]
    timezone: str
    crons: NotRequired[list[CronParts]]
    """`cron`: the expressions; a slot of any of them is a slot."""
    every: NotRequired[dict[str, int]]
    """`interval` and `calendar-interval`: the length by unit (`years` to `seconds`)."""
    anchor: NotRequired[str | None]
    """`interval` and `calendar-interval`: from where slots are counted; null is the job's first creation."""
    at: NotRequired[str]
    """`once`: when; `calendar-interval`: the time of the day, such as `09:00`."""
    after: NotRequired[list[dict[str, str]]]
    """`after`: the jobs that it runs after, as in the manifest; with them may be `join`, `when` and `if_skipped`."""
    join: NotRequired[Literal["any"]]
    when: NotRequired[dict[str, Any]]
    if_skipped: NotRequired[Literal["run"]]
    weekday: NotRequired[int]
    """`once`, and `calendar-interval` if all slots are on the same one: 1 (Monday) to 7 (Sunday)."""
    day: NotRequired[int]
    """`calendar-interval` in months or years: the day of the month."""
    month: NotRequired[int]
    """`calendar-interval` in years: the month."""
    is_clamped: NotRequired[bool]
    """Whether in a shorter month its last day is meant instead."""
    gap: NotRequired[Literal["skip"]]
    """Times that the clocks jump over are left out."""
    overlap: NotRequired[Literal["both"]]
    """Times that come twice run twice."""
    calendar: NotRequired[CalendarParts]
    blackouts: NotRequired[list[BlackoutParts]]
    not_before: NotRequired[str]
    only_before: NotRequired[str]
    jitter: NotRequired[JitterParts]


def schedule_parts(spec: JobSpec, *, zone: str) -> ScheduleParts:
    """When the job runs; `zone` is the job's IANA zone, in which all times are given."""
    parts = _rhythm(spec, zone)
    for limit, value in _limits(spec.limits, zone):
        parts[limit] = value  # type: ignore[literal-required]
    if spec.limits.jitter_sec:
        offset = jitter_offset(spec.job_id, spec.limits.jitter_sec).total_seconds()
        parts["jitter"] = {"seconds": spec.limits.jitter_sec, "offset": offset}
    return parts


def _rhythm(spec: JobSpec, zone: str) -> ScheduleParts:
    match spec.schedule:
        case DeclaredCron() as cron:
            return _of_crons([cron], zone)
        case DeclaredCrons(crons):
            return _of_crons(crons, zone)
        case DeclaredInterval(units, anchor):
            start = _shown(anchor, zone) if anchor else None
            return {"kind": "interval", "timezone": zone, "every": dict(units), "anchor": start}
        case DeclaredWallInterval() as interval:
            return _of_wall_interval(interval, zone)
        case DeclaredDate(run_at, fold):
            local = local_time(parse_timestamp(run_at, zone, fold=fold), zone)
            return {"kind": "once", "timezone": zone, "at": local.isoformat(), "weekday": local.isoweekday()}
        case DeclaredAfter() as after:
            found: ScheduleParts = {"kind": "after", "timezone": zone}
            found.update(after_to_json(after))  # type: ignore[typeddict-item]
            return found
        case _:
            assert_never(spec.schedule)


def _shown(moment: datetime, zone: str) -> str:
    return local_time(moment, zone).isoformat()


# --- rhythms ---


def _of_crons(crons: Sequence[DeclaredCron], zone: str) -> ScheduleParts:
    expressions = [parse_cron(dict(one.fields), day_match=one.day_match) for one in crons]
    found: list[CronParts] = []
    for one in map(_of_expression, expressions):
        if one not in found:
            found.append(one)
    parts: ScheduleParts = {"kind": "cron", "timezone": zone, "crons": found}
    if not all(one.real_time for one in expressions):
        _add_changes(parts, crons[0])
    return parts


def _add_changes(parts: ScheduleParts, declared: DeclaredCron | DeclaredWallInterval) -> None:
    if declared.gap == "skip":
        parts["gap"] = "skip"
    if declared.overlap == "both":
        parts["overlap"] = "both"


def _of_wall_interval(interval: DeclaredWallInterval, zone: str) -> ScheduleParts:
    local = local_time(interval.anchor, zone)
    at = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    parts: ScheduleParts = {
        "kind": "calendar-interval",
        "timezone": zone,
        "every": dict(interval.units),
        "anchor": local.isoformat(),
        "at": at,
    }
    if not interval.months and not interval.days % 7:
        parts["weekday"] = local.isoweekday()
    if interval.months and not interval.days:
        parts["day"] = local.day
        parts["is_clamped"] = local.day > (28 if local.month == 2 or interval.months % 12 else 31)
        if not interval.months % 12:
            parts["month"] = local.month
    _add_changes(parts, interval)
    return parts


def _of_expression(expression: CronExpression) -> CronParts:
    parts: CronParts = {}
    if times_per_day(expression) <= MOST_TIMES:
        has_seconds = expression.seconds != (0,)
        times = product(expression.hours, expression.minutes, expression.seconds)
        parts["times"] = [
            f"{hour:02}:{minute:02}" + (f":{second:02}" if has_seconds else "") for hour, minute, second in times
        ]
    else:
        if len(expression.hours) < 24:
            parts["hours"] = _values(expression.hours, high=23, least=4)
        if len(expression.minutes) < 60:
            parts["minutes"] = _values(expression.minutes, high=59, least=5)
        if len(expression.seconds) < 60:
            parts["seconds"] = _values(expression.seconds, high=59, least=5)
    _add_days(parts, expression.day_rule)
    if len(expression.months) < 12:
        parts["months"] = _values(expression.months, low=1, high=12, least=3)
    if expression.weeks is not None:
        parts["weeks"] = _values(expression.weeks, low=1, high=53, least=4)
    if expression.years is not None:
        parts["years"] = _values(expression.years, high=0, least=5)
    return parts


def _values(values: tuple[int, ...], *, low: int = 0, high: int, least: int) -> Values:
    if step := stride_of(values, low=low, high=high, least=least):
        return {"step": step, "first": values[0], "last": values[-1]}
    return [list(run) for run in runs_of(values)]


def _add_days(parts: CronParts, rule: DayRule) -> None:
    days, weekdays = bits(rule.days), bits(rule.weekdays)
    by_day, by_weekday = len(days) < 31, len(weekdays) < 7
    if by_day:
        parts["days"] = _values(days, low=1, high=31, least=4) if days else []
        if rule.last:
            parts["last_day"] = True
        if rule.last_workday:
            parts["last_workday"] = True
    if by_weekday:
        parts["weekdays"] = sorted(weekday or 7 for weekday in weekdays)
        if rule.nth:
            parts["nth_weekdays"] = [{"weekday": weekday or 7, "nth": nth or -1} for weekday, nth in rule.nth]
    if by_day and by_weekday:
        parts["day_match"] = "any" if rule.either else "all"


# --- limits ---


def _limits(limits: Limits, zone: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    if declared := limits.calendar:
        calendar = declared.calendar
        of_days: CalendarParts = {
            "mode": declared.mode,
            "shift": declared.shift,
            "name": declared.name,
            "country": calendar.country or None,
            "subdivision": calendar.subdivision or None,
            "custom_days": bool(calendar.closed or calendar.open),
        }
        found.append(("calendar", of_days))
    if limits.blackout:
        found.append(("blackouts", [_blackout(one, zone) for one in limits.blackout]))
    if limits.start_at:
        found.append(("not_before", _shown(limits.start_at, zone)))
    if limits.end_at:
        found.append(("only_before", _shown(limits.end_at, zone)))
    return found


def _blackout(blackout: DeclaredBlackout, zone: str) -> BlackoutParts:
    match blackout:
        case Period(start, end):
            return {"start": _shown(start, zone), "end": _shown(end, zone)}
        case DeclaredRecurring(fields, units):
            return {"cron": _of_expression(parse_cron(dict(fields))), "length": dict(units)}
        case _:
            assert_never(blackout)
