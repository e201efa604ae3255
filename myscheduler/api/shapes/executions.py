"""The JSON shapes of executions."""

from collections.abc import Sequence
from datetime import timedelta

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone, SourceView, source_view
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Record, Status


class ExecutionResult(TypedDict):
    success: bool
    status_code: int | None
    response_size: int | None
    attempts: int


class ExecutionView(TypedDict):
    """A row of the history. A row for slots that did not run has a reason and no start, and may cover several slots."""

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
    """What was imperfect about the answer of a completed execution."""
    requested_by: str | None
    rerun_of: str | None
    """The execution that a manual run repeats."""
    digest: str | None
    revision: str | None
    source: SourceView | None
    """Where the job was declared when it ran."""
    result: ExecutionResult | None


class ExecutionList(TypedDict):
    executions: list[ExecutionView]
    count: int


class ExecutionPage(ExecutionList):
    """One page of the history, newest first. A page may be short, or even empty, although there are further ones."""

    next_cursor: str | None
    """The `cursor` of the next page; null on the last one."""


class AttemptView(TypedDict):
    number: int
    started_at: str
    duration_ms: int | None
    """Null if the attempt is in progress or was cut off."""
    http_status_code: int | None
    failure: str | None
    error: str | None


class ExecutionDetail(ExecutionView):
    attempts_detail: list[AttemptView]
    """The attempts as far as they are known, in order."""


class Cancelled(TypedDict):
    execution_id: str
    job_id: str
    status: str


class JobExecutionList(ExecutionList):
    job_id: str


class ExecutionViews(InZone):
    def view(self, record: Record) -> ExecutionView:
        slot = self._moment(record.slot)
        return {
            "execution_id": record.execution_id,
            "job_id": record.job_id,
            "status": record.status,
            "reason": record.reason,
            "kind": record.kind,
            "cause": record.cause,
            "scheduled_at": slot,
            "last_scheduled_at": slot if record.last_slot == record.slot else self._moment(record.last_slot),
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
            "rerun_of": record.rerun_of,
            "digest": record.digest,
            "revision": record.source.revision if record.source else None,
            "source": source_view(record.source),
            "result": _result(record),
        }

    def detail(self, record: Record, attempts: Sequence[Attempt]) -> ExecutionDetail:
        return {**self.view(record), "attempts_detail": [self._attempt(one) for one in attempts]}

    def _attempt(self, attempt: Attempt) -> AttemptView:
        return {
            "number": attempt.number,
            "started_at": self._moment(attempt.started_at),
            "duration_ms": None if attempt.duration is None else attempt.duration // timedelta(milliseconds=1),
            "http_status_code": attempt.http_status,
            "failure": attempt.failure,
            "error": attempt.error,
        }


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
