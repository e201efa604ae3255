"""The JSON shapes of incidents."""

from collections.abc import Sequence
from typing import NotRequired  # pydantic requires this one before Python 3.12

from typing_extensions import TypedDict

from myscheduler.api.shapes.common import InZone
from myscheduler.core.incidents.delivery import Delivery
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.source.file_change import FileChange
from myscheduler.messages.message import Coded, coded
from myscheduler.messages.recognition import recognised


class AcknowledgementView(TypedDict):
    """Who takes care of it."""

    by: str
    at: str | None
    until: str | None
    """Until then nobody is reminded; until it ends if it is null."""


class IncidentView(TypedDict):
    """A stretch of trouble of a job, target or host. `error_message_coded` is left out where the text is null."""

    incident_id: str
    job_id: str | None
    """The job in trouble; null for one of a target or host."""
    target: str | None
    """The shared target whose circuit is open."""
    host: str | None
    """The host whose certificate expires soon."""
    kind: str
    """`failing` or `late`, of a job; `circuit`, of a target; `certificate`, of a host."""
    open: bool
    began_at: str
    """When the first failure that counts ended, the deadline that passed, when the circuit opened, or when the
    certificate had 14 days left."""
    expires_at: str | None
    """When the certificate expires; null for other kinds."""
    noticed_at: str
    ended_at: str | None
    end_reason: str | None
    """`recovered`, `deleted`, `paused`, `unwatched` or `removed`."""
    failures: int
    """How many executions went wrong in it, or how many calls to the target in a row."""
    error_message: str | None
    """What the last of them said, without credentials; of a target, how its last call failed."""
    error_message_coded: NotRequired[Coded]
    first_execution_id: str | None
    last_execution_id: str | None
    revision: str | None
    """The revision of the source that the first of them ran with."""
    good_revision: str | None
    """The revision with which the job completed before."""
    acknowledged: AcknowledgementView | None


class FileChangeView(TypedDict):
    """What changed in the job's file between `good_revision` and `revision`."""

    file: str
    commit: str
    """The last commit that changed it."""
    author: str
    at: str
    subject: str
    lines: list[str] | None
    """Lines that were removed (`-`) and added (`+`); null for callers who may not read the source."""


class DeliveryView(TypedDict):
    """A notice about the incident, for one channel."""

    channel: str
    kind: str
    """`began`, `reminder`, `recovered` or `closed`."""
    at: str
    state: str
    """`waiting`, `sent`, `failed` or `withdrawn`."""
    attempts: int
    next_at: str | None
    error: str | None
    """Why the last attempt failed."""
    error_coded: Coded | None
    settled_at: str | None


class IncidentDetail(IncidentView):
    change: FileChangeView | None
    """Null if nothing changed, or it is not known what: the source is not in git."""
    deliveries: list[DeliveryView]
    """Whom it was told, or is to be told, oldest first."""


class IncidentPage(TypedDict):
    incidents: list[IncidentView]
    count: int
    """The rows of this page."""
    next_cursor: str | None


class IncidentStatus(TypedDict):
    incident_id: str
    job_id: str | None
    target: str | None
    host: str | None
    status: str
    """`acknowledged` or `open`."""


class IncidentViews(InZone):
    """Makes the shapes, with times in the service's zone."""

    def view(self, incident: Incident) -> IncidentView:
        view: IncidentView = {
            "incident_id": incident.incident_id,
            "job_id": incident.job_id,
            "target": incident.target,
            "host": incident.host,
            "kind": incident.kind,
            "open": incident.is_open,
            "began_at": self._moment(incident.began_at),
            "noticed_at": self._moment(incident.noticed_at),
            "expires_at": self._time(incident.expires_at),
            "ended_at": self._time(incident.ended_at),
            "end_reason": incident.end_reason,
            "failures": incident.failures,
            "error_message": incident.error,
            "first_execution_id": incident.first_execution_id,
            "last_execution_id": incident.last_execution_id,
            "revision": incident.source_revision,
            "good_revision": incident.good_revision,
            "acknowledged": self._acknowledged(incident),
        }
        if incident.error is not None:
            view["error_message_coded"] = coded(recognised(incident.error))
        return view

    def detail(
        self,
        incident: Incident,
        deliveries: Sequence[Delivery],
        change: tuple[str, FileChange] | None,
        *,
        with_lines: bool,
    ) -> IncidentDetail:
        """`change` is the job's file, and what changed in it. Its lines may hold literal credentials."""
        return {
            **self.view(incident),
            "change": None if change is None else self._change(*change, with_lines=with_lines),
            "deliveries": [self._delivery(one) for one in deliveries],
        }

    def _acknowledged(self, incident: Incident) -> AcknowledgementView | None:
        if incident.acknowledged_by is None:
            return None
        at, until = self._time(incident.acknowledged_at), self._time(incident.acknowledged_until)
        return {"by": incident.acknowledged_by, "at": at, "until": until}

    def _change(self, file: str, change: FileChange, *, with_lines: bool) -> FileChangeView:
        return {
            "file": file,
            "commit": change.commit,
            "author": change.author,
            "at": self._moment(change.at),
            "subject": change.subject,
            "lines": list(change.lines) if with_lines else None,
        }

    def _delivery(self, one: Delivery) -> DeliveryView:
        waits = one.settled_at is None
        return {
            "channel": one.channel,
            "kind": one.kind,
            "at": self._moment(one.at),
            "state": one.state,
            "attempts": one.attempts,
            "next_at": self._time(one.next_at) if waits else None,
            "error": one.error,
            "error_coded": None if one.error is None else coded(recognised(one.error)),
            "settled_at": self._time(one.settled_at),
        }
