"""One decision on the due slots of a job, as a question that can be answered beside the event loop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from myscheduler.core.dispatch.admission import Step, admit
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.schedule.exclusions import limits_slots
from myscheduler.core.schedule.slots import Adjusted, Schedule, next_after

_FEW = 4
"""So many blackouts are asked about one slot in less than a millisecond."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What becomes of the slots in (`cursor`, `now`]; the fields are those of `admit`."""

    spec: JobSpec
    schedule: Schedule
    paused_until: datetime | None
    running: int
    cursor: datetime
    now: datetime
    overdue_until: datetime | None
    catch_up: CatchUp | None
    unsent: int
    waits_for_database: bool

    @property
    def is_long(self) -> bool:
        """Whether the answer may take longer than a moment: up to a second after a downtime of years."""
        schedule = self.schedule
        if not isinstance(schedule, Adjusted) or not limits_slots(schedule):
            return False
        if len(schedule.blackouts) > _FEW or (schedule.days and schedule.days.calendar.country):
            return True
        first = next_after(schedule, self.cursor)
        second = None if first is None else next_after(schedule, first)
        return second is not None and second <= self.now

    def answer(self) -> tuple[Step, ...]:
        """What `admit` says."""
        return admit(
            self.spec,
            self.schedule,
            paused_until=self.paused_until,
            running=self.running,
            cursor=self.cursor,
            now=self.now,
            overdue_until=self.overdue_until,
            catch_up=self.catch_up,
            unsent=self.unsent,
            waits_for_database=self.waits_for_database,
        )


def weight_of(question: Question) -> tuple[int, timedelta]:
    """Those that have less take less time."""
    schedule = question.schedule
    blackouts = len(schedule.blackouts) if isinstance(schedule, Adjusted) else 0
    return blackouts, question.now - question.cursor
