"""Recovers executions that the history shows as `running` but that are not: closes them, or goes on with them."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.chains.judging import End
from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.hearing import goes_on
from myscheduler.core.dispatch.retrying import why_not_retried
from myscheduler.core.history.execution import Record, Status, is_of
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.chaining import Chains, ended_of
from myscheduler.service.dispatch.flights import Flights
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.triggers import Triggers

log = logging.getLogger(__name__)


class Recovery:
    """Handles executions that are `running` in the history but not in this process.

    At the start these are what the last process left; later, what was claimed by a commit whose answer was lost. Each
    is recorded as interrupted, because it is unknown whether its request arrived, or sent again with the same
    `Idempotency-Key` where its job says `on_interrupt: retry`. One that waits for its next attempt, or for pings, goes
    on waiting: no request of it was in flight.
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
        chains: Chains,
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
        self._chains = chains
        self._now = now

    async def recover(self, reason: Reason) -> None:
        """Record them as interrupted for `reason`, or go on with them. Raises `StoreUnavailableError`.

        Does nothing once a shutdown has cut off the executions in progress; the next start recovers them.
        """
        if self._flights.cut_off is not None:
            return
        known = frozenset((*self._flights.ids, *self._triggers.unanswered))
        now = self._now()
        work = partial(_close_or_keep, known=known, now=now, reason=reason)
        closed, kept, followed = await self._store.write(work)
        self._chains.note(followed)
        for job, execution in followed.ready:
            self._attempts.follow(job, execution)
        for job, row in [] if self._flights.cut_off is not None else kept:
            self._go_on(job, row)
        interrupted = [one for rows in closed.values() for one in rows]
        job_ids, ids = [one.job_id for one in interrupted], [one.execution_id for one in interrupted]
        self._changes.of_executions(job_ids, ids, wrong=job_ids)
        for why, rows in closed.items():
            self._tallies.interrupted(rows, why, now)
        if interrupted or kept:
            waiting = sum(row.next_attempt_at is not None for _, row in kept)
            log.warning(
                "executions were running when the service or its database stopped: %d interrupted, %d sent again, %d "
                "waiting",
                len(interrupted),
                len(kept) - waiting,
                waiting,
            )

    def _go_on(self, job: Job, row: Record) -> None:
        if row.is_unbegun:
            self._attempts.follow(job, row.execution())
            return
        self._agenda.begin(job.job_id)
        host = host_key(job.spec.target_url)
        if job.spec.ping is not None:
            self._attempts.expect(job, job.spec.ping, row, host)
        elif row.next_attempt_at is not None:
            self._attempts.wait_on(job, row, host)
        else:
            sent = row.attempts_detail()
            self._attempts.resume(job, row.execution(), host, attempts=row.attempts + 1, known=sent)


def _close_or_keep(
    connection: Connection, *, known: frozenset[str], now: datetime, reason: Reason
) -> tuple[dict[Reason, list[Record]], list[tuple[Job, Record]], Followed]:
    """Returns those that were closed, by reason, those to go on with, and what follows from the ends of the former; one
    more attempt of those that wait neither for their next attempt nor for pings may have been sent.
    """
    left = [one for one in execution_rows.running(connection) if one.execution_id not in known]
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in left}))
    closed, kept = defaultdict[Reason, list[Record]](list), list[tuple[Job, Record]]()
    dropped: list[tuple[Record, Reason]] = []
    for one in left:
        job = jobs.get(one.job_id)
        why = _why_closed(job, one, now, reason)
        if why is None and job is not None:
            kept.append((job, one))
        elif one.is_unbegun:
            dropped.append((one, why or Reason.DELETED))
        else:
            closed[why or reason].append(one)
    sent = [row for job, row in kept if job.spec.ping is None and row.next_attempt_at is None]
    claim_rows.count_attempt(connection, [row.execution_id for row in sent])
    for why, rows in closed.items():
        claim_rows.interrupt(connection, [one.execution_id for one in rows], reason=why, now=now)
    claim_rows.drop(connection, [(one.execution_id, why) for one, why in dropped], now=now)
    return closed, kept, _follow(connection, [one for rows in closed.values() for one in rows], dropped, now)


def _follow(
    connection: Connection, interrupted: Sequence[Record], dropped: Sequence[tuple[Record, Reason]], now: datetime
) -> Followed:
    """Record what follows from these interruptions, and from what lost its job or its chain before its turn came."""
    if not interrupted and not dropped:
        return Followed()
    graph, jobs = chain_rows.stored_graph(connection)  # at the start, not all jobs are armed yet
    ended = [
        ended_of(graph, one.execution(), End(one.execution_id, status))
        for rows, status in ((interrupted, Status.INTERRUPTED), ([one for one, _ in dropped], Status.SKIPPED))
        for one in rows
        if one.job_id in graph and not one.is_alone
    ]
    followed = chain_rows.record_followers(connection, ended, graph, find=jobs.get, now=now)
    skipped = [(one.execution(), why) for one, why in dropped]
    rows = (*interrupted, *(one for one, _ in dropped))
    executions = [one.execution() for one in rows if one.link or graph.children(one.job_id)]
    over = chain_run_rows.over_of(connection, {one.chain_id for one in executions if not one.is_alone})
    return replace(followed, skipped=(*skipped, *followed.skipped), over=over)


def _why_closed(job: Job | None, row: Record, now: datetime, reason: Reason) -> Reason | None:
    """Why an execution is recorded as interrupted, or as skipped if it has not begun; `None` if it goes on."""
    execution = row.execution()
    if row.is_called_off:
        return Reason.CANCELLED
    if row.is_unbegun:
        return None if job is not None and is_of(job, row.execution_id) else Reason.DELETED
    if row.next_attempt_at is not None:
        return why_not_retried(job, execution, now)
    if job is None:
        return reason
    has_ping = job.spec.ping is not None
    goes = goes_on(job, execution, now, has_begun=row.attempts > 0) if has_ping else may_resend(job, execution, now)
    return None if goes else reason
