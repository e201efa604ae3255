"""Recovers executions that the history shows as `running` but that are not: closes them, or sends them again."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.hearing import goes_on
from myscheduler.core.history.execution import Record
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.flights import Flights
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.triggers import Triggers

log = logging.getLogger(__name__)


class Recovery:
    """Handles executions that are `running` in the history but not in this process.

    At the start these are what the last process left; later, what was claimed by a commit whose answer was lost. Each
    is recorded as interrupted, because it is unknown whether its request arrived, or sent again with the same
    `Idempotency-Key` where its job says `on_interrupt: retry`. One that waits for pings goes on waiting.
    """

    def __init__(
        self,
        store: Store,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        attempts: Attempts,
        tallies: Tallies,
        changes: Changes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._attempts = attempts
        self._tallies = tallies
        self._changes = changes
        self._now = now

    async def recover(self, reason: Reason) -> None:
        """Record them as interrupted for `reason`, or send them again. Raises `StoreUnavailableError`.

        Does nothing once a shutdown has cut off the executions in progress; the next start recovers them.
        """
        if self._flights.cut_off is not None:
            return
        known = frozenset((*self._flights.ids, *self._triggers.unanswered))
        now = self._now()
        work = partial(_close_or_keep, known=known, now=now, reason=reason)
        interrupted, kept = await self._store.write(work)
        for job, row in [] if self._flights.cut_off is not None else kept:
            self._agenda.begin(job.job_id)
            if job.spec.ping is not None:
                self._attempts.expect(job, job.spec.ping, row, host_key(job.spec.target_url))
                continue
            host, sent = host_key(job.spec.target_url), row.attempts_detail()
            self._attempts.resume(job, row.execution(), host, attempts=row.attempts + 1, known=sent)
        job_ids, ids = [one.job_id for one in interrupted], [one.execution_id for one in interrupted]
        self._changes.of_executions(job_ids, ids, wrong=job_ids)
        self._tallies.interrupted(interrupted, reason, now)
        if interrupted or kept:
            log.warning(
                "executions were running when the service or its database stopped: %d interrupted, %d sent again",
                len(interrupted),
                len(kept),
            )


def _close_or_keep(
    connection: Connection, *, known: frozenset[str], now: datetime, reason: Reason
) -> tuple[list[Record], list[tuple[Job, Record]]]:
    """Returns those that were closed, and those to send again; one more attempt of these may have been sent."""
    left = [one for one in execution_rows.running(connection) if one.execution_id not in known]
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in left}))
    kept = []
    for one in left:
        job = jobs.get(one.job_id)
        if job is not None and _is_kept(job, one, now):
            kept.append((job, one))
    kept_ids = {row.execution_id for _, row in kept}
    closed = [one for one in left if one.execution_id not in kept_ids]
    claim_rows.count_attempt(connection, [row.execution_id for job, row in kept if job.spec.ping is None])
    claim_rows.interrupt(connection, [one.execution_id for one in closed], reason=reason, now=now)
    return closed, kept


def _is_kept(job: Job, row: Record, now: datetime) -> bool:
    if job.spec.ping is not None:
        return goes_on(job, row.execution(), now, has_begun=row.attempts > 0)
    return may_resend(job, row.execution(), now)
