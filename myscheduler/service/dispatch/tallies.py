"""What has happened since the start, counted in memory for the metrics, and the newest results of each job.

A batch of claims or ends costs a few additions a row; nothing here reads the history but `load`, once.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import standings as standing_rows
from myscheduler.adapters.store.rows.standings import LastResults
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.chains.runs import OverChain
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, QueuedRun, Record, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.metrics.histogram import CHAIN_SECONDS, Histogram
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError

SUCCESS = "success"
CUT_OFF = "cut-off"
"""The outcome of an attempt that was stopped before its answer came."""
LOADED_AT_ONCE = 200
"""The most jobs whose results are read in one go, so that other readers of the database need not wait long."""
_ROUNDS = 5
"""How often results that changed while they were read are read again; those of a busier job may then be one off."""


@dataclass(slots=True)
class JobTally:
    """The newest results of a job, and what has happened to it since the start."""

    succeeded: int = 0
    failed: int = 0
    """Executions that failed or were interrupted."""
    not_run: int = 0
    """Slots that were skipped or missed."""
    consecutive_failures: int = 0
    """Executions that failed since the last one that completed; interrupted ones change nothing, as for `failing`."""
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_duration_sec: float | None = None

    def ended(self, status: Status, started_at: datetime, completed_at: datetime) -> None:
        """Count an execution that ended."""
        if status in {Status.MISSED, Status.SKIPPED}:
            self.not_run += 1
            return
        if status is Status.COMPLETED:
            self.succeeded += 1
            self.consecutive_failures = 0
            self.last_success = completed_at
        else:
            self.failed += 1
            self.consecutive_failures += status is Status.FAILED
            self.last_failure = completed_at
        if status is not Status.INTERRUPTED:
            self.last_duration_sec = (completed_at - started_at).total_seconds()

    def take_over(self, known: LastResults) -> None:
        """Set what the history says, which has all of it."""
        self.consecutive_failures = known.consecutive_failures
        self.last_success = known.last_success
        self.last_failure = known.last_failure
        self.last_duration_sec = known.last_duration_sec


class Tallies:
    """Counts what the loops note, each batch once it is stored. Used on the event loop only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.executions: Counter[tuple[str, str, str]] = Counter()
        """By status, cause and reason; slots that did not run count one by one."""
        self.attempts: Counter[str] = Counter()
        """Requests by outcome: `SUCCESS`, `CUT_OFF`, or a failure."""
        self.durations: dict[str, Histogram] = defaultdict(Histogram)
        """Seconds from the first request to the end, by status; the examples are executions."""
        self.delays: dict[str, Histogram] = defaultdict(Histogram)
        """Seconds from the slot to the first request, by cause."""
        self.chains: Counter[str] = Counter()
        """Runs of chains that are over, by status."""
        self.chain_durations: dict[str, Histogram] = defaultdict(partial(Histogram, CHAIN_SECONDS))
        """Seconds from the first request of a run to its last end, by status."""
        self.jobs: dict[str, JobTally] = {}
        """By id; a job of which nothing is known has none."""
        self._loading: asyncio.Task[None] | None = None
        self._touched: set[str] | None = None
        """Jobs noted while results are read."""

    # --- noting ---------------------------------------------------------------------------------------------------

    def claimed(self, claims: Iterable[tuple[Claim, bool]]) -> None:
        """Note claims that were decided on, each with whether it was accepted: their slots that do not run."""
        for claim, is_accepted in claims:
            if is_accepted and claim.unrun:
                self.left_out(claim.job_id, claim.unrun)

    def left_out(self, job_id: str, unrun: Iterable[Unrun]) -> None:
        """Note slots of a job that are recorded as not run."""
        for gap in unrun:
            self.executions[gap.status, Cause.TIMER, gap.reason] += gap.count
            self._job(job_id).not_run += gap.count

    def unsent(self, runs: Iterable[QueuedRun], reason: str) -> None:
        """Note queued manual runs that are recorded as skipped."""
        for run in runs:
            self.executions[Status.SKIPPED, Cause.API, reason] += 1
            self._job(run.job_id).not_run += 1

    def passed_over(self, skipped: Iterable[tuple[Execution, Reason]]) -> None:
        """Note executions that are recorded as skipped because of how others ended."""
        for execution, reason in skipped:
            self.executions[Status.SKIPPED, execution.cause, reason] += 1
            self._job(execution.job_id).not_run += 1

    def chains_over(self, chains: Iterable[OverChain]) -> None:
        """Note runs of chains that are over; each is told once, with the end that was its last."""
        for one in chains:
            self.chains[one.status] += 1
            if one.seconds is not None:
                self.chain_durations[one.status].observe(one.seconds)

    def begun(self, execution: Execution) -> None:
        """Note that the first request of an execution is sent now."""
        delay = (execution.started_at - execution.slot).total_seconds()
        self.delays[execution.cause].observe(delay, execution)

    def attempted(self, outcome: Outcome | None) -> None:
        """Note that an attempt is over; `None` if it was cut off."""
        self.attempts[CUT_OFF if outcome is None else outcome.failure or SUCCESS] += 1

    def ended(self, ended: Iterable[tuple[Execution, Finish]]) -> None:
        """Note executions whose ends are recorded; those that the next start sends again have not ended."""
        for execution, finish in ended:
            if finish.completed_at is None:
                continue
            self.executions[finish.status, execution.cause, finish.reason or ""] += 1
            if finish.started_at is not None:
                duration = (finish.completed_at - finish.started_at).total_seconds()
                self.durations[finish.status].observe(duration, execution)
            self._job(execution.job_id).ended(finish.status, execution.started_at, finish.completed_at)

    def interrupted(self, rows: Iterable[Record], reason: str, now: datetime) -> None:
        """Note executions that were lost, and are recorded as interrupted now."""
        for row in rows:
            self.executions[Status.INTERRUPTED, row.cause, reason] += 1
            self._job(row.job_id).ended(Status.INTERRUPTED, row.started_at or now, now)

    def forget(self, removed: Iterable[str]) -> None:
        """Forget removed jobs: one that gets the id later is another."""
        for job_id in removed:
            self.jobs.pop(job_id, None)
            if self._touched is not None:
                self._touched.add(job_id)

    def _job(self, job_id: str) -> JobTally:
        if self._touched is not None:
            self._touched.add(job_id)
        found = self.jobs.get(job_id)
        if found is None:
            found = self.jobs[job_id] = JobTally()
        return found

    # --- what happened before the start ---------------------------------------------------------------------------

    async def load(self, job_ids: Sequence[str]) -> None:
        """Read the newest results of these jobs from the history, once. Raises `StoreUnavailableError`; the next call
        then tries again. It goes on if the caller stops waiting.
        """
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(job_ids))
        try:
            await asyncio.shield(self._loading)
        except StoreUnavailableError:
            self._loading = None
            raise

    async def _load(self, job_ids: Sequence[str]) -> None:
        """What ends meanwhile may or may not be in what is read, so such jobs are read again."""
        try:
            for _ in range(_ROUNDS):
                self._touched = set()
                for start in range(0, len(job_ids), LOADED_AT_ONCE):
                    await self._load_some(job_ids[start : start + LOADED_AT_ONCE])
                job_ids = [*self._touched]
        finally:
            self._touched = None

    async def _load_some(self, job_ids: Sequence[str]) -> None:
        found = await self._store.read(partial(standing_rows.last_results, job_ids=job_ids))
        for job_id, known in found.items():
            tally = self.jobs.get(job_id)
            if tally is None:
                tally = self.jobs[job_id] = JobTally()
            tally.take_over(known)
