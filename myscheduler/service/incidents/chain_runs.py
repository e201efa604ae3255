"""Reads how the runs of chains stand that a job began, for its incidents."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import chain_alarms
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.chain_alarms import WrongRow
from myscheduler.core.calls.retry import longest_run
from myscheduler.core.chains.graph import Graph
from myscheduler.core.explain.reasons import REASONS
from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents import failing
from myscheduler.core.incidents.chains import ChainSeen, Runs, WrongJob
from myscheduler.core.incidents.judging import told_by
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import USUAL
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.secrets.echoes import error_without_echoes, literals_of
from myscheduler.service.incidents.contacts import Contacts


def runs_of(connection: Connection, job: Job, rows: Sequence[Past], graph: Graph, contacts: Contacts) -> Runs:
    """How the runs stand that executions of a job began, by execution; `rows` are its newest, newest first."""
    own = [row for row in rows if row.cause is not Cause.CHAIN and (row.has_run or row.status is Status.RUNNING)]
    states = chain_alarms.states_of(connection, [row.execution_id for row in own])
    if not states:
        return {}
    followed_by = {old.execution_id: new.execution_id for new, old in pairwise(own)}
    found = chain_alarms.wrong_rows(connection, [row.execution_id for row in own if row.execution_id in states])
    good = chain_alarms.made_good(connection, found, followed_by)
    wrong = _wrong_jobs(connection, [row for row in found if row.execution_id not in good], contacts)
    below = graph.below(job.job_id)
    runs: dict[str, ChainSeen] = {}
    for row in own:
        if (state := states.get(row.execution_id)) is None:
            continue
        first = [WrongJob(job.job_id, row.at, told_by(job, row), row.revision)] if row.is_good is False else []
        ends = [one for one in (row.completed_at, state.ended_at) if one is not None]
        left: tuple[str, ...] = ()
        if state.is_running:
            left = tuple(sorted(below - chain_alarms.jobs_over(connection, row.execution_id)))
        wrong_ones = (*first, *wrong.get(row.execution_id, ()))
        runs[row.execution_id] = ChainSeen(state.is_running, max(ends, default=None), wrong_ones, left)
    return runs


def ends_of_runs(connection: Connection, rows: Sequence[Past]) -> Runs:
    """The same without what went wrong and what is left: whether they run, and when they ended."""
    states = chain_alarms.states_of(connection, [row.execution_id for row in rows if row.cause is not Cause.CHAIN])
    return {one: ChainSeen(state.is_running, state.ended_at) for one, state in states.items()}


def longest_chain(connection: Connection, job: Job, graph: Graph) -> timedelta:
    """How long a run of the chain may take that a job begins, as far as timeouts and retries allow it."""
    jobs = job_rows.find_jobs(connection, [job.job_id, *graph.below(job.job_id)])
    longest: dict[str, float] = {}

    def of(job_id: str) -> float:
        if job_id not in longest:
            longest[job_id] = 0.0  # in a cycle, which nothing but an older database has
            own = longest_run(jobs[job_id].spec) if job_id in jobs else 0.0
            longest[job_id] = own + max((of(child) for child in graph.children(job_id)), default=0.0)
        return longest[job_id]

    return timedelta(seconds=of(job.job_id))


def _wrong_jobs(
    connection: Connection, rows: Sequence[WrongRow], contacts: Contacts
) -> Mapping[str, tuple[WrongJob, ...]]:
    """By chain: what went wrong in it, without failures that the thresholds of their own jobs tolerate."""
    jobs = job_rows.find_jobs(connection, sorted({row.job_id for row in rows}))
    found: dict[str, tuple[WrongJob, ...]] = {}
    for row in rows:
        job = jobs.get(row.job_id)
        if job is None or not _is_tolerated(connection, row, job, contacts):
            literals = literals_of(job.spec) if job is not None and job.digest == row.digest else None
            error = error_without_echoes(row.error, literals) if row.error else _reason(row)
            one = WrongJob(row.job_id, row.at, error, row.revision)
            found[row.chain_id] = (*found.get(row.chain_id, ()), one)
    return found


def _is_tolerated(connection: Connection, row: WrongRow, job: Job, contacts: Contacts) -> bool:
    thresholds = contacts.thresholds_of(job)
    if (thresholds.after_failures, thresholds.failures) == (USUAL.after_failures, USUAL.failures):
        return False
    rows = incident_rows.past(connection, row.job_id, failing.rows_needed(thresholds))
    return not failing.begins([one for one in rows if one.execution_id <= row.execution_id], thresholds)


def _reason(row: WrongRow) -> str | None:
    return REASONS[Reason(row.reason)] if row.reason else None
