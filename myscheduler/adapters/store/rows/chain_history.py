"""Reads the runs of chains around some time, as a job sees them that runs after others.

Every function works inside the caller's transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from myscheduler.adapters.store.rows import chain_runs, executions, jobs
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import NOT_RUN
from myscheduler.core.chains.runs import ChainStatus, ChainSummary
from myscheduler.core.explain.chained import ChainFacts, ChainRunSeen
from myscheduler.core.history.execution import Kind, Record
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.timestamps import LocalTime

MOST_ABOVE = 50
"""The most jobs above it whose executions are looked at, as one of them may have begun a chain."""
MOST_OF_EACH = 5
"""The most executions of each of them."""
Shown = Callable[[Record, Job | None], Record]


def chain_facts(
    connection: sa.Connection, graph: Graph, job: Job, asked: LocalTime, *, shown: Shown, limit: int
) -> tuple[list[Record], ChainFacts]:
    """The rows of a job in the chains that were in progress at a time, or whose slot it is, with those chains; at most
    `limit` of them. `shown` makes a row what the caller may see of it.
    """
    parents = graph.parents(job.job_id)
    known = jobs.find_jobs(connection, [*parents])
    chains = _chains_at(connection, graph, job.job_id, asked)
    found = executions.around(connection, job.job_id, asked.first, asked.last, limit)
    found += executions.in_chains(connection, list(chains), [job.job_id])
    rows = list({one.execution_id: one for one in found}.values())[:limit]
    chain_ids = {one.link.chain_id for one in rows if one.link}
    left = sorted(chains.keys() - chain_ids)
    chains |= chain_runs.summaries(connection, sorted(chain_ids - chains.keys()))
    firsts = {one.execution_id: one for one in executions.by_ids(connection, list(chains))}
    before = _before(connection, [*chain_ids, *left], parents, firsts, rows)

    def seen(chain_id: str) -> ChainRunSeen:
        chain = chains[chain_id]
        of_chain = {job_id: shown(row, known.get(job_id)) for job_id, row in before.get(chain_id, {}).items()}
        is_called_off = chain.status is ChainStatus.CANCELLED
        first = firsts.get(chain_id)
        is_called_off = is_called_off or (first is not None and first.is_called_off)
        return ChainRunSeen(chain.slot, first, of_chain, chain.status is not ChainStatus.RUNNING, is_called_off)

    of_rows = {one.execution_id: seen(one.link.chain_id) for one in rows if one.link and one.link.chain_id in chains}
    for row in rows:
        if row.link is None and row.status in NOT_RUN:
            at_slot = {one: executions.around(connection, one, row.slot, row.last_slot, 1) for one in parents}
            of_slot = {one: shown(found[0], known.get(one)) for one, found in at_slot.items() if found}
            of_rows[row.execution_id] = ChainRunSeen(row.slot, before=of_slot)
    gone = tuple(one for one in parents if one not in known)
    paused = tuple(one for one in parents if one in known and known[one].is_paused)
    return rows, ChainFacts(of_rows, tuple(seen(one) for one in left[:limit]), gone, paused)


def _chains_at(connection: sa.Connection, graph: Graph, job_id: str, asked: LocalTime) -> dict[str, ChainSummary]:
    """The chains that may lead to the job and that were in progress at the time, or whose slot it is."""
    begun = [
        row
        for one in islice(sorted(graph.above(job_id)), MOST_ABOVE)
        for row in executions.before(connection, one, asked.last, MOST_OF_EACH)
        if row.kind is not Kind.CHAINED and row.status not in NOT_RUN
    ]
    found = chain_runs.summaries(connection, [one.execution_id for one in begun])
    return {chain_id: one for chain_id, one in found.items() if _is_around(one, asked)}


def _is_around(chain: ChainSummary, asked: LocalTime) -> bool:
    return asked.has(chain.slot) or (
        chain.slot <= asked.last and (chain.ended_at is None or chain.ended_at >= asked.first)
    )


def _before(
    connection: sa.Connection,
    chain_ids: Sequence[str],
    parents: Sequence[str],
    firsts: Mapping[str, Record],
    rows: Iterable[Record],
) -> dict[str, dict[str, Record]]:
    """By chain and job: the rows of the jobs before, those that started the rows among them."""
    found: dict[str, dict[str, Record]] = {one: {} for one in chain_ids}
    for chain_id in chain_ids:
        upstream = firsts[chain_id].upstream_chain_id if chain_id in firsts else None
        if upstream is not None:  # what a repeated part of a chain takes over
            of_upstream = executions.in_chains(connection, [upstream], parents)
            firsts_of_it = executions.by_ids(connection, [upstream])
            found[chain_id] |= {one.job_id: one for one in (*firsts_of_it, *of_upstream) if one.job_id in parents}
        if chain_id in firsts and firsts[chain_id].job_id in parents:
            found[chain_id][firsts[chain_id].job_id] = firsts[chain_id]
    for row in executions.in_chains(connection, chain_ids, parents):
        if row.link is not None:
            found[row.link.chain_id][row.job_id] = row
    starters = {one.link.parent_id: one.link.chain_id for one in rows if one.link and one.link.parent_id}
    for row in executions.by_ids(connection, list(starters)):
        found[starters[row.execution_id]].setdefault(row.job_id, row)
    return found


def completed_by(connection: sa.Connection, job_ids: Iterable[str], moment: datetime) -> dict[str, datetime]:
    """When those of these jobs last completed by a moment that had."""
    found = ((one, executions.last_completed(connection, one, moment)) for one in job_ids)
    return {job_id: at for job_id, at in found if at is not None}
