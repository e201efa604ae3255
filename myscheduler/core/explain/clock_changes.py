"""Notes on changes of the clocks (daylight saving time) around a slot, in plain English."""

from datetime import datetime

from myscheduler.core.schedule.cron import OnClock, swallowing
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.slots import Adjusted, Schedule
from myscheduler.core.schedule.zones import first_showing, stretch_at, stretches_between, to_second
from myscheduler.messages.message import Message, said


def clock_note(schedule: Schedule, zone_name: str, slot: datetime) -> Message | None:
    """A note that clocks change on the local day of a slot, and what that means for it; `None` on other days."""
    instant = to_second(slot)
    change = clock_change(zone_name, instant)
    if change is None:
        return None
    instant_of_change, before, after = change
    note = said(
        "clocks-forward" if after > before else "clocks-back",
        before=_time(instant_of_change + before),
        after=_time(instant_of_change + after),
    )
    rhythm, offset = (schedule.rhythm, schedule.offset) if isinstance(schedule, Adjusted) else (schedule, None)
    meant = instant - int(offset.total_seconds()) if offset else instant
    if isinstance(rhythm, OnClock) and any(swallowing(rhythm, meant, meant)):
        return said("clocks-gap-runs" if rhythm.gap == "run" else "clocks-gap", change=note)
    if after < before and instant_of_change - (before - after) <= instant < instant_of_change:
        return said("clocks-first", change=note)
    if after < before and instant_of_change <= instant < instant_of_change + (before - after):
        return said("clocks-second", change=note)
    return note


def clock_change(zone_name: str, instant: int) -> tuple[int, int, int] | None:
    """The change of the clocks on the local day of an instant (seconds since the epoch); `None` if there is none.

    A change is its instant, and the offsets from UTC before and after it, all in seconds.
    """
    day = (instant + stretch_at(zone_name, instant).offset) // DAY
    start, end = (first_showing(zone_name, one * DAY) for one in (day, day + 1))
    before = stretch_at(zone_name, start - 1).offset
    for first, _, offset in stretches_between(zone_name, start, max(start, end - 1)):
        if offset != before:
            return first, before, offset
    return None


def _time(wall: int) -> str:
    minutes = wall % DAY // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"
