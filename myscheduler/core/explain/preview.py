"""The next fire times of a job, for reviewers: with the slots that are left out, and notes on changes of the clocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from myscheduler.core.explain.clock_changes import clock_note
from myscheduler.core.explain.earliest import Earliest
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.schedule_parts import ScheduleParts, schedule_parts
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun, unrun_between
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import DeclaredInterval, JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import name_of
from myscheduler.core.schedule.exclusions import exclusions, runs_after
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, back, forth
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import coded

MOST_LEFT_OUT = timedelta(days=366)
"""How long after the last fire time of a schedule that is over slots that are left out are still listed."""

MOST_STRETCHES = 2_000
"""The most stretches of slots that are left out in one preview."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The next fire times of a job, from a start time on."""

    job_id: str
    timezone: str
    """The job's IANA zone; the times are shown in it."""
    words: str
    """The schedule in plain English."""
    parts: ScheduleParts
    """The schedule in parts, for other languages."""
    is_paused: bool
    fires: tuple[datetime, ...]
    notes: tuple[str | None, ...]
    """For each fire time, a note on a change of the clocks on its day, or `None`."""
    left_out: tuple[tuple[Unrun, str | None], ...]
    """Stretches of slots between the fire times that are left out, each with the name of a holiday or `None`."""
    earliest: Earliest | None = None
    """Of a job that runs after others: how its fire times come about, which are the earliest possible."""

    def as_json(self) -> dict[str, Any]:
        """The JSON of a preview. Clients rely on `fire_times`; the other fields are for readers."""
        times = [local_time(moment, self.timezone).isoformat() for moment in self.fires]
        return {
            "job_id": self.job_id,
            "timezone": self.timezone,
            "schedule": self.words,
            "schedule_parts": self.parts,
            "paused": self.is_paused,
            "fire_times": times,
            "notes": [
                {"at": at, "note": note, "note_coded": coded(note)}
                for at, note in zip(times, self.notes, strict=True)
                if note
            ],
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
            **({} if self.earliest is None else {"earliest": self.earliest.as_json(self.timezone)}),
        }


def preview(
    spec: JobSpec, *, zone: str, created_at: datetime, start: datetime, count: int, until: datetime | None = None
) -> Preview:
    """The first `count` fire times from `start` to `until`, both included.

    `zone` is the service's IANA zone, for jobs that name none. Intervals without an anchor are counted from
    `created_at`.
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
        parts=schedule_parts(spec, zone=own_zone),
        is_paused=bool(spec.paused),
        fires=fires,
        notes=tuple(clock_note(schedule, own_zone, fire) for fire in fires),
        left_out=left_out,
    )


def is_counted_from_creation(spec: JobSpec) -> bool:
    """Whether the job is an interval without an anchor, so that its phase depends on when it was created."""
    return isinstance(spec.schedule, DeclaredInterval) and spec.schedule.anchor is None


def _runs(schedule: Schedule, after: datetime, count: int, until: datetime | None) -> Iterator[datetime]:
    return takewhile(lambda run: until is None or run <= until, islice(runs_after(schedule, after), count))


def _left_out(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Unrun]:
    """Stretches of slots that are left out, up to `MOST_STRETCHES`. Found without stepping through all slots."""
    for start, end, why in islice(exclusions(schedule, after, until), MOST_STRETCHES):
        first, last = max(start - TICK, after), min(end - TICK, until)
        if found := unrun_between(schedule, first, last, Status.SKIPPED, why):
            yield found


def _horizon(start: datetime, fires: tuple[datetime, ...]) -> datetime:
    """The end of the listed slots that are left out, where a schedule has fewer fire times than asked for."""
    last = fires[-1] if fires else start
    return forth(last, MOST_LEFT_OUT) or last


def _holiday(schedule: Schedule, unrun: Unrun) -> str | None:
    """The name of the holiday on which slots are left out; `None` for several days, or another reason."""
    if not isinstance(schedule, Adjusted) or schedule.days is None or unrun.reason is not Reason.HOLIDAY:
        return None
    first, last = (local_time(back(one, schedule.offset), schedule.zone).date() for one in (unrun.first, unrun.last))
    return name_of(schedule.days.calendar, first) if first == last else None
