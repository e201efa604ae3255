"""SQL of chains: the executions that ends lead to are written in the transaction that records these ends.

A row of a job that runs next is `running` with `next_attempt_at` and without `started_at`: nothing of it was sent. It
has the key of its chain and its job, so whatever crashes and is repeated, no job follows twice.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.inserting import IDS, INSERT
from myscheduler.adapters.store.rows.jobs import id_lists, mentioning, source_values
from myscheduler.adapters.store.rows.unrun import UnrunOfJob, record_unrun
from myscheduler.adapters.store.tables import executions
from myscheduler.core.chains.following import Ended, Follower, follow
from myscheduler.core.chains.graph import Graph, graph_of
from myscheduler.core.chains.judging import End
from myscheduler.core.chains.links import Links, links_of
from myscheduler.core.chains.runs import OverChain
from myscheduler.core.history.execution import Cause, Execution, Kind, Link, Status
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason

MOST_REPEATS = 32
"""How many chains are looked through, each of which repeats a part of the next."""
_BUMP = timedelta(microseconds=1)
_Key = tuple[str | None, str]
"""A chain and a job."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Executions that were recorded because others ended."""

    ready: tuple[tuple[Job, Execution], ...] = ()
    """Those that run, now that the transaction is committed."""
    skipped: tuple[tuple[Execution, Reason], ...] = ()
    """Those that do not, and why."""
    over: tuple[OverChain, ...] = ()
    """The chains of which nothing is in progress any more."""

    def __add__(self, other: "Followed") -> "Followed":
        return Followed((*self.ready, *other.ready), (*self.skipped, *other.skipped), (*self.over, *other.over))


NOTHING_FOLLOWED = Followed()


def record_followers(
    connection: sa.Connection,
    ended: Sequence[Ended],
    graph: Graph,
    *,
    find: Callable[[str], Job | None],
    now: datetime,
    decided_at: datetime | None = None,
) -> Followed:
    """Record what follows from these ends. `find` returns a job as it is at present; others are left out, and so is all
    that would follow in a chain that was cancelled.

    Chains time out by `decided_at`, and what is recorded begins `now`.
    """
    cancelled = called_off(connection, {one.chain_id for one in ended})
    ended = [one for one in ended if one.chain_id not in cancelled]
    new_id = partial(new_execution_id, now)
    ends_of, earlier_of = partial(_ends_of, connection), partial(earlier_ends, connection, graph)
    followers = follow(graph, ended, ends_of=ends_of, earlier_of=earlier_of, new_id=new_id, now=decided_at or now)
    return record(connection, followers, find=find, now=now)


def record(
    connection: sa.Connection, followers: Sequence[Follower], *, find: Callable[[str], Job | None], now: datetime
) -> Followed:
    """Record what was decided about jobs of chains, as far as it is not recorded yet; for `find` see above."""
    known = [(one, job) for one in followers if (job := find(one.job_id)) is not None]
    if not known:
        return NOTHING_FOLLOWED
    inserted = _insert(connection, [_values(one, job, now) for one, job in known])
    recorded = [(one, job) for one, job in known if one.execution_id in inserted]
    return Followed(
        tuple((job, _execution(one, job, now)) for one, job in recorded if one.reason is None),
        tuple((_execution(one, job, now), one.reason) for one, job in recorded if one.reason is not None),
    )


def ends_in(connection: sa.Connection, graph: Graph, chain_id: str, job_ids: Sequence[str]) -> Mapping[str, End]:
    """How these jobs ended in a chain, or in the one that it repeats a part of, as far as they have."""
    ends = _ends(connection, _SOME_OF_CHAIN, chain_id, job_ids) | _ends(connection, _FIRST, chain_id)
    if not ends.keys() >= set(job_ids):
        ends = earlier_ends(connection, graph, chain_id) | ends
    return {job_id: end for job_id, end in ends.items() if job_id in job_ids}


