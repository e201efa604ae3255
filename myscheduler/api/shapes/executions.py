"""The JSON shapes of executions."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, NotRequired

import orjson
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store.rows.listed import Listed
from myscheduler.api.shapes.common import InZone, SourceView
from myscheduler.api.shapes.exchanges import ExchangeView, exchange_view
from myscheduler.core.calls.trace import trace_id_of
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.schedule.expansion import to_micros
from myscheduler.messages.message import Coded, coded
from myscheduler.messages.recognition import recognised


class ExecutionResult(TypedDict):
    success: bool
    status_code: int | None
    response_size: int | None
    attempts: int


class ExecutionView(TypedDict):
    """A row of the history. A row for slots that did not run has a reason and no start, and may cover several slots.

    `error_message_coded` and `note_coded` are left out where the text is null.
    """

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
    next_attempt_at: str | None
    """When the next attempt begins; null unless the execution waits for one."""
    http_status_code: int | None
    response_size: int | None
    response: str | None
    error_message: str | None
    error_message_coded: NotRequired[Coded]
    note: str | None
    """What was imperfect about the answer of a completed execution."""
    note_coded: NotRequired[Coded]
    requested_by: str | None
    rerun_of: str | None
    """The execution that a manual run repeats."""
    chain_id: str | None
    """The execution that its chain began with: its own id, if other jobs run after it. Null if it is in no chain."""
    parent_execution_id: str | None
    """The execution whose end started it."""
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
    error_coded: Coded | None
    exchange: ExchangeView | None
    """Its times and its connection; null before its end, and if nothing was sent."""


class ExecutionDetail(ExecutionView):
    trace_id: str | None
    """The trace (W3C Trace Context) that its requests belong to; null for slots that did not run."""
    attempts_detail: list[AttemptView]
    """The attempts as far as they are known, in order."""
    exchange: ExchangeView | None
    """That of the last attempt, once the execution has ended."""
    extracted: dict[str, Any] | None
    """The values of its answer that jobs may use that run after it; null if it has none."""


class Cancelled(TypedDict):
    execution_id: str
    job_id: str
    status: str


class JobExecutionList(ExecutionList):
    job_id: str


class ExecutionViews(InZone):
    def __init__(self, zone: str, begins_chain: Callable[[str], bool]) -> None:
        """`zone` is the service's; `begins_chain` says whether other jobs run after a job."""
        super().__init__(zone)
        self._begins_chain = begins_chain

    def view(self, record: Record) -> ExecutionView:
        return self.row(_listed(record))

    def row(self, row: Listed) -> ExecutionView:
        """The same of a row of a list."""
        text, slot, started_at, completed_at = self._times.text, row.slot, row.started_at, row.completed_at
        scheduled_at, is_completed = text(slot), row.status == Status.COMPLETED
        has_both = started_at is not None and completed_at is not None
        view: ExecutionView = {
            "execution_id": row.execution_id,
            "job_id": row.job_id,
            "status": row.status,
            "reason": row.reason,
            "kind": row.kind,
            "cause": row.cause,
            "scheduled_at": scheduled_at,
            "last_scheduled_at": scheduled_at if row.last_slot == slot else text(row.last_slot),
            "slot_count": row.slot_count,
            "started_at": None if started_at is None else text(started_at),
            "completed_at": None if completed_at is None else text(completed_at),
            "execution_time_ms": (completed_at - started_at) // 1000 if has_both else None,  # type: ignore[operator]
            "attempts": row.attempts,
            "next_attempt_at": None if row.next_attempt_at is None else text(row.next_attempt_at),
            "http_status_code": row.http_status,
            "response_size": row.response_size,
            "response": row.excerpt,
            "error_message": None if is_completed else row.error,
            "note": row.error if is_completed else None,
            "requested_by": row.requested_by,
            "rerun_of": row.rerun_of,
            "chain_id": row.chain_id or self._begun_chain(row),
            "parent_execution_id": row.parent_execution_id,
            "digest": row.digest,
            "revision": row.source_revision,
            "source": _source(row),
            "result": _result(row),
        }
        if row.error is not None:  # a null in each of thousands of rows would make lists a tenth longer
            view["note_coded" if is_completed else "error_message_coded"] = coded(recognised(row.error))
        return view

    def rows(self, rows: Iterable[Listed], **others: Any) -> bytes:
        """The JSON of a list of rows, with other fields beside their number. A long list takes long."""
        views = [self.row(one) for one in rows]
        return orjson.dumps({"executions": views, "count": len(views), **others})

    def of_job(self, job_id: str, rows: Iterable[Listed]) -> bytes:
        """The same of one job: a `JobExecutionList`."""
        views = [self.row(one) for one in rows]
        return orjson.dumps({"job_id": job_id, "executions": views, "count": len(views)})

    def detail(self, record: Record, attempts: Sequence[Attempt]) -> ExecutionDetail:
        callers = next((one.trace_id for one in attempts if one.trace_id), None)
        own = None if record.started_at is None else trace_id_of(record.execution_id)
        shown, exchange = [self._attempt(one) for one in attempts], exchange_view(record.exchange, self._moment)
        extracted = None if record.extracted is None else json.loads(record.extracted)
        return {
            **self.view(record),
            "trace_id": callers or own,
            "attempts_detail": shown,
            "exchange": exchange,
            "extracted": extracted,
        }

    def _begun_chain(self, row: Listed) -> str | None:
        """The id of the chain that an execution in progress begins: nothing of it is recorded before its end."""
        is_first = row.status == Status.RUNNING and not row.is_alone and self._begins_chain(row.job_id)
        return row.execution_id if is_first else None

    def _attempt(self, attempt: Attempt) -> AttemptView:
        return {
            "number": attempt.number,
            "started_at": self._moment(attempt.started_at),
            "duration_ms": None if attempt.duration is None else attempt.duration // timedelta(milliseconds=1),
            "http_status_code": attempt.http_status,
            "failure": attempt.failure,
            "error": attempt.error,
            "error_coded": None if attempt.error is None else coded(recognised(attempt.error)),
            "exchange": exchange_view(attempt.exchange, self._moment),
        }


def _source(row: Listed) -> SourceView | None:
    if row.source_path is None or row.source_line is None or row.source_revision is None:
        return None
    return {"file": row.source_path, "line": row.source_line, "revision": row.source_revision}


def _result(row: Listed) -> ExecutionResult | None:
    if row.status not in _DECIDED:
        return None
    return {
        "success": row.status == Status.COMPLETED,
        "status_code": row.http_status,
        "response_size": row.response_size,
        "attempts": row.attempts,
    }


_DECIDED = frozenset({Status.COMPLETED, Status.FAILED})


def _listed(record: Record) -> Listed:
    source = record.source
    return Listed(
        record.execution_id,
        record.job_id,
        to_micros(record.slot),
        record.kind,
        record.cause,
        record.status,
        record.reason,
        to_micros(record.last_slot),
        record.slot_count,
        record.requested_by,
        record.digest,
        source.path if source else None,
        source.line if source else None,
        source.revision if source else None,
        None if record.started_at is None else to_micros(record.started_at),
        None if record.completed_at is None else to_micros(record.completed_at),
        record.attempts,
        record.http_status,
        record.response_size,
        record.error,
        record.excerpt,
        record.rerun_of,
        None if record.next_attempt_at is None else to_micros(record.next_attempt_at),
        record.link.parent_id if record.link else None,
        record.is_alone,
        record.chain_id,
    )
