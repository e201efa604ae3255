"""SQL of chains that go on while what their jobs run after is changed."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.chains import Followed, called_off, earlier_ends, record
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import chunks, id_lists
from myscheduler.adapters.store.tables import executions
from myscheduler.core.chains import following
from myscheduler.core.chains.following import Follower, Place
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import End
from myscheduler.core.history.execution import Status
from myscheduler.core.job.job import Job


def judge_again(
    connection: sa.Connection, before: Graph, graph: Graph, *, find: Callable[[str], Job | None], now: datetime
) -> Followed:
    """Record what a change from the graph `before` decides in the chains that go on; for `find` see
    `chains.record_followers`.
    """
    changed = before.changes_since(graph)
    concerned = before.above(*changed, *before.below(*changed))
    running = connection.execute(_RUNNING) if changed else ()
    chains = list(dict.fromkeys(row.chain_id for row in running if row.job_id in concerned))
    found: list[Follower] = []
    for some in chunks(sorted(set(chains) - called_off(connection, chains))):
        found += _decided(connection, before, graph, some, now)
    return record(connection, found, find=find, now=now)


def _decided(
    connection: sa.Connection, before: Graph, graph: Graph, chain_ids: Sequence[str], now: datetime
) -> Iterator[Follower]:
    """What is decided in these chains. In one of which only the first job runs, nothing waits that could be."""
    rows = defaultdict[str, list[Any]](list)
    for ids in id_lists(chain_ids):
        for statement in (_FOLLOWED, _FIRST):
            for row in connection.execute(statement, {"ids": ids}):
                rows[row.chain_id].append(row)
    for chain_id, of_chain in rows.items():
        ends = {row.job_id: _end(row) for row in of_chain}
        earlier = earlier_ends(connection, graph, chain_id) if of_chain[-1].upstream_chain_id else {}
        place = Place(chain_id, min(row.slot for row in of_chain), of_chain[0].chain_until)
        new_id = partial(new_execution_id, now)
        yield from following.judge_again(before, graph, place, ends, earlier=earlier, new_id=new_id, now=now)


def _end(row: Any) -> End:
    return End(row.execution_id, Status(row.status), json.loads(row.extracted) if row.extracted else None)


_RUNNING = sa.select(executions.c.chain_id, executions.c.job_id).where(
    executions.c.status == Status.RUNNING, executions.c.chain_id.is_not(None)
)
_COLUMNS = (
    executions.c.job_id,
    executions.c.execution_id,
    executions.c.status,
    executions.c.extracted,
    executions.c.slot,
    executions.c.chain_until,
    executions.c.upstream_chain_id,
)
_FOLLOWED = sa.select(executions.c.chain_id, *_COLUMNS).where(executions.c.chain_id.in_(IDS))
_FIRST = sa.select(executions.c.execution_id.label("chain_id"), *_COLUMNS).where(executions.c.execution_id.in_(IDS))
