"""The JSON shapes of jobs. Clients rely on them: fields may be added, but never renamed or removed."""

from collections.abc import Callable, Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone, PauseView, SourceView, source_view
from myscheduler.api.shapes.executions import ExecutionView, ExecutionViews
from myscheduler.api.shapes.incidents import IncidentView, IncidentViews
from myscheduler.api.shapes.job_links import ChainFields, chain_fields
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.schedule_parts import ScheduleParts, schedule_parts
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import cut
from myscheduler.core.history.execution import Failing, QueuedRun, Record
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.job.after import DeclaredAfter, after_to_json
from myscheduler.core.job.codec import schedule_to_json
from myscheduler.core.job.compiling import compile_schedule, next_run
from myscheduler.core.job.expect import expect_to_json
from myscheduler.core.job.job import Job, Owner, state_of
from myscheduler.core.job.limits import Limits, limits_to_json
from myscheduler.core.job.notify import USUAL, notify_to_json
from myscheduler.core.job.objective import Objective
from myscheduler.core.job.ping import Ping
from myscheduler.core.job.retry import retry_to_json
from myscheduler.core.job.sent import sent_fields
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredWallInterval,
    trigger_text,
)
from myscheduler.core.job.transport import tls_to_json
from myscheduler.core.schedule.slots import Once, Period
from myscheduler.core.schedule.timestamps import duration_text
from myscheduler.core.secrets.literals import masked


class JobStatus(TypedDict):
    job_id: str
    status: str


class Triggered(TypedDict):
    job_id: str
    status: str
    """`triggered`, or `queued` if the run waits for an execution of the job in progress."""
    execution_id: str
    waits_for: NotRequired[list[str]]
    rerun_of: NotRequired[str]


class QueuedRunView(TypedDict):
    execution_id: str
    asked_at: str
    requested_by: str
    rerun_of: str | None


class JobSummary(TypedDict):
    job_id: str
    id: str
    name: str
    next_run_time: str | None
    trigger: str
    schedule_text: str
    """The schedule in words."""
    schedule_parts: NotRequired[ScheduleParts]
    """The schedule in parts, for other languages; not in the list of all jobs."""
    timezone: str
    """The job's IANA zone; the service's if the job has none of its own."""
    status: str
    target_url: str
    method: str
    execution_count: int
    owner: str
    read_only: bool
    source: SourceView | None
    held: bool
    paused_by: str | None
    pause: PauseView | None
    """The operators' pause; it only has an effect if the manifest does not set `paused`."""
    labels: dict[str, str]
    last_execution: ExecutionView | None


class LimitsView(TypedDict):
    start_at: str | None
    end_at: str | None
    blackout: list[dict[str, Any]]
    calendar: dict[str, Any] | None
    jitter_sec: int


class FailingView(TypedDict):
    """The first failed execution since the last completed one; `failures` counts it and those after it."""

    execution_id: str
    scheduled_at: str
    revision: str | None
    source: SourceView | None
    failures: int


class ObjectiveView(TypedDict):
    """A service level objective, as a manifest writes it."""

    success: float
    late_sec: int | None
    window: str
    """An ISO 8601 duration."""


class PingView(TypedDict):
    """What a job expects that makes no call, as a manifest writes it."""

    key_sha256: str
    grace: str
    """An ISO 8601 duration."""


class JobDetail(JobSummary, LimitsView, ChainFields):
    func: str
    trigger_info: dict[str, Any]
    headers: dict[str, str | list[str]]
    """A value is a list if the header has several values."""
    body: Any
    target: str | None
    """The shared target of `targets.yaml` that the call goes to; `None` for a URL of the job's own."""
    query: dict[str, str | list[str]] | None
    """Parameters added to the URL's query; a list for a name that is given several times."""
    form: dict[str, str | list[str]] | None
    """This, or one of the next three fields, is sent in place of `body`, as a manifest writes it."""
    text: str | None
    base64: str | None
    multipart: list[dict[str, str]] | None
    auth: dict[str, Any] | None
    """How the call proves who makes it, as a manifest writes it."""
    sign: dict[str, Any] | None
    """How the call is signed, as a manifest writes it."""
    timeout_sec: float
    max_retries: int
    retry_backoff_sec: float
    retry: dict[str, Any] | None
    """The retry policy beyond the two fields above, as a manifest writes it; `None` for the usual one."""
    expect: dict[str, Any] | None
    """What counts as a success, as a manifest writes it; `None` for any status of 2xx."""
    connect_timeout_sec: float | None
    follow_redirects: int
    """How many redirects are followed; 0 if one is a failure."""
    tls: dict[str, Any] | None
    proxy: str | None
    keep_response: bool
    misfire_grace_time: int
    coalesce: bool
    catchup: str
    max_instances: int
    overlap: str
    on_interrupt: str
    ping: PingView | None
    """`None` for a job that calls its `target_url`."""
    slo: ObjectiveView | None
    notify: dict[str, Any] | bool | None
    """What the job says about its notifications, as it is written; `None` for nothing, `false` for "tells nobody"."""
    followed_by: list[str]
    """The jobs that run after it: a pause, or its deletion, keeps them from running, too."""
    digest: str
    created_at: str
    updated_at: str
    failing_since: FailingView | None
    """Since when, and since which revision of the source, the job fails; `None` if its last execution did not fail."""
    incidents: list[IncidentView]
    """What the job is in trouble with now."""
    queued_run: QueuedRunView | None
    """The manual run that waits for an execution in progress; `None` if there is none."""
    executions: list[ExecutionView]


