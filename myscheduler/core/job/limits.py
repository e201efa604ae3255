"""The limits that an author puts on a job's schedule: a window, blackouts, working days, jitter. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, assert_never

from myscheduler.core.caching import cached
from myscheduler.core.schedule.calendars import Calendar, Shift, WorkingDays
from myscheduler.core.schedule.cron import Cron, Several, members_of
from myscheduler.core.schedule.dialect import DayMatch, parse_cron
from myscheduler.core.schedule.expression import CronExpression
from myscheduler.core.schedule.jitter import jitter_offset
from myscheduler.core.schedule.slots import Adjusted, Never, Once, Period, Recurring, Rhythm, Schedule


@dataclass(frozen=True, slots=True)
class DeclaredRecurring:
    """A recurring blackout as its author wrote it: the cron fields of its start, and the units of its duration."""

    fields: tuple[tuple[str, str], ...]
    units: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DeclaredCalendar:
    """The restriction to working days as its author wrote it."""

    calendar: Calendar
    mode: Literal["business_days", "holidays"]
    """`only: business_days` or `skip: holidays`."""
    shift: Literal["next", "previous"] | None = None
    name: str | None = None
    """The name in calendars.yaml, if the job refers to a named calendar; its content is in `calendar`."""

    @property
    def days(self) -> WorkingDays:
        return WorkingDays(self.calendar, weekends=self.mode == "business_days")


DeclaredBlackout = Period | DeclaredRecurring


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a job. The default value limits nothing."""

    start_at: datetime | None = None
    end_at: datetime | None = None
    blackout: tuple[DeclaredBlackout, ...] = ()
    calendar: DeclaredCalendar | None = None
    jitter_sec: int = 0


NO_LIMITS = Limits()
FIELDS = ("start_at", "end_at", "blackout", "calendar", "jitter_sec")


def limited(rhythm: Rhythm | Once | Never, limits: Limits, *, job_id: str, zone: str) -> Schedule:
    """The rhythm with the limits applied. Days of the calendar, and recurring blackouts, are local to `zone`."""
    if limits == NO_LIMITS or isinstance(rhythm, Once | Never):
        return rhythm
    calendar = limits.calendar
    if calendar is not None and calendar.shift is not None and isinstance(rhythm, Cron | Several):
        rhythm = _moved(rhythm, Shift(calendar.days, calendar.shift))
    return Adjusted(
        rhythm,
        jitter_offset(job_id, limits.jitter_sec),
        start=limits.start_at or datetime.min.replace(tzinfo=UTC),
        end=limits.end_at or datetime.max.replace(tzinfo=UTC),
        blackouts=tuple(_blackout(one, zone) for one in limits.blackout),
        days=calendar.days if calendar else None,
        zone=zone,
    )


def _moved(rhythm: Cron | Several, shift: Shift) -> Cron | Several:
    moved = tuple(replace(one, expression=_shifted(one.expression, shift)) for one in members_of(rhythm))
    return Several(moved) if isinstance(rhythm, Several) else moved[0]


@lru_cache(maxsize=1_024)  # equal expressions become one object, so that caches keyed by it are hit
def _shifted(expression: CronExpression, shift: Shift) -> CronExpression:
    return replace(expression, shift=shift)


def _blackout(declared: DeclaredBlackout, zone: str) -> Period | Recurring:
    match declared:
        case Period():
            return declared
        case DeclaredRecurring(fields, units):
            return Recurring(Cron(_expression(fields), zone), timedelta(**dict(units)))
        case _:
            assert_never(declared)


@cached(1_024)
def _expression(fields: tuple[tuple[str, str], ...]) -> CronExpression:
    any_of: DayMatch = "any"
    return parse_cron(dict(fields), day_match=any_of)


# --- JSON, in the fields of a manifest ---


def limits_to_json(limits: Limits) -> dict[str, Any]:
    """The limits that are set, as the fields of a manifest; timestamps are in UTC."""
    found: dict[str, Any] = {}
    if limits.start_at:
        found["start_at"] = limits.start_at.isoformat()
    if limits.end_at:
        found["end_at"] = limits.end_at.isoformat()
    if limits.blackout:
        found["blackout"] = [_blackout_to_json(one) for one in limits.blackout]
    if limits.calendar:
        found["calendar"] = _calendar_to_json(limits.calendar)
    if limits.jitter_sec:
        found["jitter_sec"] = limits.jitter_sec
    return found


def limits_from_json(stored: Mapping[str, Any]) -> Limits:
    """The inverse of `limits_to_json`; other fields of `stored` are ignored."""
    if not any(name in stored for name in FIELDS):
        return NO_LIMITS
    return Limits(
        _moment(stored.get("start_at")),
        _moment(stored.get("end_at")),
        tuple(_blackout_from_json(one) for one in stored.get("blackout", ())),
        _calendar_from_json(stored["calendar"]) if "calendar" in stored else None,
        stored.get("jitter_sec", 0),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _blackout_to_json(blackout: DeclaredBlackout) -> dict[str, Any]:
    match blackout:
        case Period(start, end):
            return {"from": start.isoformat(), "to": end.isoformat()}
        case DeclaredRecurring(fields, units):
            return {"cron": dict(fields), "duration": dict(units)}
        case _:
            assert_never(blackout)


def _blackout_from_json(stored: Mapping[str, Any]) -> DeclaredBlackout:
    if "cron" in stored:
        return DeclaredRecurring(tuple(stored["cron"].items()), tuple(stored["duration"].items()))
    return Period(datetime.fromisoformat(stored["from"]), datetime.fromisoformat(stored["to"]))


def _calendar_to_json(declared: DeclaredCalendar) -> dict[str, Any]:
    calendar = declared.calendar
    parts = {
        "name": declared.name,
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "closed": list(calendar.closed),
        "open": list(calendar.open),
        "only": "business_days" if declared.mode == "business_days" else None,
        "skip": "holidays" if declared.mode == "holidays" else None,
        "shift": declared.shift,
    }
    return {name: value for name, value in parts.items() if value}


def _calendar_from_json(stored: Mapping[str, Any]) -> DeclaredCalendar:
    return _shared_calendar(
        Calendar(
            stored.get("country"),
            stored.get("subdivision"),
            tuple(stored.get("closed", ())),
            tuple(stored.get("open", ())),
        ),
        "business_days" if "only" in stored else "holidays",
        stored.get("shift"),
        stored.get("name"),
    )


_shared_calendar = lru_cache(maxsize=1_024)(DeclaredCalendar)
