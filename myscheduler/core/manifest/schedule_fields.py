"""From the fields of a schedule to the schedule that they declare; a `Rejected` says why not."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Complaint
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
from myscheduler.core.manifest.fields import DstFields, JobFields, LengthFields
from myscheduler.core.schedule.dialect import FIELDS, DayMatch, crontab_fields, parse_cron
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.strides import next_wall
from myscheduler.core.schedule.timestamps import CALENDAR_UNITS, has_offset, parse_duration, parse_moment
from myscheduler.core.schedule.zones import check_zone
from myscheduler.errors import ScheduleError


class Rejected(Exception):  # noqa: N818 - carries a finding up a few frames, it is not an error of the program
    """What an author wrote can't be used."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


def declared_schedule(fields: JobFields, zone: str) -> DeclaredSchedule:
    """`zone` is the service's, for local times of jobs that name none."""
    kind = _schedule_kind(fields)
    if fields.timezone is not None:
        try:
            check_zone(fields.timezone)
        except ScheduleError as error:
            raise Rejected(Complaint(("timezone",), "invalid-timezone", str(error))) from error
    match kind:
        case "cron":
            return _declared_cron(fields)
        case "interval" if fields.clock == "wall":
            return _declared_wall_interval(fields, zone)
        case "interval":
            return _declared_interval(fields, zone)
        case _:
            return _declared_date(fields, zone)


FIELD_OF_KIND = {"cron": "cron", "interval": "interval", "date": "run_at"}


def _schedule_kind(fields: JobFields) -> str:
    given = [kind for kind, name in FIELD_OF_KIND.items() if getattr(fields, name) is not None]
    if fields.schedule_type is None:
        if len(given) == 1:
            return given[0]
        written = " and ".join(FIELD_OF_KIND[kind] for kind in given)
        what = f"{written} exclude each other" if given else "the job has no schedule"
        raise Rejected(Complaint((), "schedule", f"{what}: write exactly one of cron, interval and run_at"))
    wanted = FIELD_OF_KIND[fields.schedule_type]
    if fields.schedule_type not in given:
        message = f"schedule_type is {fields.schedule_type}, so {wanted} is needed"
        raise Rejected(Complaint((wanted,), "schedule", message))
    if len(given) > 1:
        extra = next(FIELD_OF_KIND[kind] for kind in given if kind != fields.schedule_type)
        message = f"schedule_type is {fields.schedule_type}: remove {extra}"
        raise Rejected(Complaint((extra,), "schedule", message, at_key=True))
    return fields.schedule_type


def _declared_cron(fields: JobFields) -> DeclaredCron | DeclaredCrons:
    day_match, dst = fields.day_match or "any", fields.dst or DstFields()

    def declared(written: str | Mapping[str, str | int | None] | None, loc: tuple[str | int, ...]) -> DeclaredCron:
        given = cron_fields(written, loc, day_match=day_match, seconds=bool(fields.seconds))
        return DeclaredCron(given, day_match, dst.gap or "run", dst.overlap or "first")

    if not isinstance(fields.cron, list):
        return declared(fields.cron, ("cron",))
    crons = tuple(declared(one, ("cron", number)) for number, one in enumerate(fields.cron))
    return crons[0] if len(crons) == 1 else DeclaredCrons(crons)


def cron_fields(
    written: str | Mapping[str, str | int | None] | None,
    loc: tuple[str | int, ...],
    *,
    day_match: DayMatch = "any",
    seconds: bool = False,
) -> tuple[tuple[str, str], ...]:
    """The field names of a cron expression with their texts, once it is known to be one; `loc` is where it stands."""
    texts = [written] if isinstance(written, str) else list((written or {}).values())
    if any(isinstance(text, str) and len(text) > LONGEST_WORD for text in texts):
        raise Rejected(Complaint(loc, "invalid-cron", f"is longer than {LONGEST_WORD:,} characters: write ranges"))
    declared: str | dict[str, str | int] = written if isinstance(written, str) else {}
    if isinstance(written, Mapping):
        left_out = {name for name, value in written.items() if value is None and name in FIELDS}
        declared = {name: "" if value is None else value for name, value in written.items() if name not in left_out}
    try:
        parse_cron(declared, day_match=day_match, seconds=seconds)
    except ScheduleError as error:
        is_own = isinstance(declared, dict) and error.field in declared
        named = f"{key_shown(error.field)}: " if error.field and not is_own else ""
        place = (*loc, error.field) if is_own else loc
        raise Rejected(Complaint(place, "invalid-cron", f"{named}{error}")) from error
    if isinstance(declared, dict):
        return shared_fields((name, str(value).strip()) for name, value in declared.items())
    return shared_fields(crontab_fields(declared, seconds=seconds).items())


