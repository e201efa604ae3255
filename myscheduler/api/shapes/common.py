"""Parts that several shapes have in common."""

from datetime import datetime

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.core.job.job import Pause, Source
from myscheduler.core.schedule.zones import local_time


class SourceView(TypedDict):
    file: str
    line: int
    revision: str


class PauseView(TypedDict):
    by: str
    at: str
    reason: str | None
    until: str | None


class InZone:
    """Base of shapes whose times are local times with the offset of the service's zone."""

    def __init__(self, zone: str) -> None:
        """`zone` is the service's IANA zone."""
        self._zone = zone

    def pause(self, pause: Pause | None) -> PauseView | None:
        if pause is None:
            return None
        at, until = self._moment(pause.at), self._time(pause.until)
        return {"by": pause.by, "at": at, "reason": pause.reason, "until": until}

    def _time(self, moment: datetime | None) -> str | None:
        return None if moment is None else self._moment(moment)

    def _moment(self, moment: datetime) -> str:
        return local_time(moment, self._zone).isoformat()


def source_view(source: Source | None) -> SourceView | None:
    return None if source is None else {"file": source.path, "line": source.line, "revision": source.revision}
