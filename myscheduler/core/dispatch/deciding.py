"""One decision on the due slots of a job, as a value, so that it can be made in a thread beside the event loop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from myscheduler.core.dispatch.admission import Step, admit
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.schedule.exclusions import limits_slots
from myscheduler.core.schedule.slots import Adjusted, Schedule, next_after

_FEW = 4
"""The most blackouts that can be checked for one slot in less than a millisecond."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A call of `admit` that is still to be made; the fields are its parameters."""

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
        """Whether the answer may take more than a millisecond; after a downtime of years it takes up to a second."""
        schedule = self.schedule
        if not isinstance(schedule, Adjusted) or not limits_slots(schedule):
            return False
        if len(schedule.blackouts) > _FEW or (schedule.days and schedule.days.calendar.country):
            return True
        first = next_after(schedule, self.cursor)
        second = None if first is None else next_after(schedule, first)
        return second is not None and second <= self.now

    def answer(self) -> tuple[Step, ...]:
        """The steps that `admit` returns."""
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
    """A sort key: questions with fewer blackouts and a shorter span are answered faster."""
    schedule = question.schedule
    blackouts = len(schedule.blackouts) if isinstance(schedule, Adjusted) else 0
    return blackouts, question.now - question.cursor
