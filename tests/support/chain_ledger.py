"""The judge of chains: what the history says of each run against what its jobs declare.

Like `tests.support.ledger`, it shares no code with the service. It may look at any moment: what has ended has its
followers in the history, as they are written together, and nothing has them twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.support.ledger import SENT, Row

UNRUN = frozenset({"skipped", "missed"})
OWN_REASONS = frozenset({"overlap", "deadline"})
"""Why a job did not run although what it runs after ended as it should."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What a job runs after: jobs with the outcomes that count, and whether one is enough."""

    parents: Mapping[str, str]
    is_any: bool = False

    def manifest(self) -> str:
        """Its fields in a manifest."""
        edges = ", ".join(f"{{job: {job_id}, on: {on}}}" for job_id, on in self.parents.items())
        return f"after: [{edges}]" + ("\njoin: any" if self.is_any else "")


def judge_chains(edges: Mapping[str, Edges], rows: Sequence[Row]) -> list[str]:
    """Every breach of a promise, in words. `edges` are in order: no job is before one that it runs after."""
    roots = {row.execution_id: row for row in rows if row.kind != "chained" and row.status not in UNRUN}
    chains: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.chain_id is not None and row.chain_id in roots:
            chains[row.chain_id][row.job_id] = row
    return [
        *_twice(rows),
        *_strays(rows, roots),
        *(found for root in roots.values() for found in _untrue(edges, root, chains[root.execution_id])),
    ]


def _twice(rows: Sequence[Row]) -> Iterator[str]:
    for (chain_id, job_id), times in Counter((row.chain_id, row.job_id) for row in rows if row.chain_id).items():
        if times > 1:
            yield f"doubled: {job_id} is {times} times in the chain {chain_id}"


def _strays(rows: Sequence[Row], roots: Mapping[str, Row]) -> Iterator[str]:
    by_id = {row.execution_id: row for row in rows}
    for row in rows:
        if row.kind != "chained":
            continue
        parent = by_id.get(row.parent_execution_id or "")
        if row.chain_id not in roots or parent is None or (parent.chain_id or parent.execution_id) != row.chain_id:
            yield f"stray: {row} is in no chain of its parent {parent}"
        elif parent.status == "running":
            yield f"stray: {row} came before the end of {parent}"


def _untrue(edges: Mapping[str, Edges], root: Row, chain: Mapping[str, Row]) -> Iterator[str]:
    """Whether each job of a chain did what the ends of those before it mean."""
    states = {root.job_id: root.status} | {job_id: row.status for job_id, row in chain.items()}
    below = {root.job_id}
    for job_id, one in edges.items():
        if not below & one.parents.keys():
            continue
        below.add(job_id)
        known = [_is_met(on, states.get(parent)) for parent, on in one.parents.items()]
        row = chain.get(job_id)
        if None in known:  # it may be decided, but need not be
            continue
        runs = any(known) if one.is_any else all(known)
        if row is None:
            yield f"lost: {job_id} is missing in the chain of {root}"
        elif runs and not (row.status in SENT | {"running"} or row.reason in OWN_REASONS):
            yield f"untrue: {row} should have run, after {states}"
        elif not runs and (row.status not in UNRUN or row.started_at is not None):
            yield f"untrue: {row} should not have run, after {states}"


def _is_met(on: str, status: str | None) -> bool | None:
    """`None` as long as the job has not ended."""
    if status is None or status == "running":
        return None
    return status not in UNRUN and (on == "always" or (on == "success") == (status == "completed"))
