"""The next fire times of a job as people review them: what runs, what is left out, and what the clocks do then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from myscheduler.core.explain.clock_changes import clock_note
from myscheduler.core.explain.job import describe_job
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun, unrun_between
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import DeclaredInterval, JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import name_of
from myscheduler.core.schedule.exclusions import exclusions, runs_after
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, back, forth
from myscheduler.core.schedule.zones import local_time

MOST_LEFT_OUT = timedelta(days=366)
"""How far back from the last fire time, or from the end, it is told what was left out."""

MOST_STRETCHES = 2_000
"""So many stretches of slots that are left out are told."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a job does from some moment on."""

    job_id: str
    timezone: str
    """The job's; its times are shown in it."""
    words: str
    """The schedule in plain English."""
    is_paused: bool
    fires: tuple[datetime, ...]
    notes: tuple[str | None, ...]
    """What the clocks do around each fire time, if anything."""
    left_out: tuple[tuple[Unrun, str | None], ...]
    """Slots that are due between the fire times and left out; with the name of a holiday."""

    def as_json(self) -> dict[str, Any]:
        """`fire_times` is what the outside relies on; what stands beside it is for readers."""
        times = [local_time(moment, self.timezone).isoformat() for moment in self.fires]
        return {
            "job_id": self.job_id,
            "timezone": self.timezone,
            "schedule": self.words,
            "paused": self.is_paused,
            "fire_times": times,
            "notes": [{"at": at, "note": note} for at, note in zip(times, self.notes, strict=True) if note],
            "left_out": [
                {
                    "first": local_time(unrun.first, self.timezone).isoformat(),
                    "last": local_time(unrun.last, self.timezone).isoformat(),
                    "count": unrun.count,
                    "reason": unrun.reason,
                    "name": name,
                }
                for unrun, name in self.left_out
            ],
        }


def preview(
    spec: JobSpec, *, zone: str, created_at: datetime, start: datetime, count: int, until: datetime | None = None
) -> Preview:
    """The first `count` fire times from `start` to `until`, both included.

    `zone` is the service's; intervals that name no anchor are counted from `created_at`.
    """
    schedule = compile_schedule(spec, zone=zone, created_at=created_at)
    own_zone = spec.timezone or zone
    fires = tuple(_runs(schedule, start - TICK, count, until))
    end = fires[-1] if len(fires) == count else until or _horizon(start, fires)
    left_out = tuple((one, _holiday(schedule, one)) for one in _left_out(schedule, start - TICK, end))
    return Preview(
        job_id=spec.job_id,
        timezone=own_zone,
        words=describe_job(spec, zone=own_zone),
        is_paused=bool(spec.paused),
        fires=fires,
        notes=tuple(clock_note(schedule, own_zone, fire) for fire in fires),
        left_out=left_out,
    )


def is_counted_from_creation(spec: JobSpec) -> bool:
    """The phase of the job is not written in its manifest."""
    return isinstance(spec.schedule, DeclaredInterval) and spec.schedule.anchor is None


def _runs(schedule: Schedule, after: datetime, count: int, until: datetime | None) -> Iterator[datetime]:
    return takewhile(lambda run: until is None or run <= until, islice(runs_after(schedule, after), count))


def _left_out(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Unrun]:
    """Slots that run are not counted: thousands of years may lie between two of them."""
    for start, end, why in islice(exclusions(schedule, after, until), MOST_STRETCHES):
        first, last = max(start - TICK, after), min(end - TICK, until)
        if found := unrun_between(schedule, first, last, Status.SKIPPED, why):
            yield found


def _horizon(start: datetime, fires: tuple[datetime, ...]) -> datetime:
    """A schedule that is over leaves slots out only for so long."""
    last = fires[-1] if fires else start
    return forth(last, MOST_LEFT_OUT) or last


def _holiday(schedule: Schedule, unrun: Unrun) -> str | None:
    """What the day is called on which a slot is left out, if that is one day."""
    if not isinstance(schedule, Adjusted) or schedule.days is None or unrun.reason is not Reason.HOLIDAY:
        return None
    first, last = (local_time(back(one, schedule.offset), schedule.zone).date() for one in (unrun.first, unrun.last))
    return name_of(schedule.days.calendar, first) if first == last else None
