"""What is told about an incident, whatever the channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.incidents.incident import Incident


class NoticeKind(StrEnum):
    """Why something is told."""

    BEGAN = "began"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    CLOSED = "closed"
    """The incident ended without a recovery. Only channels that keep alerts are told."""
    TEST = "test"
    """Somebody tries a channel; there is no incident."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a message says about a job. None of it is secret."""

    job_id: str
    name: str
    labels: Mapping[str, str]
    host: str
    """The host that it calls."""
    zone: str
    """The IANA zone in which its times are told."""
    source: str | None = None
    """`path:line` of its manifest; `None` for a job of the API."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell about one incident."""

    notice_id: str
    """The same in each try to deliver it, so that a receiver recognises a repetition."""
    kind: NoticeKind
    at: datetime
    job: JobFacts | None
    """`None` for a test, and for an incident of a target or host."""
    incident: Incident | None
    """`None` only for a test."""
    zone: str = "UTC"
    """The IANA zone in which the times of an incident are told that is of no job."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is sent at once: one notice, or several as a digest."""

    message_id: str
    notices: tuple[Notice, ...]
    """At least one."""

    @property
    def is_digest(self) -> bool:
        return len(self.notices) > 1
