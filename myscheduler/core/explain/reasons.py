"""Explains why a slot did not run, or is not due: texts for reasons, closed days and moved or repeated times."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import WorkingDays, closed_on, name_of
from myscheduler.core.schedule.cron import Cron, OnClock, members_of, with_overlap
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, slots_between
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time

REASONS = {
    Reason.PAUSED: "the job was paused",
    Reason.OVERLAP: "an earlier execution was still running",
    Reason.DEADLINE: "there was no start within the job's misfire_grace_time",
    Reason.COALESCED: "several slots were due together, and only the last of them ran (coalesce)",
    Reason.BACKLOG: "more slots were due together than a catch-up runs, so only the last of them ran",
    Reason.EDITED: "the schedule was edited first, and an edit never fires slots that are in the past",
    Reason.DELETED: "the job was deleted first",
    Reason.EXPIRED: "the time had passed before the job was created or changed",
    Reason.DST_GAP: "the time doesn't exist on that day, and the job says dst: {gap: skip}",
    Reason.BLACKOUT: "a blackout of the job covers that time",
    Reason.HOLIDAY: "that is a holiday of the job's calendar",
    Reason.WEEKEND: "that is a weekend, which the job's calendar leaves out",
    Reason.CATCH_UP: "due while the service could not run, and the job says catchup: none",
    Reason.REPLACED: "the next slot was due and took its place, as overlap: replace says",
    Reason.CRASH: "the service or its machine stopped in the meantime",
    Reason.SHUTDOWN: "the service was stopped in the meantime",
    Reason.CANCELLED: "it was cancelled through the API",
    Reason.DATABASE: "the service could not use its database at that time; nothing was sent",
    Reason.NO_FILE: "the service had too many open files for another connection; nothing was sent",
    Reason.SECRET_MISSING: "a secret that the job refers to was missing; nothing was sent",
    Reason.SECRET_UNUSABLE: "a secret that the job refers to could not be read or used; nothing was sent",
    Reason.SECRET_NOT_ALLOWED: "the policy did not allow the job a secret that it refers to; nothing was sent",
    Reason.TARGET_NOT_ALLOWED: "the target was a link-local address, which the policy did not allow; nothing was sent",
}
"""The explanation of each reason, worded to fit one slot as well as several."""


def closed_words(schedule: Adjusted, slot: datetime) -> str | None:
    """A text that names the weekend or holiday that a slot is on; `None` if its day is open."""
    day = local_time(slot - schedule.offset, schedule.zone).date()
    return _closed_day(schedule.days, day) if schedule.days else None


def _closed_day(days: WorkingDays, day: date) -> str | None:
    match closed_on(days, day):
        case None:
            return None
        case Reason.WEEKEND:
            return f"{day} is a {day:%A}, which the job's calendar leaves out"
        case Reason.HOLIDAY:
            name = name_of(days.calendar, day)
            return f"{day} is a holiday of the job's calendar" + (f" ({name})" if name else "")


def moved_words(schedule: Adjusted, asked: LocalTime) -> str | None:
    """A sentence on why the slot at `asked` was moved to a working day; `None` if none was."""
    rhythm = schedule.rhythm
    members = members_of(rhythm) if isinstance(rhythm, OnClock) else ()
    found = (_moved_away(one, schedule.offset, asked) for one in members if isinstance(one, Cron))
    return next((words for words in found if words), None)


def _moved_away(rhythm: Cron, offset: timedelta, asked: LocalTime) -> str | None:
    shift = rhythm.expression.shift
    meant = replace(rhythm, expression=replace(rhythm.expression, shift=None))
    slot = next(slots_between(meant, asked.first - TICK - offset, asked.last - offset), None) if shift else None
    if shift is None or slot is None:
        return None
    day = local_time(slot, rhythm.zone).date()
    why = _closed_day(shift.days, day)
    return f"The time of that day is moved: {why}, so the job runs on {shift.moved(day)} instead." if why else None


def is_repeated(schedule: Schedule, asked: LocalTime) -> bool:
    """Whether `asked` is a local time repeated because clocks are set back, at which the job says `overlap: first`."""
    rhythm, offset = (schedule.rhythm, schedule.offset) if isinstance(schedule, Adjusted) else (schedule, timedelta())
    if not isinstance(rhythm, OnClock) or rhythm.overlap == "both":
        return False
    again = with_overlap(rhythm, "both")
    return any(True for _ in slots_between(again, asked.first - TICK - offset, asked.last - offset))


def as_sentence(sentence: str) -> str:
    """The text with a full stop at its end."""
    return sentence if sentence.endswith(".") else f"{sentence}."
