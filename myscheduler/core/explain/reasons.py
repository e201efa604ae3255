"""Explains why a slot did not run, or is not due: texts for reasons, closed days and moved or repeated times."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import WorkingDays, closed_on, name_of
from myscheduler.core.schedule.cron import Cron, OnClock, members_of, with_overlap
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, slots_between
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Message, said

REASONS = {reason: said(f"reason-{reason}") for reason in Reason}
"""The explanation of each reason, worded to fit one slot as well as several."""


def closed_words(schedule: Adjusted, slot: datetime) -> Message | None:
    """A text that names the weekend or holiday that a slot is on; `None` if its day is open."""
    day = local_time(slot - schedule.offset, schedule.zone).date()
    return _closed_day(schedule.days, day) if schedule.days else None


def _closed_day(days: WorkingDays, day: date) -> Message | None:
    match closed_on(days, day):
        case None:
            return None
        case Reason.WEEKEND:
            return said("closed-weekend", day=day, weekday=day)
        case Reason.HOLIDAY:
            return said("closed-holiday", day=day, holiday=name_of(days.calendar, day) or None)


def moved_words(schedule: Adjusted, asked: LocalTime) -> Message | None:
    """A sentence on why the slot at `asked` was moved to a working day; `None` if none was."""
    rhythm = schedule.rhythm
    members = members_of(rhythm) if isinstance(rhythm, OnClock) else ()
    found = (_moved_away(one, schedule.offset, asked) for one in members if isinstance(one, Cron))
    return next((words for words in found if words), None)


def _moved_away(rhythm: Cron, offset: timedelta, asked: LocalTime) -> Message | None:
    shift = rhythm.expression.shift
    meant = replace(rhythm, expression=replace(rhythm.expression, shift=None))
    slot = next(slots_between(meant, asked.first - TICK - offset, asked.last - offset), None) if shift else None
    if shift is None or slot is None:
        return None
    day = local_time(slot, rhythm.zone).date()
    why = _closed_day(shift.days, day)
    return said("moved-away", why=why, day=shift.moved(day)) if why else None


def is_repeated(schedule: Schedule, asked: LocalTime) -> bool:
    """Whether `asked` is a local time repeated because clocks are set back, at which the job says `overlap: first`."""
    rhythm, offset = (schedule.rhythm, schedule.offset) if isinstance(schedule, Adjusted) else (schedule, timedelta())
    if not isinstance(rhythm, OnClock) or rhythm.overlap == "both":
        return False
    again = with_overlap(rhythm, "both")
    return any(True for _ in slots_between(again, asked.first - TICK - offset, asked.last - offset))
