"""A run of a chain as a graph: which jobs it has, what became of them, and what that says about the edges."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from myscheduler.core.chains.graph import Graph, by_depth
from myscheduler.core.chains.judging import EdgeState, End, edge_state
from myscheduler.core.history.execution import WRONG, Record, Status
from myscheduler.core.job.after import On

_NEVER = datetime.max.replace(tzinfo=UTC)


class ChainStatus(StrEnum):
    """The state of a chain as a whole."""

    RUNNING = "running"
    """An execution of it is in progress, or waits."""
    CANCELLED = "cancelled"
    """It was cancelled, and nothing of it is in progress any more."""
    FAILED = "failed"
    """An execution of it failed, was interrupted or was missed, or did not begin before the chain timed out, whatever
    ran after that."""
    COMPLETED = "completed"
    """All that ran has completed."""
    SKIPPED = "skipped"
    """Nothing ran."""


def chain_status(statuses: Collection[Status], *, is_called_off: bool, is_timed_out: bool) -> ChainStatus:
    """The state of a chain whose rows have these statuses. `is_timed_out`: something did not begin for that reason."""
    if Status.RUNNING in statuses:
        return ChainStatus.RUNNING
    if is_called_off:
        return ChainStatus.CANCELLED
    if is_timed_out or any(one in WRONG for one in statuses):
        return ChainStatus.FAILED
    return ChainStatus.COMPLETED if Status.COMPLETED in statuses else ChainStatus.SKIPPED


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """A run of a chain as lists show it."""

    chain_id: str
    root: str | None
    """The job that it began with; `None` if it began with a slot that did not run."""
    slot: datetime
    status: ChainStatus
    started_at: datetime | None
    ended_at: datetime | None
    """`None` while it runs."""
    counts: Mapping[Status, int]
    """Its rows by status."""


class OverChain(NamedTuple):
    """A run of a chain of which nothing is in progress any more."""

    chain_id: str
    status: ChainStatus
    seconds: float | None
    """From its first request to its last end; `None` if nothing was sent."""


@dataclass(frozen=True, slots=True)
class Node:
    """A job of a chain."""

    job_id: str
    record: Record | None
    """Its row of this run; `None` if it has not been reached."""


@dataclass(frozen=True, slots=True)
class SeenEdge:
    """An edge between two jobs of a run."""

    parent: str
    child: str
    on: On | None
    """`None` if no job declares it any more."""
    state: EdgeState


@dataclass(frozen=True, slots=True)
class ChainRun:
    """A run of a chain as a graph."""

    nodes: Sequence[Node]
    """None comes before a job that it runs after."""
    edges: Sequence[SeenEdge]
    critical_path: Sequence[str]
    """The jobs that determined when the run ended, or how far it is: each was started by the end of the one before."""
    times_out_at: datetime | None
    upstream_chain_id: str | None
    left_out: int
    """How many further jobs it has."""


def run_of(chain_id: str, records: Sequence[Record], graph: Graph, *, most: int) -> ChainRun:
    """The run with these rows, up to `most` jobs. Those that run below its first one at present belong to it, too,
    unless it came to its end without them: then they are newer. If they are too many, they make room for those with
    rows.
    """
    first = next((one for one in records if one.execution_id == chain_id), None)
    by_job = {one.job_id: one for one in records}
    is_over = all(one.status is not Status.RUNNING for one in records)
    is_called_off = any(one.is_called_off for one in records)
    goes_on = first is not None and not first.is_alone and (not is_over or is_called_off)
    job_ids = _sorted(graph, {*by_job, *(graph.below(first.job_id) if first and goes_on else ())})
    reached = [one for one in job_ids if one in by_job][:most]
    rest = (one for one in job_ids if one not in by_job)
    chosen = {*reached, *islice(rest, most - len(reached))}
    shown = [one for one in job_ids if one in chosen]
    return ChainRun(
        [Node(one, by_job.get(one)) for one in shown],
        [*_edges(graph, shown, by_job, is_over=is_over), *_gone_edges(graph, records, set(shown))],
        _critical_path(records),
        _times_out_at(first, records, graph),
        first.upstream_chain_id if first else None,
        len(job_ids) - len(shown),
    )


def _sorted(graph: Graph, job_ids: set[str]) -> list[str]:
    depths = dict(by_depth(graph, job_ids))
    return sorted(job_ids, key=lambda one: (depths.get(one, len(depths)), one))


def _edges(graph: Graph, job_ids: Iterable[str], by_job: Mapping[str, Record], *, is_over: bool) -> Iterator[SeenEdge]:
    shown = set(job_ids)
    for job_id in job_ids:
        after = graph.afters.get(job_id)
        if after is None:
            continue
        for edge in after.edges:
            if edge.job in shown:
                record = by_job.get(edge.job)
                end = End(record.execution_id, record.status) if record else None
                yield SeenEdge(edge.job, job_id, edge.on, edge_state(edge, end, after, lambda _: not is_over))


def _gone_edges(graph: Graph, records: Sequence[Record], shown: set[str]) -> Iterator[SeenEdge]:
    """Edges that started an execution of the run, and that no job declares any more."""
    job_of = {one.execution_id: one.job_id for one in records}
    for one in records:
        parent = job_of.get(one.link.parent_id) if one.link and one.link.parent_id else None
        if parent in shown and one.job_id in shown and parent not in graph.parents(one.job_id):
            yield SeenEdge(parent, one.job_id, None, EdgeState.MET)


def _critical_path(records: Sequence[Record]) -> list[str]:
    begun = [one for one in records if one.started_at is not None]
    if not begun:
        return []
    by_id = {one.execution_id: one for one in records}
    paths = [_path_to(one, by_id) for one in begun]
    last = max(paths, key=lambda path: (path[-1].completed_at or _NEVER, len(path), path[-1].execution_id))
    return [one.job_id for one in last]


def _path_to(record: Record, by_id: Mapping[str, Record]) -> list[Record]:
    """The executions that led to this one, each started by the end of the one before, and this one."""
    path = list[Record]()
    one: Record | None = record
    while one is not None:
        path.append(one)
        one = by_id.get(one.link.parent_id) if one.link and one.link.parent_id else None
    return path[::-1]


def _times_out_at(first: Record | None, records: Sequence[Record], graph: Graph) -> datetime | None:
    if known := next((one.link.until for one in records if one.link), None):
        return known
    timeout = graph.timeouts.get(first.job_id) if first and not first.is_alone else None
    started_at = first.started_at if first else None
    return None if timeout is None or started_at is None else started_at + timedelta(seconds=timeout)
