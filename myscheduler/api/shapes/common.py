"""Parts that several shapes have in common."""

from datetime import UTC, datetime, timedelta, timezone

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.core.job.job import Pause, Source
from myscheduler.core.schedule.expansion import to_micros
from myscheduler.core.schedule.zones import local_time, stretch_at, to_second


class SourceView(TypedDict):
    file: str
    line: int
    revision: str


class PauseView(TypedDict):
    by: str
    at: str
    reason: str | None
    until: str | None


class LocalTimes:
    """Times in a zone as text, made of microseconds since 1970. Remembers the clock change before and after the last
    one: a list of a thousand rows has thousands of times, mostly between the same two.

    Runs in threads, also in two at once.
    """

    def __init__(self, zone: str) -> None:
        """`zone` is an IANA zone."""
        self._zone = zone
        self._known: tuple[int, int, datetime] = 0, 0, _EPOCH
        """From when until when, in microseconds, this is how the clock of the zone shows the beginning of 1970."""

    def text(self, micros: int) -> str:
        """RFC 3339, with the offset of the zone; in UTC if its local time would be after the year 9999."""
        start, end, epoch = self._known
        if not start <= micros < end:
            if micros < 0:  # stretches are exact since 1970 only
                return self._exact(micros)
            start, end, epoch = self._known = self._find(micros)
        try:
            return (epoch + timedelta(0, 0, micros)).isoformat()
        except OverflowError:
            return self._exact(micros)

    def _exact(self, micros: int) -> str:
        return local_time(_EPOCH + timedelta(0, 0, micros), self._zone).isoformat()

    def _find(self, micros: int) -> tuple[int, int, datetime]:
        stretch = stretch_at(self._zone, micros // _SECOND + _EPOCH_SECOND)
        start, end = ((second - _EPOCH_SECOND) * _SECOND for second in (stretch.start, stretch.end))
        return max(start, 0), end, _EPOCH.astimezone(timezone(timedelta(seconds=stretch.offset)))


_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECOND = to_second(_EPOCH)


class InZone:
    """Base of shapes whose times are local times with the offset of the service's zone."""

    def __init__(self, zone: str) -> None:
        """`zone` is the service's IANA zone."""
        self._zone = zone
        self._times = LocalTimes(zone)

    def pause(self, pause: Pause | None) -> PauseView | None:
        if pause is None:
            return None
        at, until = self._moment(pause.at), self._time(pause.until)
        return {"by": pause.by, "at": at, "reason": pause.reason, "until": until}

    def _time(self, moment: datetime | None) -> str | None:
        return None if moment is None else self._moment(moment)

    def _moment(self, moment: datetime) -> str:
        return self._times.text(to_micros(moment))


def source_view(source: Source | None) -> SourceView | None:
    return None if source is None else {"file": source.path, "line": source.line, "revision": source.revision}