def _declared_interval(fields: JobFields, zone: str) -> DeclaredInterval:
    given = units_of(fields.interval, ("interval",), of_calendar=True)
    units = tuple((unit, number) for unit, number in given if unit not in CALENDAR_UNITS)
    if any(number for unit, number in given if unit in CALENDAR_UNITS):
        message = "months and years have no fixed length: write `clock: wall` and an anchor to count by the calendar"
        raise Rejected(Complaint(("interval",), "invalid-interval", message))
    interval = DeclaredInterval(units, _anchor(fields, zone))
    seconds = interval.every.total_seconds()
    if not 1 <= seconds <= 36_525 * DAY:
        message = f"an interval is at least one second and at most a hundred years, this one is {seconds:.0f} seconds"
        raise Rejected(Complaint(("interval",), "invalid-interval", message))
    return interval


def _declared_wall_interval(fields: JobFields, zone: str) -> DeclaredWallInterval:
    units = units_of(fields.interval, ("interval",), of_calendar=True)
    if short := [unit for unit, number in units if number and unit not in WALL_UNITS]:
        message = (
            f"clock: wall counts days, weeks, months and years, no {short[0]}: write days, or take `clock: wall` out, "
            "or write cron for times within a day"
        )
        raise Rejected(Complaint(("interval",), "invalid-interval", message))
    anchor = _anchor(fields, zone)
    if anchor is None:
        message = "is needed with clock: wall: write the local time that the interval keeps, such as 2026-01-31T09:00"
        raise Rejected(Complaint(("anchor",), "invalid-anchor", message))
    if anchor.microsecond:
        raise Rejected(Complaint(("anchor",), "invalid-anchor", "has to be a whole second with clock: wall"))
    dst = fields.dst or DstFields()
    whole = tuple((unit, number) for unit, number in units if unit in WALL_UNITS)
    interval = DeclaredWallInterval(whole, anchor, dst.gap or "run", dst.overlap or "first")
    if not timedelta() < interval.average <= timedelta(days=36_525):
        message = "an interval with clock: wall is at least one day and at most a hundred years"
        raise Rejected(Complaint(("interval",), "invalid-interval", message))
    stride = interval.stride(fields.timezone or zone)
    if next_wall(stride, stride.anchor) is None:
        message = "the first slot, one interval behind the anchor, lies behind the year 9999: write an earlier anchor"
        raise Rejected(Complaint(("anchor",), "invalid-anchor", message))
    return interval


def units_of(
    written: LengthFields | str | None, loc: tuple[str | int, ...], *, of_calendar: bool = False
) -> tuple[tuple[str, int], ...]:
    """The units of a span of time and how many of each, from an object or an ISO 8601 duration."""
    if not isinstance(written, str):
        given = written.model_dump(exclude_none=True) if written else {}
        return tuple((unit, given[unit]) for unit in INTERVAL_UNITS if unit in given)
    try:
        return parse_duration(written, of_calendar=of_calendar)
    except ScheduleError as error:
        raise Rejected(Complaint(loc, "invalid-interval", str(error))) from error


def _anchor(fields: JobFields, zone: str) -> datetime | None:
    if fields.anchor is None:
        return None
    try:
        return parse_moment(fields.anchor, fields.timezone or zone)
    except ScheduleError as error:
        raise Rejected(Complaint(("anchor",), "invalid-anchor", str(error))) from error


def _declared_date(fields: JobFields, zone: str) -> DeclaredDate:
    run_at = fields.run_at or ""
    try:
        parse_moment(run_at, fields.timezone or zone, fold=fields.fold)
    except ScheduleError as error:
        raise Rejected(Complaint(("run_at",), "invalid-run-at", str(error))) from error
    if fields.fold is not None and has_offset(run_at):
        message = "belongs to a local time: the offset of run_at says already which one is meant"
        raise Rejected(Complaint(("fold",), "schedule", message, at_key=True))
    return DeclaredDate(run_at, fields.fold)
