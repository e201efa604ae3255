"""The days to come of a job: how many runs each has, and how many slots are left out, and why.

Runs are counted, not listed, so that a job that runs every second costs no more than one that runs once a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import ExclusionReason, Reason
from myscheduler.core.schedule.calendars import name_of
from myscheduler.core.schedule.exclusions import count_runs, exclusions, runs_after
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, count_between
from myscheduler.core.schedule.zones import local_time, start_of_day

MOST_TIMES = 5
"""The most times of runs that are listed for a day."""
MOST_STRETCHES = 100
"""The most stretches of left-out slots that are looked at on a day, to say why slots are left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Slots of a day that are left out for the same reason."""

    reason: ExclusionReason
    name: str | None
    """The name of the holiday, if there is one."""
    count: int

    def as_json(self) -> dict[str, Any]:
        return {"reason": self.reason, "name": self.name, "count": self.count}


@dataclass(frozen=True, slots=True)
class DayAhead:
    """A day of the job's zone, from now on if it is today."""

    day: date
    runs: int
    times: tuple[datetime, ...]
    """The first runs, at most `MOST_TIMES`, in the job's zone."""
    left_out: tuple[LeftOut, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "date": self.day.isoformat(),
            "runs": self.runs,
            "times": [one.isoformat() for one in self.times],
            "left_out": [one.as_json() for one in self.left_out],
        }


def days_ahead(spec: JobSpec, *, zone: str, created_at: datetime, start: datetime, days: int) -> Iterator[DayAhead]:
    """The next `days` days, the one of `start` included; pauses are not regarded.

    `zone` is the service's IANA zone, for jobs that name none. Intervals without an anchor are counted from
    `created_at`.
    """
    schedule = compile_schedule(spec, zone=zone, created_at=created_at)
    own_zone = spec.timezone or zone
    today = local_time(start, own_zone).date()
    after = start - TICK
    for day in (today + timedelta(days=number) for number in range(days)):
        until = start_of_day(own_zone, day + timedelta(days=1)) - TICK
        yield _day(schedule, own_zone, day, after, until)
        after = until


def _day(schedule: Schedule, zone: str, day: date, after: datetime, until: datetime) -> DayAhead:
    slots = count_between(schedule, after, until)
    runs = count_runs(schedule, after, until) if slots else 0
    times = islice(runs_after(schedule, after), min(runs, MOST_TIMES))
    left_out = tuple(_left_out(schedule, day, after, until, slots - runs)) if slots > runs else ()
    return DayAhead(day, runs, tuple(local_time(one, zone) for one in times), left_out)


def _left_out(schedule: Schedule, day: date, after: datetime, until: datetime, total: int) -> Iterator[LeftOut]:
    """The `total` slots that are left out, by reason; those after `MOST_STRETCHES` count for the last one's reason."""
    counts: dict[ExclusionReason, int] = {}
    why: ExclusionReason | None = None
    for start, end, why in islice(exclusions(schedule, after, until), MOST_STRETCHES):
        count = count_between(schedule, max(start - TICK, after), min(end - TICK, until))
        counts[why] = counts.get(why, 0) + count
    if why is not None:
        counts[why] += total - sum(counts.values())
    yield from (LeftOut(reason, _holiday(schedule, reason, day), count) for reason, count in counts.items() if count)


def _holiday(schedule: Schedule, reason: ExclusionReason, day: date) -> str | None:
    if not isinstance(schedule, Adjusted) or schedule.days is None or reason is not Reason.HOLIDAY:
        return None
    return name_of(schedule.days.calendar, day)
