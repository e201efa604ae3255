"""Schedules without any slot in the future."""

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    JobSpec,
    crons_of,
)
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import next_after


def is_past(spec: JobSpec, *, clock: Clock) -> bool:
    """Whether no slot is left: a one-off or an `end_at` in the past, or a cron schedule of past years."""
    if not _has_end(spec):
        return False
    return next_after(compile_schedule(spec, zone=clock.zone, created_at=clock.now), clock.now) is None


def _has_end(spec: JobSpec) -> bool:
    """Whether the schedule ends at all; only such schedules have to be searched for a further slot."""
    match spec.schedule:
        case DeclaredDate():
            return True
        case DeclaredAfter():
            return False
        case DeclaredCron() | DeclaredCrons():
            fields = (field for one in crons_of(spec.schedule) for field in one.fields)
            return spec.limits.end_at is not None or any(name == "year" and text != "*" for name, text in fields)
        case _:
            return spec.limits.end_at is not None


_PAST = {"cron": ("cron", "cron-past"), "interval": ("interval", "interval-past"), "date": ("run_at", "run-at-past")}


def past_field(spec: JobSpec, *, clock: Clock) -> tuple[str, str] | None:
    """The field and the rule to report if the schedule has no slot after `now`, else `None`."""
    return _PAST[spec.schedule_type] if is_past(spec, clock=clock) else None
