"""Moments as people write them."""

import re
from datetime import UTC, datetime, timedelta

from myscheduler.core.walls import FIRST_YEAR
from myscheduler.core.zones import ZERO, zone
from myscheduler.errors import ScheduleError

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_FORM = "write a time like 2026-04-01T09:00:00+09:00, or without the offset for the job's time zone"


def parse_run_at(text: str | datetime, zone_name: str) -> datetime:
    """The instant of an RFC 3339 time, or of a local time of that zone when it has no offset.

    A `ScheduleError` (field `run_at`) for anything else, and for a local time that the zone shows never or twice.
    """
    written = text if isinstance(text, datetime) else _read_time(text)
    try:
        moment = (_localized(written, zone_name) if written.tzinfo is None else written).astimezone(UTC)
    except OverflowError:
        moment = ZERO
    if moment.year < FIRST_YEAR:
        raise ScheduleError("lies outside of the years 1970 to 9999", field="run_at")
    return moment


def _read_time(text: str) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text.strip().upper()):
        raise ScheduleError(f"is not a date with a time; {_FORM}", field="run_at")
    try:
        return datetime.fromisoformat(text.strip().upper())
    except ValueError as error:
        raise ScheduleError(f"is not a time that exists ({error}); {_FORM}", field="run_at") from None


def _localized(local: datetime, zone_name: str) -> datetime:
    """That wall time in the zone; PEP 495: the offsets of both folds differ where it is shown never or twice."""
    first, second = (local.replace(tzinfo=zone(zone_name), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    shown = f"{local.isoformat(' ')} in {zone_name}"
    if before < after:
        raise ScheduleError(
            f"{shown} doesn't exist, the clock jumps over it: write another time, or the offset", field="run_at"
        )
    if before > after:
        raise ScheduleError(
            f"{shown} comes twice: write the offset, {first.isoformat()} or {second.isoformat()}", field="run_at"
        )
    return first
