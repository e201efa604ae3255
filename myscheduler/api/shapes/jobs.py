"""The JSON shapes of the REST API. The outside relies on them: fields may be added, never renamed or dropped."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from myscheduler.core.bounds import MOST_IN_REPORT, MOST_NAMED, MOST_PROBLEMS
from myscheduler.core.findings.problem import worst
from myscheduler.core.gitops.sync_state import FileCondition, FileState, Passed, SyncState
from myscheduler.core.history.execution import Failing, QueuedRun, Record, Status
from myscheduler.core.job.codec import schedule_to_json
from myscheduler.core.job.compiling import compile_schedule, next_run
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.job.limits import Limits, limits_to_json
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredWallInterval,
    trigger_text,
)
from myscheduler.core.lifecycle.audit import Entry
from myscheduler.core.schedule.slots import Once, Period
from myscheduler.core.schedule.zones import local_time


class JobStatus(TypedDict):
    job_id: str
    status: str


class Triggered(TypedDict):
    job_id: str
    status: str
    """`triggered`, or `queued` while an execution of the job is under way."""
    execution_id: str
    waits_for: NotRequired[list[str]]


class QueuedRunView(TypedDict):
    execution_id: str
    asked_at: str
    requested_by: str


class SourceView(TypedDict):
    file: str
    line: int
    revision: str


class PauseView(TypedDict):
    by: str
    at: str
    reason: str | None
    until: str | None


class ExecutionResult(TypedDict):
    success: bool
    status_code: int | None
    response_size: int | None
    attempts: int


class ExecutionView(TypedDict):
    """A row of the history. One for slots that did not run has a reason and no start, and may stand for several."""

    execution_id: str
    job_id: str
    status: str
    reason: str | None
    kind: str
    cause: str
    scheduled_at: str
    last_scheduled_at: str
    slot_count: int
    started_at: str | None
    completed_at: str | None
    execution_time_ms: int | None
    attempts: int
    http_status_code: int | None
    response_size: int | None
    response: str | None
    error_message: str | None
    note: str | None
    """What was odd about the answer of one that was completed."""
    requested_by: str | None
    digest: str | None
    revision: str | None
    source: SourceView | None
    """Where the job was declared that ran."""
    result: ExecutionResult | None


class JobSummary(TypedDict):
    job_id: str
    id: str
    name: str
    next_run_time: str | None
    trigger: str
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
    """The operators' pause; it counts where the manifest says nothing of pausing."""
    labels: dict[str, str]
    last_execution: ExecutionView | None


class LimitsView(TypedDict):
    start_at: str | None
    end_at: str | None
    blackout: list[dict[str, Any]]
    calendar: dict[str, Any] | None
    jitter_sec: int


class FailingView(TypedDict):
    """The first failed execution since one was completed."""

    execution_id: str
    scheduled_at: str
    revision: str | None
    source: SourceView | None
    failures: int


class JobDetail(JobSummary, LimitsView):
    func: str
    trigger_info: dict[str, Any]
    timezone: str
    headers: dict[str, str | list[str]]
    """A list where a header has several values."""
    body: Any
    timeout_sec: float
    max_retries: int
    retry_backoff_sec: float
    misfire_grace_time: int
    coalesce: bool
    catchup: str
    max_instances: int
    overlap: str
    on_interrupt: str
    digest: str
    created_at: str
    updated_at: str
    failing_since: FailingView | None
    queued_run: QueuedRunView | None
    """Since when, and since which revision of the source, the job fails; `None` when its last execution did not."""
    executions: list[ExecutionView]


class JobList(TypedDict):
    jobs: list[JobSummary]


class ExecutionList(TypedDict):
    executions: list[ExecutionView]
    count: int


class JobExecutionList(ExecutionList):
    job_id: str


OF_A_FILE = 5
"""So many problems are told beside a file that was not applied; all stand in `/sync/files`."""


