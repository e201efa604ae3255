"""Cancels executions: those in progress, those that wait for a retry, and queued manual runs."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.lifecycle.audit import Cancellation, of_cancellation
from myscheduler.errors import ExecutionConflictError, ExecutionNotFoundError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.flights import Flight, Flights, cut_off_by
from myscheduler.service.dispatch.triggers import Triggers


class Cancelling:
    """Ends executions on request. An execution is over once its end is recorded, together with the audit entry."""

    def __init__(self, store: Store, flights: Flights, triggers: Triggers, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._flights = flights
        self._triggers = triggers
        self._now = now

    async def cancel(
        self, execution_id: str, *, by: str, reason: str | None, key: RequestKey | None = None
    ) -> Mapping[str, Any]:
        """End an execution, and return the answer to the request once the end is recorded.

        Raises `ExecutionNotFoundError`, or `ExecutionConflictError` if it is over or ends for another cause. If the
        caller stops waiting, the execution ends nevertheless.
        """
        while True:
            if flight := self._flights.find(execution_id):
                return await self._cut_off(flight, self._request(execution_id, flight.job.job_id, by, reason, key))
            if run := self._triggers.find_queued(execution_id) or self._triggers.call_off(execution_id):
                cancelled = self._request(execution_id, run.job_id, by, reason, key)
                await self._triggers.cancel_queued(run, cancelled)
                return _answer(execution_id, run.job_id)
            if not await self._triggers.until_claimed(execution_id):
                raise await self._refusal(execution_id)
            await asyncio.sleep(0)  # the claim loop opens its flight

    def _request(
        self, execution_id: str, job_id: str, by: str, reason: str | None, key: RequestKey | None
    ) -> Cancellation:
        entry = of_cancellation(execution_id, job_id, at=self._now(), actor=by, reason=reason)
        return Cancellation(entry, key.kept(_answer(execution_id, job_id)) if key else None)

    async def _cut_off(self, flight: Flight, cancelled: Cancellation) -> Mapping[str, Any]:
        how, execution = cut_off_by(cancelled), flight.execution
        if not self._flights.end(execution.execution_id, how) or flight.cut_off is not how:
            raise ExecutionConflictError(said("execution-ending", execution_id=execution.execution_id))
        flight.closed = flight.closed or asyncio.Event()
        await flight.closed.wait()
        if flight.finish is None or flight.finish.reason is not how.reason:
            raise ExecutionConflictError(said("execution-ended-first", execution_id=execution.execution_id))
        return _answer(execution.execution_id, execution.job_id)

    async def _refusal(self, execution_id: str) -> Exception:
        rows = await self._store.read(partial(execution_rows.by_ids, execution_ids=[execution_id]))
        if not rows:
            return ExecutionNotFoundError(execution_id)
        return ExecutionConflictError(_why_not(rows[0]))


def _answer(execution_id: str, job_id: str) -> dict[str, Any]:
    return {"execution_id": execution_id, "job_id": job_id, "status": "cancelled"}


def _why_not(row: Record) -> str:
    if row.status is Status.RUNNING:
        return said("execution-left-by-crash", execution_id=row.execution_id)
    return said("execution-over", execution_id=row.execution_id, status=row.status)
