"""The JSON shapes of what is going on now, and of what is coming."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone
from myscheduler.api.shapes.executions import ExecutionView, ExecutionViews
from myscheduler.api.shapes.incidents import IncidentView, IncidentViews
from myscheduler.core.explain.upcoming import Planned
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.gitops.sync_state import SyncState
from myscheduler.core.history.execution import Record
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Coded, coded, coded_or_none
from myscheduler.messages.recognition import recognised
from myscheduler.service.dispatch.census import Standing
from myscheduler.service.dispatch.flights import Flight
from myscheduler.service.notifications.troubles import Trouble
from myscheduler.service.store_health import StoreHealth


class JobCounts(TypedDict):
    total: int
    paused: int
    held: int
    """Jobs whose manifest is invalid, so that they keep their last good spec."""
    failing: int | None
    """Jobs whose last execution to complete or fail has failed; null while the database can't be read."""


class InFlightView(TypedDict):
    execution_id: str
    job_id: str
    host: str
    kind: str
    scheduled_at: str
    started_at: str
    attempt: int
    """The number of the attempt in progress, or of the last one if it waits for the next; 0 before the first."""
    next_attempt_at: str | None
    """When the next attempt begins; null unless the execution waits for one."""


class RunningView(TypedDict):
    in_flight: int
    oldest: list[InFlightView]
    """The executions in flight that began first."""


class WaitingView(TypedDict):
    queued_runs: int
    """Manual runs that wait for an execution of their job to end."""
    asked_runs: int
    """Manual runs that wait for a permit, or are being recorded."""
    due: int
    """Jobs with a due slot that waits: for a permit, for an execution of the job to end, or for the database."""


class OpenIncidentsView(TypedDict):
    open: int
    newest: list[IncidentView]
    """The 20 that were noticed last, the newest first."""


class ChannelTroubleView(TypedDict):
    """Messages to a channel that did not arrive, since the last one that did."""

    channel: str
    since: str
    failures: int
    """How often it was tried in vain."""
    error: str
    """Why the last try failed."""
    error_coded: Coded
    given_up: bool
    """Whether the last message is given up; otherwise it is tried again."""


class NotificationsView(TypedDict):
    channels: int
    """How many are declared; without any, nobody is told."""
    failing: list[ChannelTroubleView]


class ConditionView(TypedDict):
    type: str
    status: bool


class SourceStateView(TypedDict):
    condition: str
    reason: str
    message: str
    message_coded: Coded
    since: str | None
    conditions: list[ConditionView]
    last_attempted_revision: str | None
    last_applied_revision: str | None
    problem_count: int
    blocked_deletion: str | None
    """The digest of the deletion that waits for an approval."""


class StoreView(TypedDict):
    ok: bool
    error: str | None
    error_coded: Coded | None
    well_at: str
    """When the database was last known to work."""


class NowView(TypedDict):
    seq: str
    at: str
    jobs: JobCounts
    executions: RunningView
    waiting: WaitingView
    failures: list[ExecutionView] | None
    """The newest executions and slots that failed, were interrupted or were missed, newest first."""
    incidents: OpenIncidentsView | None
    """Null while the database can't be read."""
    notifications: NotificationsView
    source: SourceStateView
    database: StoreView


class ChangesView(TypedDict):
    seq: str
    reset: bool
    """The changes since then are not known, or are too many: read everything again."""
    jobs: list[str]
    executions: list[str]
    source: bool


class UpcomingRow(TypedDict):
    job_id: str
    name: str
    slot: str
    """In the job's zone."""
    slot_utc: str
    timezone: str
    host: str
    labels: dict[str, str]


class UpcomingView(TypedDict):
    upcoming: list[UpcomingRow]
    count: int
    complete: bool
    """Whether the list has all that was asked for; otherwise finding more took too long."""


class LiveViews(InZone):
    def __init__(self, zone: str, begins_chain: Callable[[str], bool]) -> None:
        """`zone` is the service's IANA zone; see `ExecutionViews` for `begins_chain`."""
        super().__init__(zone)
        self._executions = ExecutionViews(zone, begins_chain)
        self._incidents = IncidentViews(zone)

    def at(self, moment: datetime) -> str:
        return self._moment(moment)

    def jobs(self, standing: Standing, state: SyncState, failing: int | None) -> JobCounts:
        return {"total": standing.jobs, "paused": standing.paused, "held": len(state.held), "failing": failing}

    def running(self, standing: Standing) -> RunningView:
        return {"in_flight": standing.in_flight, "oldest": [self._flight(one) for one in standing.oldest]}

    def waiting(self, standing: Standing) -> WaitingView:
        return {"queued_runs": standing.queued_runs, "asked_runs": standing.asked_runs, "due": standing.due}

    def failures(self, records: Iterable[Record]) -> list[ExecutionView]:
        return [self._executions.view(record) for record in records]

    def incidents(self, count: int, newest: Iterable[Incident]) -> OpenIncidentsView:
        return {"open": count, "newest": [self._incidents.view(one) for one in newest]}

    def notifications(self, channels: Collection[str], troubles: Mapping[str, Trouble]) -> NotificationsView:
        """`channels` are the declared ones."""
        return {
            "channels": len(channels),
            "failing": [
                {
                    "channel": name,
                    "since": self._moment(one.since),
                    "failures": one.failures,
                    "error": one.error,
                    "error_coded": coded(recognised(one.error)),
                    "given_up": one.is_given_up,
                }
                for name, one in sorted(troubles.items())
                if name in channels
            ],
        }

    def source(self, state: SyncState, *, is_passing: bool) -> SourceStateView:
        return {
            "condition": state.condition,
            "reason": state.reason,
            "message": state.message,
            "message_coded": coded(state.message),
            "since": self._time(state.since),
            "conditions": [
                {"type": condition, "status": holds} for condition, holds in state.conditions(is_passing=is_passing)
            ],
            "last_attempted_revision": state.attempted_revision,
            "last_applied_revision": state.applied_revision,
            "problem_count": len(state.problems),
            "blocked_deletion": state.blocked.digest if state.blocked else None,
        }

    def store(self, health: StoreHealth) -> StoreView:
        error = str(health.error) if health.error else None
        return {
            "ok": error is None,
            "error": error,
            "error_coded": coded_or_none(error),
            "well_at": self._moment(health.well_at),
        }

    def upcoming(self, found: Sequence[Planned], *, is_complete: bool) -> UpcomingView:
        rows = [self._planned(one) for one in found]
        return {"upcoming": rows, "count": len(rows), "complete": is_complete}

    def _planned(self, planned: Planned) -> UpcomingRow:
        spec = planned.job.spec
        zone = spec.timezone or self._zone
        return {
            "job_id": spec.job_id,
            "name": masked_text(spec.name),
            "slot": local_time(planned.slot, zone).isoformat(),
            "slot_utc": planned.slot.astimezone(UTC).isoformat(),
            "timezone": zone,
            "host": planned.host,
            "labels": {name: masked_text(value) for name, value in spec.labels.items()},
        }

    def _flight(self, flight: Flight) -> InFlightView:
        execution = flight.execution
        return {
            "execution_id": execution.execution_id,
            "job_id": execution.job_id,
            "host": flight.host,
            "kind": execution.kind,
            "scheduled_at": self._moment(execution.slot),
            "started_at": self._moment(execution.started_at),
            "attempt": flight.attempts,
            "next_attempt_at": self._time(flight.next_attempt_at),
        }