class Views:
    """Turns what is stored into JSON; times carry the offset of the service's zone."""

    def __init__(self, zone: str) -> None:
        """`zone` is the service's."""
        self._zone = zone

    def summary(self, job: Job, last: Record | None, *, held: bool) -> JobSummary:
        spec = job.spec
        return {
            "job_id": job.job_id,
            "id": job.job_id,
            "name": spec.name,
            "next_run_time": self._time(next_run(job, zone=self._zone)),
            "trigger": trigger_text(spec),
            "status": _status(job),
            "target_url": spec.target_url,
            "method": spec.method,
            "execution_count": job.execution_count,
            "owner": job.owner,
            "read_only": job.owner is Owner.MANIFEST,
            "source": _source(job.source),
            "held": held,
            "paused_by": _paused_by(job),
            "pause": self.pause(job.pause),
            "labels": dict(spec.labels),
            "last_execution": self.execution(last) if last else None,
        }

    def detail(
        self,
        job: Job,
        last: Record | None,
        records: list[Record],
        failing: Failing | None,
        queued: QueuedRun | None,
        *,
        held: bool,
    ) -> JobDetail:
        spec = job.spec
        return {
            **self.summary(job, last, held=held),
            "func": "execute_http_job",  # the contract's word for what a job does
            "trigger_info": self._trigger_info(job),
            "timezone": spec.timezone or self._zone,
            **self._limits(spec.limits),
            "headers": {name: value if isinstance(value, str) else list(value) for name, value in spec.headers.items()},
            "body": spec.body,
            "timeout_sec": spec.timeout_sec,
            "max_retries": spec.max_retries,
            "retry_backoff_sec": spec.retry_backoff_sec,
            "misfire_grace_time": spec.misfire_grace_time,
            "coalesce": spec.coalesce,
            "catchup": spec.catch_up,
            "max_instances": spec.max_instances,
            "overlap": spec.overlap,
            "on_interrupt": spec.on_interrupt,
            "digest": job.digest,
            "created_at": self._moment(job.created_at),
            "updated_at": self._moment(job.updated_at),
            "failing_since": self._failing(failing) if failing else None,
            "queued_run": self._queued(queued) if queued else None,
            "executions": [self.execution(record) for record in records],
        }

    def _queued(self, run: QueuedRun) -> QueuedRunView:
        asked_at = self._moment(run.asked_at)
        return {"execution_id": run.execution_id, "asked_at": asked_at, "requested_by": run.requested_by}

    def _failing(self, failing: Failing) -> FailingView:
        first = self.execution(failing.first)
        return {
            "execution_id": first["execution_id"],
            "scheduled_at": first["scheduled_at"],
            "revision": first["revision"],
            "source": first["source"],
            "failures": failing.count,
        }

    def pause(self, pause: Pause | None) -> PauseView | None:
        if pause is None:
            return None
        at, until = self._moment(pause.at), self._time(pause.until)
        return {"by": pause.by, "at": at, "reason": pause.reason, "until": until}

    def execution(self, record: Record) -> ExecutionView:
        return {
            "execution_id": record.execution_id,
            "job_id": record.job_id,
            "status": record.status,
            "reason": record.reason,
            "kind": record.kind,
            "cause": record.cause,
            "scheduled_at": self._moment(record.slot),
            "last_scheduled_at": self._moment(record.last_slot),
            "slot_count": record.slot_count,
            "started_at": self._time(record.started_at),
            "completed_at": self._time(record.completed_at),
            "execution_time_ms": _duration_ms(record),
            "attempts": record.attempts,
            "http_status_code": record.http_status,
            "response_size": record.response_size,
            "response": record.excerpt,
            "error_message": None if record.status is Status.COMPLETED else record.error,
            "note": record.error if record.status is Status.COMPLETED else None,
            "requested_by": record.requested_by,
            "digest": record.digest,
            "revision": record.source.revision if record.source else None,
            "source": _source(record.source),
            "result": _result(record),
        }

    def sync(
        self,
        state: SyncState,
        source: str,
        *,
        is_passing: bool,
        drifted: list[Job] | None,
        history: list[Passed] | None,
    ) -> dict[str, Any]:
        """`drifted` are the manifests' jobs over which a pause is laid, `history` the last revisions, newest first."""
        blocked = state.blocked
        troubled = [file for file in state.files if file.condition is not FileCondition.APPLIED]
        return {
            "source": source,
            "condition": state.condition,
            "reason": state.reason,
            "message": state.message,
            "conditions": [
                {
                    "type": condition,
                    "status": holds,
                    "reason": state.reason,
                    "message": state.message,
                    "since": self._time(state.since),
                }
                for condition, holds in state.conditions(is_passing=is_passing)
            ],
            "last_attempted_revision": state.attempted_revision,
            "last_applied_revision": state.applied_revision,
            "last_attempted_at": self._time(state.attempted_at),
            "last_applied_at": self._time(state.applied_at),
            "created": list(state.created[:MOST_NAMED]),
            "updated": list(state.updated[:MOST_NAMED]),
            "deleted": list(state.deleted[:MOST_NAMED]),
            "unchanged": state.unchanged,
            "held": nsmallest(MOST_NAMED, state.held),
            "blocked_deletion": {
                "digest": blocked.digest,
                "reason": blocked.reason,
                "job_ids": list(blocked.job_ids[:MOST_NAMED]),
                "job_count": len(blocked.job_ids),
            }
            if blocked
            else None,
            "counts": {
                "created": len(state.created),
                "updated": len(state.updated),
                "deleted": len(state.deleted),
                "held": len(state.held),
                "drift": len(drifted or ()),
            },
            "problems": [problem.as_json() for problem in worst([*state.problems], MOST_PROBLEMS)],
            "problem_count": len(state.problems),
            "files": {
                "total": len(state.files),
                "not_applied": [self.file(file, most=OF_A_FILE) for file in troubled[:MOST_PROBLEMS]],
                "not_applied_count": len(troubled),
            },
            "drift": None if drifted is None else [self._drift(job) for job in drifted[:MOST_NAMED]],
            "history": None if history is None else [self._passed(one) for one in history],
        }

    def files(self, files: Sequence[FileState]) -> list[dict[str, Any]]:
        """All of them; problems of the first that have any, until there are too many."""
        told, left = [], MOST_IN_REPORT
        for file in files:
            told.append(self.file(file, most=min(MOST_PROBLEMS, left)))
            left -= len(told[-1]["problems"])
        return told

    @staticmethod
    def file(file: FileState, *, most: int) -> dict[str, Any]:
        """With the worst of its problems."""
        problems = [problem.as_json() for problem in worst([*file.problems], most)]
        return {
            "path": file.path,
            "condition": file.condition,
            "jobs": file.jobs,
            "problems": problems,
            "problem_count": len(file.problems),
        }

    def entry(self, entry: Entry) -> dict[str, Any]:
        return {
            "at": self._moment(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "job_id": entry.job_id,
            "detail": entry.detail,
        }

    def _drift(self, job: Job) -> dict[str, Any]:
        return {
            "job_id": job.job_id,
            "source": _source(job.source),
            "kind": "paused",
            "pause": self.pause(job.pause),
            "overruled": job.spec.paused is not None,  # the manifest says itself whether it is paused
        }

    def _passed(self, one: Passed) -> dict[str, Any]:
        return {
            "revision": one.revision,
            "first_at": self._moment(one.first_at),
            "last_at": self._moment(one.last_at),
            "reason": one.reason,
            **one.counts,
        }

    def _trigger_info(self, job: Job) -> dict[str, Any]:
        """The schedule as it was declared; `interval_seconds` and `run_date` are what older clients read."""
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

    def _limits(self, limits: Limits) -> LimitsView:
        """As they were declared; moments carry the offset of the service's zone."""
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

    def _time(self, moment: datetime | None) -> str | None:
        return None if moment is None else self._moment(moment)

    def _moment(self, moment: datetime) -> str:
        return local_time(moment, self._zone).isoformat()


def _source(source: Source | None) -> SourceView | None:
    return None if source is None else {"file": source.path, "line": source.line, "revision": source.revision}


def _status(job: Job) -> str:
    """The contract knows three words: a schedule that is over is `completed`, whether it is paused or not."""
    if job.next_slot is None:
        return "completed"
    return "paused" if job.is_paused else "running"


def _paused_by(job: Job) -> str | None:
    if not job.is_paused:
        return None
    if job.spec.paused and job.source:
        return f"{job.source.path}:{job.source.line}"
    return job.pause.by if job.pause else "api"


def _duration_ms(record: Record) -> int | None:
    if record.started_at is None or record.completed_at is None:
        return None
    return (record.completed_at - record.started_at) // timedelta(milliseconds=1)


def _result(record: Record) -> ExecutionResult | None:
    if record.status not in {Status.COMPLETED, Status.FAILED}:
        return None
    return {
        "success": record.status is Status.COMPLETED,
        "status_code": record.http_status,
        "response_size": record.response_size,
        "attempts": record.attempts,
    }
