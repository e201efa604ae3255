"""Turns the schedule fields of a manifest into the schedule that they declare."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Loc
from myscheduler.core.job.codec import shared_fields
from myscheduler.core.job.spec import (
    INTERVAL_UNITS,
    WALL_UNITS,
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
)
from myscheduler.core.manifest.after_field import declared_after
from myscheduler.core.manifest.exclusion_fields import LengthFields
from myscheduler.core.manifest.faults import Faults
from myscheduler.core.manifest.fields import DstFields, JobFields
from myscheduler.core.schedule.dialect import FIELDS, DayMatch, crontab_fields, parse_cron
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.strides import next_wall_time
from myscheduler.core.schedule.timestamps import CALENDAR_UNITS, has_offset, parse_duration, parse_timestamp
from myscheduler.core.schedule.zones import check_zone, is_zone
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

Units = tuple[tuple[str, int], ...]
"""The units of a duration, each with its number, such as `(("hours", 1), ("minutes", 30))`."""


def reading_zone(fields: JobFields, zone: str) -> str:
    """The zone in which the job's local times are read; `zone` is the service's.

    An unknown zone, which is reported elsewhere, is replaced by UTC: no local time is missing there, so that no time is
    reported wrongly.
    """
    if fields.timezone is None:
        return zone
    return fields.timezone if is_zone(fields.timezone) else "UTC"


def declared_schedule(fields: JobFields, zone: str, faults: Faults) -> DeclaredSchedule | None:
    """The schedule of the job, or `None` with what is wrong added to `faults`. `zone` is the service's."""
    if fields.timezone is not None:
        try:
            check_zone(fields.timezone)
        except ScheduleError as error:
            faults.add(("timezone",), "invalid-timezone", str(error))
    own_zone = reading_zone(fields, zone)
    match _schedule_kind(fields, faults):
        case None:
            return None
        case "cron":
            return _declared_cron(fields, faults)
        case "interval" if fields.clock == "wall":
            return _declared_wall_interval(fields, own_zone, faults)
        case "interval":
            return _declared_interval(fields, own_zone, faults)
        case "after":
            return declared_after(fields)
        case _:
            return _declared_date(fields, own_zone, faults)


FIELD_OF_KIND = {"cron": "cron", "interval": "interval", "date": "run_at", "after": "after"}


def _schedule_kind(fields: JobFields, faults: Faults) -> str | None:
    given = [kind for kind, name in FIELD_OF_KIND.items() if getattr(fields, name) is not None]
    if fields.schedule_type is None:
        if len(given) == 1:
            return given[0]
        written = " and ".join(FIELD_OF_KIND[kind] for kind in given)
        what = said("exclude-each-other", written=written) if given else said("no-schedule")
        faults.add((), "schedule", said("write-one-schedule", what=what))
        return None
    wanted = FIELD_OF_KIND[fields.schedule_type]
    if fields.schedule_type not in given:
        message = said("schedule-type-needs", schedule_type=fields.schedule_type, wanted=wanted)
        faults.add((wanted,), "schedule", message)
        return None
    if len(given) > 1:
        extra = next(FIELD_OF_KIND[kind] for kind in given if kind != fields.schedule_type)
        message = said("schedule-type-excludes", schedule_type=fields.schedule_type, extra=extra)
        faults.add((extra,), "schedule", message, at_key=True)
        return None
    return fields.schedule_type


def _declared_cron(fields: JobFields, faults: Faults) -> DeclaredCron | DeclaredCrons | None:
    day_match, dst = fields.day_match or "any", fields.dst or DstFields()

    def declared(written: str | Mapping[str, str | int | None] | None, loc: Loc) -> DeclaredCron | None:
        given = cron_fields(written, loc, faults, day_match=day_match, seconds=bool(fields.seconds))
        return None if given is None else DeclaredCron(given, day_match, dst.gap or "run", dst.overlap or "first")

    if not isinstance(fields.cron, list):
        return declared(fields.cron, ("cron",))
    read = [declared(one, ("cron", number)) for number, one in enumerate(fields.cron)]
    crons = tuple(one for one in read if one is not None)
    if len(crons) < len(read):
        return None
    return crons[0] if len(crons) == 1 else DeclaredCrons(crons)