class JobList(TypedDict):
    jobs: list[JobSummary]


class JobPage(TypedDict):
    """A page of the list; with `fields`, the rows have only these."""

    jobs: "list[JobSummary | CompactJob]"
    count: int
    """The rows of this page."""
    total: int
    """How many jobs match the filters, on all pages."""
    next_cursor: str | None
    """The `cursor` of the next page; `None` on the last one."""


class CompactJob(TypedDict):
    """A short row, with `compact=true`."""

    job_id: str
    name: str
    owner: str
    status: str
    next_run_time: str | None
    target_url: str
    timezone: str
    schedule_text: str
    held: bool
    last_status: str | None
    """The status of the last execution."""
    failing: bool
    """Whether an execution has failed since the last completed one."""
    labels: dict[str, str]


class JobViews(InZone):
    def __init__(self, zone: str, begins_chain: Callable[[str], bool], masking: Masking | None = None) -> None:
        """`zone` is the service's IANA zone; see `ExecutionViews` for `begins_chain`. `masking` masks literal
        credentials, and what targets repeat of them.
        """
        super().__init__(zone)
        self._masking = masking
        self._executions = ExecutionViews(zone, begins_chain)
        self._incidents = IncidentViews(zone)

    def words(self, job: Job) -> str:
        """The job's schedule in words, at most `LONGEST_MESSAGE` characters."""
        return cut(describe_job(job.spec, zone=job.spec.timezone or self._zone))

    def parts(self, job: Job) -> ScheduleParts:
        """The job's schedule in parts."""
        return schedule_parts(job.spec, zone=job.spec.timezone or self._zone)

    def summary(self, job: Job, last: Record | None, *, held: bool, words: str | None = None) -> JobSummary:
        """`words` is the result of `words` if it is known already."""
        spec = job.spec
        return {
            "job_id": job.job_id,
            "id": job.job_id,
            "name": masked_text(spec.name) if self._masking else spec.name,
            "next_run_time": self._time(next_run(job, zone=self._zone)),
            "trigger": trigger_text(spec),
            "schedule_text": words or self.words(job),
            "timezone": spec.timezone or self._zone,
            "status": _status(job),
            "target_url": masked_text(spec.target_url) if self._masking else spec.target_url,
            "method": spec.method,
            "execution_count": job.execution_count,
            "owner": job.owner,
            "read_only": job.owner is Owner.MANIFEST,
            "source": source_view(job.source),
            "held": held,
            "paused_by": _paused_by(job),
            "pause": self.pause(job.pause),
            "labels": masked({"labels": spec.labels})["labels"] if self._masking else dict(spec.labels),
            "last_execution": self._execution(last, job) if last else None,
        }

    def detail(
        self,
        job: Job,
        last: Record | None,
        records: list[Record],
        failing: Failing | None,
        queued: QueuedRun | None,
        incidents: Sequence[Incident],
        *,
        held: bool,
        followed_by: Sequence[str],
    ) -> JobDetail:
        spec = job.spec
        sent = masked(sent_fields(spec)) if self._masking else sent_fields(spec)
        return {
            **self.summary(job, last, held=held),
            "schedule_parts": self.parts(job),
            "func": "execute_http_job",  # a fixed word that clients expect
            "trigger_info": self._trigger_info(job),
            **self._limits(spec.limits),
            "headers": sent["headers"],
            "body": sent["body"],
            "target": spec.target,
            "query": sent.get("query"),
            "form": sent.get("form"),
            "text": sent.get("text"),
            "base64": sent.get("base64"),
            "multipart": sent.get("multipart"),
            "auth": sent.get("auth"),
            "sign": sent.get("sign"),
            "timeout_sec": spec.timeout_sec,
            "max_retries": spec.max_retries,
            "retry_backoff_sec": spec.retry_backoff_sec,
            "retry": retry_to_json(spec.retry) or None,
            "expect": expect_to_json(spec.expect) or None,
            "connect_timeout_sec": spec.transport.connect_timeout_sec,
            "follow_redirects": spec.transport.follow_redirects,
            "tls": None if spec.transport.tls is None else tls_to_json(spec.transport.tls),
            "proxy": spec.transport.proxy,
            "keep_response": spec.transport.keep_response,
            "misfire_grace_time": spec.misfire_grace_time,
            "coalesce": spec.coalesce,
            "catchup": spec.catch_up,
            "max_instances": spec.max_instances,
            "overlap": spec.overlap,
            "on_interrupt": spec.on_interrupt,
            "ping": _ping(spec.ping),
            "slo": _objective(spec.slo),
            "notify": None if spec.notify == USUAL else notify_to_json(spec.notify),
            **chain_fields(spec),
            "followed_by": sorted(followed_by),
            "digest": self._masking.digest(job.digest) if self._masking else job.digest,
            "created_at": self._moment(job.created_at),
            "updated_at": self._moment(job.updated_at),
            "failing_since": self._failing(failing) if failing else None,
            "incidents": [self._incidents.view(one) for one in incidents],
            "queued_run": self._queued(queued) if queued else None,
            "executions": [self._execution(record, job) for record in records],
        }

    def _execution(self, record: Record, job: Job) -> ExecutionView:
        return self._executions.view(self._masking.record(record, job) if self._masking else record)

    def _queued(self, run: QueuedRun) -> QueuedRunView:
        return {
            "execution_id": run.execution_id,
            "asked_at": self._moment(run.asked_at),
            "requested_by": run.requested_by,
            "rerun_of": run.rerun_of,
        }

    def _failing(self, failing: Failing) -> FailingView:
        first = self._executions.view(failing.first)
        return {
            "execution_id": first["execution_id"],
            "scheduled_at": first["scheduled_at"],
            "revision": first["revision"],
            "source": first["source"],
            "failures": failing.count,
        }

    def _trigger_info(self, job: Job) -> dict[str, Any]:
        """The schedule as it was declared; `interval_seconds` and `run_date` are for older clients."""
        match job.spec.schedule:
            case DeclaredCron() | DeclaredCrons():
                return {"type": "cron", **schedule_to_json(job.spec.schedule)}
            case DeclaredWallInterval(_, anchor):
                written = schedule_to_json(job.spec.schedule)
                seconds = job.spec.schedule.average.total_seconds()
                return {"type": "interval", **written, "anchor": self._moment(anchor), "interval_seconds": seconds}
            case DeclaredInterval(units) as interval:
                seconds = interval.every.total_seconds()
                return {"type": "interval", "interval": dict(units), "interval_seconds": seconds}
            case DeclaredDate(run_at):
                schedule = compile_schedule(job.spec, zone=self._zone, created_at=job.created_at)
                moment = self._moment(schedule.at) if isinstance(schedule, Once) else run_at
                return {"type": "date", "run_at": run_at, "run_date": moment}
            case DeclaredAfter():
                return {"type": "after", **after_to_json(job.spec.schedule)}

    def _limits(self, limits: Limits) -> LimitsView:
        """As they were declared; times have the offset of the service's zone."""
        written = limits_to_json(limits)
        return {
            "start_at": self._time(limits.start_at),
            "end_at": self._time(limits.end_at),
            "blackout": [
                {"from": self._moment(one.start), "to": self._moment(one.end)} if isinstance(one, Period) else stored
                for one, stored in zip(limits.blackout, written.get("blackout", ()), strict=True)
            ],
            "calendar": written.get("calendar"),
            "jitter_sec": limits.jitter_sec,
        }


def _status(job: Job) -> str:
    return state_of(job.spec.schedule_type, has_slot=job.next_slot is not None, is_paused=job.is_paused).value


def _objective(objective: Objective | None) -> ObjectiveView | None:
    if objective is None:
        return None
    window = duration_text(objective.window)
    return {"success": objective.success, "late_sec": objective.late_sec, "window": window}


def _ping(ping: Ping | None) -> PingView | None:
    if ping is None:
        return None
    return {"key_sha256": ping.key_sha256, "grace": duration_text(ping.grace)}


def _paused_by(job: Job) -> str | None:
    if not job.is_paused:
        return None
    if job.spec.paused and job.source:
        return f"{job.source.path}:{job.source.line}"
    return job.pause.by if job.pause else "api"
