"""The JSON shape of what runs after what, as jobs declare it."""

from collections.abc import Mapping, Sequence

from typing_extensions import TypedDict

from myscheduler.core.chains.drawing import as_json
from myscheduler.core.chains.graph import Graph


class GraphJob(TypedDict):
    """A job of a graph."""

    job_id: str
    name: str
    join: str | None
    """Whether it runs after `all` of several jobs or `any`; null if it runs after one at most."""


GraphEdge = TypedDict("GraphEdge", {"from": str, "to": str, "on": str})


class JobGraph(TypedDict):
    """A job, and all that are connected with it."""

    jobs: list[GraphJob]
    """No job comes before one that it runs after."""
    edges: list[GraphEdge]
    jobs_left_out: int
    """How many further jobs are connected with it, which are too many for an answer."""


def job_graph(graph: Graph, ordered: Sequence[str], names: Mapping[str, str], *, most: int) -> JobGraph:
    """The graph of these jobs, or of the first `most` of them."""
    kept = ordered[:most]
    places = {job_id: place for place, job_id in enumerate(kept)}
    found = as_json(graph, names, kept)
    jobs = sorted(found["jobs"], key=lambda one: places[one["job_id"]])
    edges = [one for one in found["edges"] if one["from"] in places]
    return {"jobs": jobs, "edges": edges, "jobs_left_out": len(ordered) - len(kept)}
