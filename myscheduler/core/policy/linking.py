"""What a policy says of links between jobs: how deep chains may be, and within which label links have to stay.

Only changes are refused: those that make a job deeper, or link jobs that differ, which they did not before. Jobs that
do not change are left alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from myscheduler.core.chains.checking import ChainFault
from myscheduler.core.chains.graph import Graph, by_depth, chained
from myscheduler.core.chains.links import linked_to
from myscheduler.core.chains.reaching import first_above
from myscheduler.core.findings.problem import Loc, shown
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.caps import Cap, ChainCap
from myscheduler.messages.message import said

MOST_AT_FAULT = 20
"""The most changes that are refused at once because of one job that does not change itself."""


def policy_faults(
    before: Mapping[str, JobSpec], after: Mapping[str, JobSpec], changed: AbstractSet[str], caps: Iterable[Cap]
) -> Iterator[ChainFault]:
    """The faults of jobs in `changed`, which differ between `before` and `after`: both have all jobs by id."""
    for cap in caps:
        if cap.chains is not None:
            links = _Links(before, after, changed if cap.job_ids is None else changed & cap.job_ids, cap.chains)
            yield from links.too_deep()
            yield from links.between_labels()


class _Links:
    """The links of all jobs, under one policy."""

    def __init__(
        self, before: Mapping[str, JobSpec], after: Mapping[str, JobSpec], changed: AbstractSet[str], cap: ChainCap
    ) -> None:
        self._before, self._after, self._changed, self._cap = before, after, changed, cap

    def too_deep(self) -> Iterator[ChainFault]:
        """Jobs that are too deep and deeper than before; where they do not change, those above them that do."""
        most = self._cap.depth
        if most is None:
            return
        graph, earlier = _graph(self._after), _graph(self._before)
        depths, old = _depths(graph), _depths(earlier)
        told = set[str]()
        changed = {one for one in self._changed if graph.afters.get(one) != earlier.afters.get(one)}
        above = first_above(graph, changed, MOST_AT_FAULT)
        for job_id, depth in sorted(depths.items()):
            if depth > most and depth > old.get(job_id, 0):
                at_fault = [one for one in ([job_id] if job_id in changed else above[job_id]) if one not in told]
                told.update(at_fault)
                message = said(
                    "policy-chain-depth", job_id=shown(job_id), depth=depth, most=most, place=self._cap.depth_place
                )
                yield from (ChainFault(one, "policy-chain-depth", ("after",), message) for one in at_fault)

    def between_labels(self) -> Iterator[ChainFault]:
        """Links between jobs that differ in the label, and did not before, or were not linked."""
        label = self._cap.label
        if label is None:
            return
        for job_id, spec in self._after.items():
            for number, parent in enumerate(linked_to(spec)):
                if not {job_id, parent} & self._changed or not self._differ(self._after, job_id, parent):
                    continue
                old = self._before.get(job_id)
                if old is None or parent not in linked_to(old) or not self._differ(self._before, job_id, parent):
                    yield self._fault(label, job_id, parent, number)

    def _differ(self, jobs: Mapping[str, JobSpec], job_id: str, parent: str) -> bool:
        """Whether the two have other values of the label; one that is missing is another one."""
        one, other = jobs.get(job_id), jobs.get(parent)
        if one is None or other is None:
            return False  # a job that there is not has its own complaint
        values = [spec.labels.get(self._cap.label or "", "") for spec in (one, other)]
        return values[0] != values[1] or not values[0]

    def _fault(self, label: str, job_id: str, parent: str, number: int) -> ChainFault:
        spec = self._after[job_id]
        after = chained(spec)[0]
        count = len(after.jobs) if after else 0
        loc: Loc = ("after", number, "job") if number < count else ("requires", number - count, "job")
        message = said(
            "policy-chain-label",
            job_id=shown(job_id),
            parent=shown(parent),
            label=label,
            own=shown(spec.labels.get(label, "")),
            other=shown(self._after[parent].labels.get(label, "")),
            place=self._cap.label_place,
        )
        if job_id in self._changed:
            return ChainFault(job_id, "policy-chain-label", loc, message)
        return ChainFault(parent, "policy-chain-label", ("labels", label), message)


def _graph(jobs: Mapping[str, JobSpec]) -> Graph:
    afters = {job_id: spec.schedule for job_id, spec in jobs.items() if isinstance(spec.schedule, DeclaredAfter)}
    return Graph(afters)


def _depths(graph: Graph) -> dict[str, int]:
    return dict(by_depth(graph, {one for job_id, after in graph.afters.items() for one in (job_id, *after.jobs)}))