def cron_fields(
    written: str | Mapping[str, str | int | None] | None,
    loc: Loc,
    faults: Faults,
    *,
    day_match: DayMatch = "any",
    seconds: bool = False,
) -> tuple[tuple[str, str], ...] | None:
    """The fields of a cron expression as pairs of name and text; `None` with a fault at `loc` if it is invalid."""
    texts = [written] if isinstance(written, str) else list((written or {}).values())
    if any(isinstance(text, str) and len(text) > LONGEST_WORD for text in texts):
        faults.add(loc, "invalid-cron", said("word-too-long", most=LONGEST_WORD))
        return None
    declared: str | dict[str, str | int] = written if isinstance(written, str) else {}
    if isinstance(written, Mapping):
        left_out = {name for name, value in written.items() if value is None and name in FIELDS}
        declared = {name: "" if value is None else value for name, value in written.items() if name not in left_out}
    try:
        parse_cron(declared, day_match=day_match, seconds=seconds)
    except ScheduleError as error:
        is_own = isinstance(declared, dict) and error.field in declared
        place = (*loc, error.field) if is_own else loc
        message = str(error)
        if error.field and not is_own:
            message = said("with-field", field=key_shown(error.field), message=message)
        faults.add(place, "invalid-cron", message)
        return None
    if isinstance(declared, dict):
        return shared_fields((name, str(value).strip()) for name, value in declared.items())
    return shared_fields(crontab_fields(declared, seconds=seconds).items())


def _declared_interval(fields: JobFields, zone: str, faults: Faults) -> DeclaredInterval | None:
    anchor = _anchor(fields, zone, faults)
    given = units_of(fields.interval, ("interval",), faults, of_calendar=True)
    if given is None:
        return None
    units = tuple((unit, number) for unit, number in given if unit not in CALENDAR_UNITS)
    if any(number for unit, number in given if unit in CALENDAR_UNITS):
        message = said("months-without-clock")
        faults.add(("interval",), "invalid-interval", message)
        return None
    interval = DeclaredInterval(units, anchor)
    seconds = interval.every.total_seconds()
    if not 1 <= seconds <= 36_525 * DAY:
        message = said("interval-length", seconds=seconds)
        faults.add(("interval",), "invalid-interval", message)
        return None
    return interval


def _declared_wall_interval(fields: JobFields, zone: str, faults: Faults) -> DeclaredWallInterval | None:
    anchor = _wall_anchor(fields, zone, faults)
    units = _wall_units(fields, faults)
    if anchor is None or units is None:
        return None
    dst = fields.dst or DstFields()
    interval = DeclaredWallInterval(units, anchor, dst.gap or "run", dst.overlap or "first")
    if not timedelta() < interval.average <= timedelta(days=36_525):
        message = said("wall-interval-length")
        faults.add(("interval",), "invalid-interval", message)
        return None
    stride = interval.stride(zone)
    if next_wall_time(stride, stride.anchor) is None:
        message = said("first-slot-too-late")
        faults.add(("anchor",), "invalid-anchor", message)
        return None
    return interval


def _wall_units(fields: JobFields, faults: Faults) -> Units | None:
    units = units_of(fields.interval, ("interval",), faults, of_calendar=True)
    if units is None:
        return None
    if short := [unit for unit, number in units if number and unit not in WALL_UNITS]:
        message = said("wall-counts-days", units=short[0])
        faults.add(("interval",), "invalid-interval", message)
        return None
    return tuple((unit, number) for unit, number in units if unit in WALL_UNITS)


def _wall_anchor(fields: JobFields, zone: str, faults: Faults) -> datetime | None:
    if fields.anchor is None:
        message = said("wall-needs-anchor")
        faults.add(("anchor",), "invalid-anchor", message)
    anchor = _anchor(fields, zone, faults)
    if anchor is not None and anchor.microsecond:
        faults.add(("anchor",), "invalid-anchor", said("wall-whole-second"))
        return None
    return anchor


def units_of(
    written: LengthFields | str | None, loc: Loc, faults: Faults, *, of_calendar: bool = False
) -> Units | None:
    """Parse a duration, written as an object or in ISO 8601; `None` with a fault at `loc` if it is invalid."""
    if not isinstance(written, str):
        given = written.model_dump(exclude_none=True) if written else {}
        return tuple((unit, given[unit]) for unit in INTERVAL_UNITS if unit in given)
    try:
        return parse_duration(written, of_calendar=of_calendar)
    except ScheduleError as error:
        faults.add(loc, "invalid-interval", str(error))
        return None


def _anchor(fields: JobFields, zone: str, faults: Faults) -> datetime | None:
    if fields.anchor is None:
        return None
    try:
        return parse_timestamp(fields.anchor, zone)
    except ScheduleError as error:
        faults.add(("anchor",), "invalid-anchor", str(error))
        return None


def _declared_date(fields: JobFields, zone: str, faults: Faults) -> DeclaredDate | None:
    run_at = fields.run_at or ""
    try:
        parse_timestamp(run_at, zone, fold=fields.fold)
    except ScheduleError as error:
        faults.add(("run_at",), "invalid-run-at", str(error))
        return None
    if fields.fold is not None and has_offset(run_at):
        message = said("fold-with-offset")
        faults.add(("fold",), "schedule", message, at_key=True)
        return None
    return DeclaredDate(run_at, fields.fold)