def call_off(connection: sa.Connection, chain_id: str) -> None:
    """Record that nothing of a chain may begin any more."""
    for of_chain in (executions.c.chain_id == chain_id, executions.c.execution_id == chain_id):
        connection.execute(sa.update(executions).where(of_chain).values(is_called_off=True))


def called_off(connection: sa.Connection, chain_ids: Collection[str]) -> set[str]:
    """Those of the chains that were cancelled."""
    found: set[str] = set()
    for ids in id_lists(list(chain_ids)):
        for statement in (_CALLED_OFF, _FIRST_CALLED_OFF):
            found |= set(connection.execute(statement, {"ids": ids}).scalars())
    return found


def earlier_ends(connection: sa.Connection, graph: Graph, chain_id: str) -> dict[str, End]:
    """The ends that a chain takes from the one that it repeats a part of, and that one from another: those of all jobs
    that are not in that part.
    """
    found: dict[str, End] = {}
    repeated: set[str] = set()
    for _ in range(MOST_REPEATS):
        first = connection.execute(_REPEATS, {"b_chain_id": chain_id}).first()
        if first is None or first.upstream_chain_id is None:
            break
        chain_id, repeated = first.upstream_chain_id, repeated | {first.job_id} | graph.below(first.job_id)
        ends = _ends_of(connection, chain_id).items()
        found |= {one: end for one, end in ends if end.is_over and one not in repeated and one not in found}
    return found


def _ends_of(connection: sa.Connection, chain_id: str) -> dict[str, End]:
    return {**_ends(connection, _OF_CHAIN, chain_id), **_ends(connection, _FIRST, chain_id)}


def _ends(connection: sa.Connection, statement: Any, chain_id: str, job_ids: Sequence[str] = ()) -> dict[str, End]:
    values = {"b_chain_id": chain_id} | ({"ids": job_ids} if job_ids else {})
    return {
        row.job_id: End(row.execution_id, Status(row.status), json.loads(row.extracted) if row.extracted else None)
        for row in connection.execute(statement, values)
    }


def _insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> set[str]:
    """Insert rows of chains; returns the ids of those that are in the history now.

    A job is in a chain only once. Two chains may have the same slot, though: then the later one gets the next free
    microsecond.
    """
    inserted: set[str] = set()
    while rows:
        ids = [one["execution_id"] for one in rows]
        if INSERT.execute(connection, rows) == len(rows):
            return inserted | set(ids)
        stored = _stored(connection, ids)
        inserted |= stored
        left = [one for one in rows if one["execution_id"] not in stored]
        taken = _taken(connection, left)
        rows = [
            {**one, "slot": one["slot"] + _BUMP, "last_slot": one["slot"] + _BUMP}
            for one in left
            if (one["chain_id"], one["job_id"]) not in taken
        ]
    return inserted


def _stored(connection: sa.Connection, execution_ids: Sequence[str]) -> set[str]:
    query = sa.select(executions.c.execution_id).where(executions.c.execution_id.in_(IDS))
    return {one for ids in id_lists(execution_ids) for one in connection.execute(query, {"ids": ids}).scalars()}


