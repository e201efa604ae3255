"""Turns the fields that limit a schedule (`start_at`, `blackout`, `calendar`…) into the limits that they declare."""

from dataclasses import replace
from datetime import datetime

from myscheduler.core.findings.problem import Loc, shown
from myscheduler.core.job.limits import FIELDS, NO_LIMITS, DeclaredBlackout, DeclaredCalendar, DeclaredRecurring, Limits
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.exclusion_fields import BlackoutFields, CalendarFields
from myscheduler.core.manifest.faults import Faults
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.schedule_fields import cron_fields, units_of
from myscheduler.core.schedule.calendars import Calendar, check_calendar
from myscheduler.core.schedule.slots import Period
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

LONGEST_BLACKOUT = 366 * 86_400
"""Seconds of one occurrence of a recurring blackout."""


def declared_limits(fields: JobFields, faults: Faults, *, zone: str, calendars: NamedCalendars) -> Limits | None:
    """The limits of the job, or `None` with what is wrong added to `faults`.

    `zone` is that of the job's local times, `calendars` are those of `calendars.yaml`.
    """
    if all(getattr(fields, name) is None for name in FIELDS):
        return NO_LIMITS
    before = len(faults.found)
    _find_misplaced(fields, faults)
    start_at = _moment(fields.start_at, ("start_at",), zone, faults)
    end_at = _moment(fields.end_at, ("end_at",), zone, faults)
    if start_at and end_at and start_at >= end_at:
        message = said("end-before-start", end_at=fields.end_at, start_at=fields.start_at)
        faults.add(("end_at",), "invalid-window", message)
    read = [_blackout(one, ("blackout", number), zone, faults) for number, one in enumerate(fields.blackout or [])]
    blackout = tuple(one for one in read if one is not None)
    calendar = _calendar(fields.calendar, calendars, faults) if fields.calendar else None
    if len(faults.found) > before:
        return None
    return Limits(start_at, end_at, blackout, calendar, fields.jitter_sec or 0)


def _find_misplaced(fields: JobFields, faults: Faults) -> None:
    if fields.run_at is not None and fields.cron is None and fields.interval is None:
        for name in FIELDS:
            if getattr(fields, name) is not None:
                message = said("limit-of-a-one-off", field=name)
                faults.add((name,), "schedule", message, at_key=True)
    if fields.calendar and fields.calendar.shift and fields.interval is not None:
        message = said("shift-without-cron")
        faults.add(("calendar", "shift"), "schedule", message, at_key=True)


def _moment(text: str | None, loc: Loc, zone: str, faults: Faults) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_timestamp(text, zone)
    except ScheduleError as error:
        faults.add(loc, "invalid-moment", str(error))
        return None


def _blackout(fields: BlackoutFields, loc: Loc, zone: str, faults: Faults) -> DeclaredBlackout | None:
    given = {name for name in ("from_", "to", "cron", "duration") if getattr(fields, name) is not None}
    if given == {"from_", "to"}:
        return _period(fields, loc, zone, faults)
    if given == {"cron", "duration"}:
        return _recurring(fields, loc, faults)
    message = said("blackout-forms")
    faults.add(loc, "invalid-blackout", message)
    return None


def _period(fields: BlackoutFields, loc: Loc, zone: str, faults: Faults) -> Period | None:
    start = _moment(fields.from_, (*loc, "from"), zone, faults)
    end = _moment(fields.to, (*loc, "to"), zone, faults)
    if start is None or end is None:
        return None
    if start >= end:
        message = said("blackout-end-before-start", to=fields.to, start=fields.from_)
        faults.add((*loc, "to"), "invalid-blackout", message)
        return None
    return Period(start, end)


def _recurring(fields: BlackoutFields, loc: Loc, faults: Faults) -> DeclaredRecurring | None:
    units = units_of(fields.duration, (*loc, "duration"), faults)
    cron = cron_fields(fields.cron, (*loc, "cron"), faults)
    seconds = sum(_SECONDS[unit] * number for unit, number in units) if units is not None else 1
    if not 1 <= seconds <= LONGEST_BLACKOUT:
        message = said("blackout-length", seconds=seconds)
        faults.add((*loc, "duration"), "invalid-blackout", message)
        return None
    return None if cron is None or units is None else DeclaredRecurring(cron, units)


_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def _calendar(fields: CalendarFields, calendars: NamedCalendars, faults: Faults) -> DeclaredCalendar | None:
    if (fields.only is None) is (fields.skip is None):
        message = said("only-or-skip")
        faults.add(("calendar",), "invalid-calendar", message)
    base = Calendar(fields.country, fields.subdivision)
    if fields.name is not None:
        named = _named(fields, fields.name, calendars, faults)
        if named is None:
            return None
        base = named
    calendar = replace(base, closed=(*base.closed, *(fields.closed or ())), open=(*base.open, *(fields.open or ())))
    if fields.skip and not (calendar.country or calendar.closed or fields.name):
        message = said("no-holidays")
        faults.add(("calendar", "skip"), "invalid-calendar", message)
    try:
        check_calendar(calendar)
    except ScheduleError as error:
        faults.add(("calendar", error.field), "invalid-calendar", str(error))
        return None
    return DeclaredCalendar(calendar, "business_days" if fields.only else "holidays", fields.shift, fields.name)


def _named(fields: CalendarFields, name: str, calendars: NamedCalendars, faults: Faults) -> Calendar | None:
    for field in ("country", "subdivision"):
        if getattr(fields, field) is not None:
            message = said("defined-with-calendar", calendar=shown(name))
            faults.add(("calendar", field), "invalid-calendar", message, at_key=True)
    try:
        return calendars.find(name)
    except ScheduleError as error:
        faults.add(("calendar", "name"), "unknown-calendar", str(error))
        return None
