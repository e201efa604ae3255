"""Cancels chains: all that is in progress of them or waits, and all that would follow."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.core.chains.runs import ChainStatus
from myscheduler.core.history.execution import Status
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.lifecycle.audit import AuditEntry, of_chain_cancellation
from myscheduler.core.reason import Reason
from myscheduler.errors import ChainNotFoundError, ExecutionConflictError, StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.flights import CutOff, Flights, cancelled_in_words
from myscheduler.service.store_health import RETRY_SEC

LOOK_SEC = 0.05
"""Seconds between looks at what is left of a cancelled chain."""


class ChainCancelling:
    """Ends chains on request. A chain is marked first: no end of it leads to anything after that, and a start after a
    crash goes on with none of it. Then its executions are ended.
    """

    def __init__(self, store: Store, flights: Flights, chains: Chains, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._flights = flights
        self._chains = chains
        self._now = now
        self._tasks: set[asyncio.Task[Mapping[str, Any]]] = set()

    async def cancel(
        self, chain_id: str, *, by: str, reason: str | None, key: RequestKey | None = None
    ) -> Mapping[str, Any]:
        """End a chain, and return the answer to the request once all of it has ended.

        Raises `ChainNotFoundError`, or `ExecutionConflictError` if it is over. If the caller stops waiting, the chain
        ends nevertheless.
        """
        work = partial(_mark, chain_id=chain_id, by=by, reason=reason, key=key, at=self._now())
        task = asyncio.create_task(self._cancel(chain_id, work))
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: "asyncio.Task[Mapping[str, Any]]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as retrieved: the caller may have stopped waiting

    async def _cancel(
        self, chain_id: str, work: Callable[[Connection], tuple[Mapping[str, Any], AuditEntry]]
    ) -> Mapping[str, Any]:
        self._chains.called_off.add(chain_id)
        try:
            answer, entry = await self._store.write(work)
            await self._end(chain_id, entry)
        finally:
            self._chains.called_off.discard(chain_id)
        return answer

    async def _end(self, chain_id: str, entry: AuditEntry) -> None:
        """End what there is of a chain that is marked."""
        error, unsent = (cancelled_in_words(entry, code) for code in ("cancelled", "cancelled-unsent"))
        how = CutOff(Reason.CANCELLED, error=error, unsent=unsent)
        while await self._is_running(chain_id):
            for flight in list(self._flights):
                if flight.execution.chain_id == chain_id:
                    self._flights.end(flight.execution.execution_id, how)
            await asyncio.sleep(LOOK_SEC)

    async def _is_running(self, chain_id: str) -> bool:
        while True:
            try:
                found = await self._store.read(partial(chain_run_rows.summaries, chain_ids=[chain_id]))
                return chain_id in found and found[chain_id].status is ChainStatus.RUNNING
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_SEC)


def _mark(
    connection: Connection, *, chain_id: str, by: str, reason: str | None, key: RequestKey | None, at: datetime
) -> tuple[Mapping[str, Any], AuditEntry]:
    """Mark a chain as cancelled, with the audit entry, and the answer for a repeated request."""
    chain = chain_run_rows.summaries(connection, [chain_id]).get(chain_id)
    if chain is None:
        raise ChainNotFoundError(chain_id)
    if chain.status is not ChainStatus.RUNNING:
        raise ExecutionConflictError(said("chain-over", chain_id=chain_id, status=chain.status))
    answer = {"chain_id": chain_id, "status": "cancelled", "executions": chain.counts[Status.RUNNING]}
    entry = of_chain_cancellation(chain_id, chain.root, at=at, actor=by, reason=reason)
    chain_rows.call_off(connection, chain_id)
    audit_rows.add(connection, [entry])
    key_rows.keep(connection, [key.kept(answer)] if key else [])
    return answer, entry
