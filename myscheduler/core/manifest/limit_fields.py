"""From the fields that limit a schedule to the limits that they declare, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.job.limits import FIELDS, NO_LIMITS, DeclaredBlackout, DeclaredCalendar, DeclaredRecurring, Limits
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.fields import BlackoutFields, CalendarFields, JobFields
from myscheduler.core.manifest.schedule_fields import Rejected, cron_fields, units_of
from myscheduler.core.schedule.calendars import Calendar, check_calendar
from myscheduler.core.schedule.slots import Period
from myscheduler.core.schedule.timestamps import parse_moment
from myscheduler.errors import ScheduleError

Loc = tuple[str | int, ...]
LONGEST_BLACKOUT = 366 * 86_400


def declared_limits(
    fields: JobFields, *, zone: str, calendars: NamedCalendars
) -> tuple[Limits | None, list[Complaint]]:
    """The limits, or every complaint about them. `zone` is the job's, `calendars` are those that have a name."""
    if all(getattr(fields, name) is None for name in FIELDS):
        return NO_LIMITS, []
    complaints = list(_misplaced(fields))
    found: dict[str, object] = {}
    for name, read in (
        ("start_at", lambda: _moment(fields.start_at, ("start_at",), zone)),
        ("end_at", lambda: _moment(fields.end_at, ("end_at",), zone)),
        ("blackout", lambda: tuple(_blackouts(fields.blackout or [], zone))),
        ("calendar", lambda: _calendar(fields.calendar, calendars) if fields.calendar else None),
    ):
        try:
            found[name] = read()
        except Rejected as rejected:
            complaints.append(rejected.complaint)
    if complaints:
        return None, complaints
    limits = Limits(jitter_sec=fields.jitter_sec or 0, **found)  # type: ignore[arg-type] # each as its reader gives it
    if limits.start_at and limits.end_at and limits.start_at >= limits.end_at:
        message = f"{fields.end_at} is not later than start_at {fields.start_at}, so no time is left to run in"
        return None, [Complaint(("end_at",), "invalid-window", message)]
    return limits, []


def _misplaced(fields: JobFields) -> Iterator[Complaint]:
    if fields.run_at is not None and fields.cron is None and fields.interval is None:
        for name in FIELDS:
            if getattr(fields, name) is not None:
                message = f"{name} belongs to cron and interval: a one-off runs at the moment that is written"
                yield Complaint((name,), "schedule", message, at_key=True)
    if fields.calendar and fields.calendar.shift and fields.interval is not None:
        message = "only times of a cron schedule can be shifted: take shift out, or write cron"
        yield Complaint(("calendar", "shift"), "schedule", message, at_key=True)


def _moment(text: str | None, loc: Loc, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, zone)
    except ScheduleError as error:
        raise Rejected(Complaint(loc, "invalid-moment", str(error))) from error


def _blackouts(declared: list[BlackoutFields], zone: str) -> Iterator[DeclaredBlackout]:
    for number, fields in enumerate(declared):
        yield _blackout(fields, ("blackout", number), zone)


def _blackout(fields: BlackoutFields, loc: Loc, zone: str) -> DeclaredBlackout:
    given = {name for name in ("from_", "to", "cron", "duration") if getattr(fields, name) is not None}
    if given == {"from_", "to"}:
        start, end = _moment(fields.from_, (*loc, "from"), zone), _moment(fields.to, (*loc, "to"), zone)
        if start is None or end is None or start >= end:
            message = f"{fields.to} is not later than from {fields.from_}: write a later moment, or exchange them"
            raise Rejected(Complaint((*loc, "to"), "invalid-blackout", message))
        return Period(start, end)
    if given == {"cron", "duration"}:
        units = units_of(fields.duration, (*loc, "duration"))
        declared = DeclaredRecurring(cron_fields(fields.cron, (*loc, "cron")), units)
        seconds = sum(_SECONDS[unit] * number for unit, number in units)
        if not 1 <= seconds <= LONGEST_BLACKOUT:
            message = f"a blackout lasts at least one second and at most 366 days, this one {seconds} seconds"
            raise Rejected(Complaint((*loc, "duration"), "invalid-blackout", message))
        return declared
    message = "write `from` and `to` for a blackout of its own, or `cron` and `duration` for one that comes again"
    raise Rejected(Complaint(loc, "invalid-blackout", message))


_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def _calendar(fields: CalendarFields, calendars: NamedCalendars) -> DeclaredCalendar:
    if (fields.only is None) is (fields.skip is None):
        message = "write either `only: business_days`, or `skip: holidays` to run on weekends too"
        raise Rejected(Complaint(("calendar",), "invalid-calendar", message))
    base = _named(fields, calendars) if fields.name is not None else Calendar(fields.country, fields.subdivision)
    calendar = replace(base, closed=(*base.closed, *(fields.closed or ())), open=(*base.open, *(fields.open or ())))
    if fields.skip and not (calendar.country or calendar.closed or fields.name):
        message = "there are no holidays to skip: write a country, or closed days"
        raise Rejected(Complaint(("calendar", "skip"), "invalid-calendar", message))
    try:
        check_calendar(calendar)
    except ScheduleError as error:
        raise Rejected(Complaint(("calendar", error.field), "invalid-calendar", str(error))) from error
    return DeclaredCalendar(calendar, "business_days" if fields.only else "holidays", fields.shift, fields.name)


def _named(fields: CalendarFields, calendars: NamedCalendars) -> Calendar:
    name = fields.name or ""
    if fields.country or fields.subdivision:
        field = "country" if fields.country else "subdivision"
        message = f"is written with {shown(name)} in calendars.yaml: take it out here"
        raise Rejected(Complaint(("calendar", field), "invalid-calendar", message, at_key=True))
    try:
        return calendars.find(name)
    except ScheduleError as error:
        raise Rejected(Complaint(("calendar", "name"), "unknown-calendar", str(error))) from error
