"""Reads what the metrics of jobs say of their histories, beside the scrapes: a scrape shows what is known by then."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import lately as lately_rows
from myscheduler.core.chains.graph import Graph
from myscheduler.core.history.budget import Budget, budget_of, starts_of
from myscheduler.core.history.execution import Execution, is_of
from myscheduler.core.incidents.chains import as_awaited
from myscheduler.core.incidents.deadlines import missed_first, usual_duration
from myscheduler.core.incidents.failing import rows_needed
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import USUAL
from myscheduler.core.job.job import Job
from myscheduler.core.job.objective import Objective
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.tallies import JobTally
from myscheduler.service.incidents.chain_runs import ends_of_runs, longest_chain

READ_SEC = 0.05
"""Seconds after which a transaction reads no further job, so that other readers need not wait long."""
REST = 4
"""After each transaction, the reader rests this many times as long: it takes at most a fifth of a processor."""
USUAL_SEC = 600.0
"""How long the usual duration of a job that runs meanwhile is not read again: it changes slowly."""
SPENT_SEC, WHOLE_SEC = 60.0, 600.0
"""How long a budget is not computed again while nothing ends: one that something was spent of, and a whole one."""

log = logging.getLogger(__name__)

Counts = tuple[int, int, int]
"""What has happened to a job since the start: successes, failures, and slots that did not run."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a job."""

    created_at: datetime
    counts: Counts
    """Those before it was read."""
    read_at: float
    """By the monotonic clock."""
    usual: timedelta | None
    missed: Past | None
    """See `usual_duration` and `missed_first`."""
    longest: timedelta | None
    """How long the chain may take that it begins; `None` if it begins none."""
    objective: Objective | None
    budget: Budget | None
    """`None` without an objective."""

    def missed_now(self, tally: JobTally | None) -> Past | None:
        """What is missed, unless the job has run since."""
        return self.missed if counts_of(tally)[:2] == self.counts[:2] else None

    def budget_of(self, job: Job) -> Budget | None:
        """The budget, unless the job has had another objective, or been another one, since."""
        return self.budget if (self.created_at, self.objective) == (job.created_at, job.spec.slo) else None


def counts_of(tally: JobTally | None) -> Counts:
    """The counts of a tally; zeros if nothing is known."""
    return (tally.succeeded, tally.failed, tally.not_run) if tally else (0, 0, 0)


class JobHistories:
    """Keeps what was read of each job, for as long as somebody scrapes."""

    def __init__(self, store: Store, chains: Chains, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._chains = chains
        self._now = now
        self.known: dict[str, Known] = {}
        """By job; may be read in a thread."""
        self._wanted: tuple[Sequence[Job], Mapping[str, JobTally]] | None = None
        self._is_wanted = asyncio.Event()

    def want(self, jobs: Sequence[Job], tallies: Mapping[str, JobTally]) -> None:
        """Say which jobs there are; what is not known of them, or is too old, is read soon."""
        self._wanted = (jobs, tallies)
        self._is_wanted.set()

    async def first_executions(self, chain_ids: Collection[str]) -> list[Execution]:
        """The executions that chains began with; none while the database can't be read."""
        try:
            found = await self._store.read(partial(execution_rows.by_ids, execution_ids=sorted(chain_ids)))
        except StoreUnavailableError:
            return []
        return [one.execution() for one in found]

    async def run(self) -> None:
        """Read what is wanted, until cancelled."""
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            try:
                await self._read_wanted()
            except StoreUnavailableError as error:
                log.debug("the metrics of jobs are read later: %s", error)
            except Exception:
                log.exception("a bug kept the metrics of jobs from being read")

    async def _read_wanted(self) -> None:
        if self._wanted is None:
            return
        jobs, tallies = self._wanted
        self._wanted = None
        known = self.known = await asyncio.to_thread(_kept, self.known, jobs)
        left = await asyncio.to_thread(_outdated, known, jobs, tallies)
        while left:
            began = time.monotonic()
            read = partial(_read_some, jobs=left, tallies=tallies, graph=self._chains.graph, now=self._now())
            some = await self._store.read(read)
            known.update(some)
            left = left[len(some) :]
            await asyncio.sleep(REST * (time.monotonic() - began))


def _kept(known: Mapping[str, Known], jobs: Iterable[Job]) -> dict[str, Known]:
    """What is known of the jobs that still exist."""
    found = ((job, known.get(job.job_id)) for job in jobs)
    return {job.job_id: one for job, one in found if one is not None and one.created_at == job.created_at}


def _outdated(known: Mapping[str, Known], jobs: Iterable[Job], tallies: Mapping[str, JobTally]) -> list[Job]:
    """The jobs to be read, those of which nothing is known first."""
    now = time.monotonic()
    due = (
        (one.read_at if (one := known.get(job.job_id)) else 0.0, job)
        for job in jobs
        if _is_outdated(known.get(job.job_id), job, counts_of(tallies.get(job.job_id)), now)
    )
    return [job for _, job in sorted(due, key=lambda pair: pair[0])]


def _is_outdated(known: Known | None, job: Job, counts: Counts, now: float) -> bool:
    if known is None or known.objective != job.spec.slo:
        return True
    age, has_changed = now - known.read_at, known.counts != counts
    if known.budget is not None and (has_changed or age > (SPENT_SEC if known.budget.tally.bad else WHOLE_SEC)):
        return True
    return known.counts[2] != counts[2] or (has_changed and age > USUAL_SEC)


def _read_some(
    connection: Connection,
    jobs: Iterable[Job],
    tallies: Mapping[str, JobTally],
    graph: Graph,
    now: datetime,
) -> dict[str, Known]:
    """What is to be known of the first jobs, as many as `READ_SEC` allows, but at least one. Runs in a thread."""
    end = time.monotonic() + READ_SEC
    found: dict[str, Known] = {}
    for job in jobs:
        found[job.job_id] = _read(connection, job, counts_of(tallies.get(job.job_id)), graph, now)
        if time.monotonic() > end:
            break
    return found


def _read(connection: Connection, job: Job, counts: Counts, graph: Graph, now: datetime) -> Known:
    rows = incident_rows.past(connection, job.job_id, rows_needed(USUAL))
    own = as_awaited([row for row in rows if is_of(job, row.execution_id)], ends_of_runs(connection, rows))
    longest = longest_chain(connection, job, graph) if graph.children(job.job_id) else None
    objective, budget = job.spec.slo, None
    if objective is not None:
        tallies = lately_rows.tallies(connection, job.job_id, starts_of(objective, now), objective.late_sec)
        budget = budget_of(objective, now, tallies)
    usual, missed = usual_duration(own), missed_first(job, own)
    return Known(job.created_at, counts, time.monotonic(), usual, missed, longest, objective, budget)
