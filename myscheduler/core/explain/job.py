"""A job in plain English: its schedule and its limits (calendar, blackouts, start and end, jitter)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from myscheduler.core.explain.schedule import describe, length_words, timestamp_words
from myscheduler.core.job.limits import DeclaredBlackout, DeclaredCalendar, DeclaredRecurring
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.schedule.calendars import Calendar
from myscheduler.core.schedule.jitter import jitter_offset
from myscheduler.core.schedule.slots import Period
from myscheduler.messages.durations import span_words


def describe_job(spec: JobSpec, *, zone: str) -> str:
    """When the job runs, in one line; `zone` is the job's IANA zone."""
    return "; ".join([describe(spec.schedule, zone=zone), *_limits(spec, zone)])


def _limits(spec: JobSpec, zone: str) -> Iterator[str]:
    limits = spec.limits
    if limits.calendar:
        yield _days(limits.calendar)
    for blackout in limits.blackout:
        yield _blackout(blackout, zone)
    if limits.start_at:
        yield f"not before {timestamp_words(limits.start_at, zone)}"
    if limits.end_at:
        yield f"only before {timestamp_words(limits.end_at, zone)}"
    if limits.jitter_sec:
        offset = span_words(jitter_offset(spec.job_id, limits.jitter_sec))
        yield f"always {offset} later (jitter of {span_words(timedelta(seconds=limits.jitter_sec))})"


def _days(declared: DeclaredCalendar) -> str:
    where = _where(declared.calendar, declared.name)
    closed = "weekends and holidays" if declared.mode == "business_days" else "holidays"
    open_day = "business day" if declared.mode == "business_days" else "day that is not a holiday"
    if declared.shift is None:
        return f"not on {closed}{where}"
    return f"moved from {closed}{where} to the {declared.shift} {open_day}"


def _where(calendar: Calendar, name: str | None) -> str:
    country = "-".join(part for part in (calendar.country, calendar.subdivision) if part)
    if name:
        return f" of {name} ({country})" if country else f" of {name}"
    own = " with custom days" if calendar.closed or calendar.open else ""
    return f" of {country}{own}" if country else own


def _blackout(blackout: DeclaredBlackout, zone: str) -> str:
    match blackout:
        case Period(start, end):
            return f"not from {timestamp_words(start, zone)} to {timestamp_words(end, zone)}"
        case DeclaredRecurring(fields, units):
            begins = describe(DeclaredCron(fields), zone=zone)
            length = length_words(dict(units))
            return f"not during {length if length[0].isdigit() else f'1 {length}'} starting {begins}"
        case _:
            assert_never(blackout)
