"""What can be reached in the graph from many jobs at once, in time that grows with its edges only."""

from collections.abc import Collection, Iterable
from heapq import nsmallest

from myscheduler.core.chains.graph import Graph, by_depth


def jobs_of(graph: Graph) -> set[str]:
    """All jobs at an end of an edge."""
    return {one for job_id, after in graph.afters.items() for one in (job_id, *after.jobs)}


def below_any(graph: Graph, job_ids: Iterable[str]) -> set[str]:
    """All jobs that run after one of these, directly or not."""
    found, left = set[str](), list(job_ids)
    while left:
        new = [one for one in graph.children(left.pop()) if one not in found]
        found.update(new)
        left += new
    return found


def first_above(graph: Graph, marked: Collection[str], most: int) -> dict[str, tuple[str, ...]]:
    """By job, the first few (by id) of the `marked` jobs among it and all that it runs after, directly or not; jobs in
    and below cycles are left out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for job_id, _ in by_depth(graph, jobs_of(graph)):
        reached = {one for parent in graph.parents(job_id) for one in found.get(parent, ())}
        found[job_id] = tuple(nsmallest(most, reached | {job_id} if job_id in marked else reached))
    return found
