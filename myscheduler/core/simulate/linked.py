"""Which jobs have to be simulated together, because what becomes of one depends on another."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from myscheduler.core.chains.links import linked_to
from myscheduler.core.dispatch.armed import target_lane
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.job.spec import JobSpec


def linked_jobs(
    specs: Iterable[JobSpec], limits: Mapping[str, TargetLimits], failing: Collection[str]
) -> list[list[JobSpec]]:
    """The jobs that are linked, in groups that have nothing to do with each other; all other jobs are left out.

    Links are those of chains and requirements, and targets that limit their calls. A job that fails is a group, too.
    """
    by_id = {spec.job_id: spec for spec in specs}
    links = defaultdict[str, set[str]](set)
    for job_id, spec in by_id.items():
        for other in _links_of(spec, by_id, limits):
            links[job_id].add(other)
            links[other].add(job_id)
    starts = sorted({*(one for one in by_id if links.get(one) or linked_to(by_id[one])), *by_id.keys() & failing})
    groups, seen = list[list[JobSpec]](), set[str]()
    for start in starts:
        if start not in seen:
            group = _reached(start, links)
            seen |= group
            groups.append([by_id[one] for one in sorted(group & by_id.keys())])
    return groups


def _links_of(spec: JobSpec, known: Collection[str], limits: Mapping[str, TargetLimits]) -> Iterator[str]:
    yield from (one for one in linked_to(spec) if one in known)
    if spec.target is not None and spec.target in limits:
        yield target_lane(spec.target)


def _reached(start: str, links: Mapping[str, Collection[str]]) -> set[str]:
    found, left = {start}, [start]
    while left:
        for one in links.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def limiting(
    limits: Mapping[str, TargetLimits], specs: Sequence[JobSpec], failing: Collection[str]
) -> Mapping[str, TargetLimits]:
    """The limits that may hold calls back: a circuit can open only where calls fail."""
    failed = {spec.target for spec in specs if spec.job_id in failing}
    return {
        name: one
        for name, one in limits.items()
        if one.concurrency is not None or one.rate is not None or (one.breaker is not None and name in failed)
    }
