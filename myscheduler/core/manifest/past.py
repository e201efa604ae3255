"""Schedules without any slot in the future."""

from datetime import datetime

from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    JobSpec,
    crons_of,
)
from myscheduler.core.schedule.slots import next_after


def is_past(spec: JobSpec, *, zone: str, now: datetime) -> bool:
    """Whether no slot is left after `now`: a one-off or an `end_at` in the past, or a cron schedule of past years."""
    return _has_end(spec) and next_after(compile_schedule(spec, zone=zone, created_at=now), now) is None


def _has_end(spec: JobSpec) -> bool:
    """Whether the schedule ends at all; only such schedules have to be searched for a further slot."""
    match spec.schedule:
        case DeclaredDate():
            return True
        case DeclaredCron() | DeclaredCrons():
            fields = (field for one in crons_of(spec.schedule) for field in one.fields)
            return spec.limits.end_at is not None or any(name == "year" and text != "*" for name, text in fields)
        case _:
            return spec.limits.end_at is not None


_PAST = {"cron": ("cron", "cron-past"), "interval": ("interval", "interval-past"), "date": ("run_at", "run-at-past")}


def past_field(spec: JobSpec, *, zone: str, now: datetime) -> tuple[str, str] | None:
    """The field and the rule to report if the schedule has no slot after `now`, else `None`."""
    return _PAST[spec.schedule_type] if is_past(spec, zone=zone, now=now) else None
