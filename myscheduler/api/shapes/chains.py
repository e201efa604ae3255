"""The JSON shapes of chains."""

from collections.abc import Sequence
from datetime import timedelta

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.runs import ChainRun, ChainSummary, Node, SeenEdge


class ChainSummaryView(TypedDict):
    """A run of a chain."""

    chain_id: str
    """The execution that it began with."""
    root: str | None
    """The job that it began with; null if it began with a slot that did not run."""
    scheduled_at: str
    """The slot of its first execution, which all have."""
    status: str
    """`running`: something of it is in progress or waits. `cancelled`: by a request. `failed`: an execution of it
    failed, was interrupted or was missed. `completed`: all that ran has completed. `skipped`: nothing ran.
    """
    started_at: str | None
    ended_at: str | None
    """Null while it runs."""
    counts: dict[str, int]
    """Its executions by status."""


class ChainPage(TypedDict):
    """One page of the runs, newest first. A page may be short, or even empty, although there are further ones."""

    chains: list[ChainSummaryView]
    count: int
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one."""


class ChainNode(TypedDict):
    """A job of a chain, and its execution."""

    job_id: str
    status: str
    """That of its execution; `waiting` for one that has not begun, and `not-reached` if there is none."""
    reason: str | None
    execution_id: str | None
    parent_execution_id: str | None
    """The execution whose end started it, or decided that it does not run."""
    join: str | None
    """Whether it runs after `all` of several jobs or `any`; null if it runs after one at most."""
    started_at: str | None
    completed_at: str | None
    execution_time_ms: int | None
    attempts: int


ChainEdge = TypedDict("ChainEdge", {"from": str, "to": str, "on": str | None, "state": str})


class ChainView(ChainSummaryView):
    """A run of a chain as a graph, with the jobs that it has not reached."""

    times_out_at: str | None
    """What has not begun by then is skipped."""
    upstream_chain_id: str | None
    """The run of which this one repeats a part; its ends count for jobs that are not in this one."""
    nodes: list[ChainNode]
    """No job comes before one that it runs after."""
    edges: list[ChainEdge]
    """`state` is `open`, `met`, `unmet` or `skipped` (its job did not run); `on` is null if no job declares the edge
    any more.
    """
    critical_path: list[str]
    """The jobs that determined when it ended, or how far it is, in their order."""
    nodes_left_out: int
    """How many further jobs it has, which are too many for an answer."""


class ChainCancelled(TypedDict):
    chain_id: str
    status: str
    executions: int
    """How many executions it ended."""


class ChainViews(InZone):
    def summary(self, chain: ChainSummary) -> ChainSummaryView:
        return {
            "chain_id": chain.chain_id,
            "root": chain.root,
            "scheduled_at": self._moment(chain.slot),
            "status": chain.status,
            "started_at": self._time(chain.started_at),
            "ended_at": self._time(chain.ended_at),
            "counts": {str(status): count for status, count in sorted(chain.counts.items())},
        }

    def page(self, chains: Sequence[ChainSummary], next_cursor: str | None) -> ChainPage:
        views = [self.summary(one) for one in chains]
        return {"chains": views, "count": len(views), "next_cursor": next_cursor}

    def detail(self, chain: ChainSummary, run: ChainRun, graph: Graph) -> ChainView:
        return {
            **self.summary(chain),
            "times_out_at": self._time(run.times_out_at),
            "upstream_chain_id": run.upstream_chain_id,
            "nodes": [self._node(one, graph) for one in run.nodes],
            "edges": [_edge(one) for one in run.edges],
            "critical_path": list(run.critical_path),
            "nodes_left_out": run.left_out,
        }

    def _node(self, node: Node, graph: Graph) -> ChainNode:
        row, after = node.record, graph.afters.get(node.job_id)
        started_at, completed_at = (row.started_at, row.completed_at) if row else (None, None)
        took = completed_at - started_at if started_at and completed_at else None
        return {
            "job_id": node.job_id,
            "status": "not-reached" if row is None else "waiting" if row.is_unbegun else row.status,
            "reason": row.reason if row else None,
            "execution_id": row.execution_id if row else None,
            "parent_execution_id": row.link.parent_id if row and row.link else None,
            "join": after.join if after and len(after.edges) > 1 else None,
            "started_at": self._time(started_at),
            "completed_at": self._time(completed_at),
            "execution_time_ms": None if took is None else took // timedelta(milliseconds=1),
            "attempts": row.attempts if row else 0,
        }


def _edge(edge: SeenEdge) -> ChainEdge:
    return {"from": edge.parent, "to": edge.child, "on": edge.on, "state": edge.state}