def _taken(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> set[_Key]:
    """The chains and jobs of these rows that have executions."""
    chains = list({one["chain_id"] for one in rows})
    query = sa.select(executions.c.chain_id, executions.c.job_id).where(executions.c.chain_id.in_(IDS))
    return {(row.chain_id, row.job_id) for ids in id_lists(chains) for row in connection.execute(query, {"ids": ids})}


def _values(one: Follower, job: Job, now: datetime) -> dict[str, Any]:
    runs = one.reason is None
    return {
        "execution_id": one.execution_id,
        "job_id": one.job_id,
        "slot": one.slot,
        "kind": Kind.CHAINED,
        "cause": Cause.CHAIN,
        "status": Status.RUNNING if runs else Status.SKIPPED,
        "reason": one.reason,
        "last_slot": one.slot,
        "slot_count": 1,
        "digest": job.digest,
        **source_values(job.source),
        "completed_at": None if runs else now,
        "attempts": 0,
        "next_attempt_at": now if runs else None,
        "chain_id": one.chain_id,
        "parent_execution_id": one.parent_id,
        "chain_until": one.until,
    }


def _execution(one: Follower, job: Job, now: datetime) -> Execution:
    link = Link(one.chain_id, one.parent_id, one.until)
    return Execution(
        one.execution_id, one.job_id, one.slot, Kind.CHAINED, Cause.CHAIN, job.digest, job.source, now, link=link
    )


_END = (executions.c.job_id, executions.c.execution_id, executions.c.status, executions.c.extracted)
_OF_CHAIN = sa.select(*_END).where(executions.c.chain_id == sa.bindparam("b_chain_id"))
_SOME_OF_CHAIN = _OF_CHAIN.where(executions.c.job_id.in_(IDS))
_FIRST = sa.select(*_END).where(executions.c.execution_id == sa.bindparam("b_chain_id"))
_REPEATS = sa.select(executions.c.job_id, executions.c.upstream_chain_id).where(
    executions.c.execution_id == sa.bindparam("b_chain_id")
)
_CALLED_OFF = sa.select(executions.c.chain_id).where(executions.c.chain_id.in_(IDS), executions.c.is_called_off)
_FIRST_CALLED_OFF = sa.select(executions.c.execution_id).where(
    executions.c.execution_id.in_(IDS), executions.c.is_called_off
)


def record_left_out(
    connection: sa.Connection,
    left_out: Sequence[UnrunOfJob],
    graph: Graph,
    *,
    find: Callable[[str], Job | None],
    now: datetime,
) -> tuple[Sequence[UnrunOfJob], Followed]:
    """Record what follows from slots that did not run: what runs after such a job is left out, too.

    A job that says `if_skipped: run` runs once for each stretch of such slots, in a chain of the last one.
    """
    skipped: list[UnrunOfJob] = []
    followed = NOTHING_FOLLOWED
    for one in left_out:
        for unrun in one.unrun if graph.children(one.job_id) else ():
            chain_id = new_execution_id(now)
            ended = Ended(chain_id, one.job_id, End(chain_id, Status.SKIPPED), unrun.last)
            new_id = partial(new_execution_id, now)
            found = follow(graph, [ended], ends_of=lambda _: {}, new_id=new_id, now=now)
            known = [(each, job) for each in found if (job := find(each.job_id)) is not None]
            if any(each.reason is None for each, _ in known):
                begun = [replace(each, parent_id=None) if each.parent_id == chain_id else each for each, _ in known]
                followed += record(connection, begun, find=find, now=now)  # all of it is in the chain, and decided once
                continue
            skipped += [
                UnrunOfJob(
                    each.job_id, (replace(unrun, status=Status.SKIPPED, reason=each.reason),), job.digest, job.source
                )
                for each, job in known
                if each.reason is not None
            ]
    return record_unrun(connection, skipped), followed


def stored_graph(connection: sa.Connection) -> tuple[Graph, Mapping[str, Job]]:
    """The graph of the stored jobs, and those of them that declare something about chains."""
    jobs = {job.job_id: job for job in mentioning(connection, _MENTIONS)}
    return graph_of(jobs.values()), jobs


def stored_links(connection: sa.Connection) -> Mapping[str, Links]:
    """The links of the stored jobs that have any with others."""
    found = ((job.job_id, links_of(job.spec)) for job in mentioning(connection, _LINKS))
    return {job_id: links for job_id, links in found if links is not None}


_LINKS = ('"after"', '"requires"', '"extract"')
"""What the text of a spec contains that links its job with others."""
_MENTIONS = ('"after"', '"chain_timeout_sec"')
"""What the text of a spec contains that declares something about chains."""
