"""When jobs that run after others are expected to start, if all that runs succeeds and every condition holds."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from myscheduler.core.chains.graph import Graph, by_depth
from myscheduler.core.load.chained import Chained

MOST_STARTS = 50_000
"""The most pairs of a job and one that its chain begins with."""

_State = tuple[timedelta, bool]
"""When it is known what becomes of a job, counted from the slot of the chain, and whether it ran by then."""


def expected(
    graph: Graph, durations: Mapping[str, timedelta], usual: timedelta, stopped: Collection[str] = ()
) -> Chained:
    """The expected starts of all jobs in chains. `durations` are those of jobs as far as known, `usual` is that of the
    others; `stopped` are the jobs that do not run.
    """
    beginning = {parent for after in graph.afters.values() for parent in after.jobs} - graph.afters.keys()
    delays: dict[str, dict[str, timedelta]] = {}
    count, left_out = 0, 0
    for root in sorted(beginning.difference(stopped)):
        if count > MOST_STARTS:
            left_out += 1
            continue
        below = graph.below(root)
        count += len(below)
        for job_id, delay in _delays(graph, root, below, durations, usual, stopped).items():
            delays.setdefault(job_id, {})[root] = delay
    before = {parent for job_id in delays for parent in graph.parents(job_id)}
    return Chained(delays, tuple(sorted(before - durations.keys())), usual, left_out)


def _delays(
    graph: Graph,
    root: str,
    below: Collection[str],
    durations: Mapping[str, timedelta],
    usual: timedelta,
    stopped: Collection[str],
) -> dict[str, timedelta]:
    """How long after the slot of `root` each of the jobs `below` it starts that runs."""
    states: dict[str, _State] = {}
    delays: dict[str, timedelta] = {}
    for job_id, _ in by_depth(graph, {root, *below}):
        start = timedelta() if job_id == root else _start(graph, job_id, states)
        if start is None or job_id in stopped:
            known = (states[one][0] for one in graph.parents(job_id) if one in states)
            states[job_id] = max(known, default=timedelta()), False
            continue
        states[job_id] = start + durations.get(job_id, usual), True
        if job_id != root:
            delays[job_id] = start
    return delays


def _start(graph: Graph, job_id: str, states: Mapping[str, _State]) -> timedelta | None:
    """When the job starts; `None` if it does not run."""
    after = graph.afters[job_id]
    met = []
    for edge in after.edges:
        at, ran = states.get(edge.job, (timedelta(), False))
        if edge.on != "failure" if ran else after.if_skipped == "run":
            met.append(at)
    if after.join == "any":
        return min(met, default=None)
    return max(met) if len(met) == len(after.edges) else None
