"""Compiles a declared schedule into one whose slots can be computed."""

from datetime import datetime
from typing import assert_never

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.crons import distinct_crons, parsed_cron
from myscheduler.core.job.job import Job
from myscheduler.core.job.limits import limited
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
    JobSpec,
    crons_of,
)
from myscheduler.core.schedule.cron import Cron, Several, WallInterval
from myscheduler.core.schedule.exclusions import next_run as next_run_after
from myscheduler.core.schedule.slots import LAST_INSTANT, TICK, Interval, Never, Once, Rhythm, Schedule, back
from myscheduler.core.schedule.timestamps import parse_timestamp


def compile_schedule(spec: JobSpec, *, zone: str, created_at: datetime) -> Schedule:
    """The schedule that the job's spec declares, with its limits applied.

    `zone` is the service's zone, for jobs without a time zone; `created_at` is the anchor of intervals without one.
    Raises `ScheduleError` when the declaration can't be parsed or never fires.
    """
    job_zone = spec.timezone or zone
    rhythm = _rhythm(spec.schedule, job_zone, created_at)
    return limited(rhythm, spec.limits, job_id=spec.job_id, zone=job_zone)


def _rhythm(schedule: DeclaredSchedule, zone: str, created_at: datetime) -> Rhythm | Once | Never:
    match schedule:
        case DeclaredCron(fields, day_match, gap, overlap):
            return Cron(parsed_cron(fields, day_match), zone, gap, overlap)
        case DeclaredCrons():
            members = tuple(
                Cron(parsed_cron(one.fields, one.day_match), zone, one.gap, one.overlap)
                for one in distinct_crons(schedule)
            )
            return Several(members) if len(members) > 1 else members[0]
        case DeclaredWallInterval(gap=gap, overlap=overlap):
            return WallInterval(schedule.stride(zone), zone, gap, overlap)
        case DeclaredInterval() as interval:
            return Interval(interval.every, interval.anchor or created_at)
        case DeclaredDate(run_at, fold):
            return Once(parse_timestamp(run_at, zone, fold=fold))
        case DeclaredAfter():
            return Never()
        case _:
            assert_never(schedule)


def next_run(job: Job, *, zone: str) -> datetime | None:
    """The job's first slot after its cursor and its pause that limits don't exclude; `None` when there is none.

    `zone` is the service's zone.
    """
    until = job.paused_until
    if job.next_slot is None or until == LAST_INSTANT:
        return None
    if until is None and not _skips_gaps(job.spec.schedule):
        return job.next_slot
    schedule = compile_schedule(job.spec, zone=zone, created_at=job.created_at)
    return next_run_after(schedule, back(max(job.next_slot, until or job.next_slot), TICK))


def _skips_gaps(schedule: DeclaredSchedule) -> bool:
    """Whether the schedule leaves out slots whose local time a clock change skips (`dst: {gap: skip}`)."""
    on_clock = [schedule] if isinstance(schedule, DeclaredWallInterval) else crons_of(schedule)
    return any(one.gap == "skip" for one in on_clock)
