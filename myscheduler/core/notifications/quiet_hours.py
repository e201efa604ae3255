"""Quiet hours: times of the day in which a channel is not written to; what happens meanwhile is told afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from myscheduler.core.schedule.zones import first_showing, local_time, to_instant, to_second

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_IN_A_ROW = 50
"""More than a week of quiet hours, one after the other, needs; `never_ends` refuses them."""
_ANY_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day to another, which is on the next day unless it is later."""

    start: time
    end: time
    """Exclusive."""
    days: frozenset[int] = frozenset(range(7))
    """The weekdays on which they begin; 0 is Monday."""
    zone: str | None = None
    """An IANA name; `None` means the zone of the service."""


def quiet_until(quiet: Sequence[QuietHours], now: datetime, zone: str) -> datetime | None:
    """When the quiet hours end that `now` is in; `None` if it is in none. `zone` is that of the service."""
    moment = now
    for _ in range(_MOST_IN_A_ROW):
        later = max((end for one in quiet for end in _ends(one, moment, one.zone or zone)), default=None)
        if later is None:
            return moment if moment > now else None
        moment = later
    return moment


def never_ends(quiet: Sequence[QuietHours]) -> bool:
    """Whether the quiet hours leave no time in a week, so that nothing would ever be told."""
    until = quiet_until(quiet, _ANY_MONDAY, "UTC")
    return until is not None and until - _ANY_MONDAY > timedelta(days=8)


def _ends(quiet: QuietHours, moment: datetime, zone: str) -> Iterator[datetime]:
    """The end of these quiet hours, if the moment is in them."""
    today = local_time(moment, zone).date()
    for day in (today - timedelta(days=1), today):
        last = day if quiet.end > quiet.start else day + timedelta(days=1)
        if day.weekday() in quiet.days and _instant(day, quiet.start, zone) <= moment:
            end = _instant(last, quiet.end, zone)
            if moment < end:
                yield end


def _instant(day: date, at: time, zone: str) -> datetime:
    """The first moment at which clocks of the zone show this time, or a later one if it is left out."""
    return to_instant(first_showing(zone, to_second(datetime.combine(day, at, UTC))))
