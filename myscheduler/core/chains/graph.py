"""The graph of jobs that run after others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec

T = TypeVar("T")

Declared = tuple[DeclaredAfter | None, int | None]
"""What a job declares about chains: what it runs after, and how long a chain may take that begins with it."""

DEEPEST = 32
"""The most edges from the beginning of a chain to a job."""


class Graph:
    """What runs after what. It never changes, so that a thread may read it: a change of jobs makes another one.

    An edge is declared by the job that follows. Its other end may be a job that does not exist.
    """

    def __init__(self, afters: Mapping[str, DeclaredAfter], timeouts: Mapping[str, int] | None = None) -> None:
        """`afters` and `timeouts` (`chain_timeout_sec`, in seconds) are those of the jobs that have them."""
        self.afters = afters
        self.timeouts: Mapping[str, int] = timeouts or {}
        children = defaultdict[str, list[str]](list)
        for job_id, after in afters.items():
            for parent in after.jobs:
                children[parent].append(job_id)
        self._children = {parent: tuple(found) for parent, found in children.items()}
        self._with_joins: set[str] | None = None

    def __contains__(self, job_id: str) -> bool:
        """Whether the job is part of any chain."""
        return job_id in self.afters or job_id in self._children

    def children(self, job_id: str) -> tuple[str, ...]:
        """The jobs that run after it."""
        return self._children.get(job_id, ())

    def parents(self, job_id: str) -> tuple[str, ...]:
        """The jobs that it runs after."""
        after = self.afters.get(job_id)
        return after.jobs if after else ()

    def below(self, *job_ids: str) -> set[str]:
        """All jobs that run after these, directly or not; in a cycle, they are some of them."""
        return reached((child for one in job_ids for child in self.children(one)), self.children)

    def above(self, *job_ids: str) -> set[str]:
        """All jobs that these run after, directly or not; in a cycle, they are some of them."""
        return reached((parent for one in job_ids for parent in self.parents(one)), self.parents)

    def has_join(self, job_id: str) -> bool:
        """Whether any job that is connected with it, by whatever edges, runs after several."""
        if self._with_joins is None:
            joins = [one for one, after in self.afters.items() if len(after.edges) > 1]
            self._with_joins = reached(joins, lambda one: (*self.children(one), *self.parents(one)))
        return job_id in self._with_joins

    def roots(self, job_id: str) -> set[str]:
        """The jobs with which a chain that reaches this one may begin: those that run after none."""
        return {one for one in (job_id, *self.above(job_id)) if one not in self.afters}

    def changed(self, changes: Mapping[str, Declared], removed: Iterable[str] = ()) -> "Graph":
        """The graph with what these jobs now declare; the same one if that is what it has."""
        afters, timeouts = dict(self.afters), dict(self.timeouts)
        for job_id, (after, timeout) in (*changes.items(), *((job_id, (None, None)) for job_id in removed)):
            _set(afters, job_id, after)
            _set(timeouts, job_id, timeout)
        return self if afters == self.afters and timeouts == self.timeouts else Graph(afters, timeouts)

    def changes_since(self, before: "Graph") -> set[str]:
        """The jobs that run after others, now or in the graph `before`, and declare that differently."""
        return {one for one in (*before.afters, *self.afters) if before.afters.get(one) != self.afters.get(one)}

    def knows(self, job_id: str) -> bool:
        """Whether the job itself declares anything about chains."""
        return job_id in self.afters or job_id in self.timeouts


def _set(values: dict[str, T], job_id: str, value: T | None) -> None:
    if value is None:
        values.pop(job_id, None)
    else:
        values[job_id] = value


def reached(start: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    """The jobs to start with, and all that are reached from them over neighbours."""
    found = set(start)
    left = list(found)
    while left:
        for one in neighbours(left.pop()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def graph_of(jobs: Iterable[Job]) -> Graph:
    """The graph of these jobs."""
    afters, timeouts = dict[str, DeclaredAfter](), dict[str, int]()
    for job in jobs:
        after, timeout = chained(job.spec)
        _set(afters, job.job_id, after)
        _set(timeouts, job.job_id, timeout)
    return Graph(afters, timeouts)


def chained(spec: JobSpec) -> Declared:
    """What a job declares about chains."""
    return (spec.schedule if isinstance(spec.schedule, DeclaredAfter) else None), spec.chain_timeout_sec


def by_depth(graph: Graph, job_ids: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Jobs with how far each is below the beginning of its chain: its longest way, counted in edges.

    Jobs in or below a cycle are left out.
    """
    depths: dict[str, int] = {}
    wanted = set(job_ids)
    waiting = {one: sum(parent in wanted for parent in graph.parents(one)) for one in wanted}
    ready = [one for one, count in waiting.items() if not count]
    while ready:
        job_id = ready.pop()
        depth = max((depths.get(parent, 0) + 1 for parent in graph.parents(job_id)), default=0)
        depths[job_id] = depth
        yield job_id, depth
        for child in graph.children(job_id):
            if child in waiting:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
