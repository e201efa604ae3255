"""What a plan means for chains: whether schedules and edges take each other's place, and where chains begin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from myscheduler.core.chains.effects import effects_notes, effects_of_pause, effects_of_removal, named
from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.chains.reaching import first_above, jobs_of
from myscheduler.core.gitops.linking import Linked, afters_in_force
from myscheduler.core.gitops.plan import Create, Delete, Plan, job_id_of
from myscheduler.core.job.spec import JobSpec

MOST_ROOTS = 200
"""The most jobs whose beginnings a plan compares."""
MOST_OF_ONE = 20
"""The most beginnings of one job that it names."""


@dataclass(frozen=True, slots=True)
class RootChange:
    """A job whose runs begin elsewhere than before: the jobs whose schedules start it, by way of others or itself."""

    job_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"job_id": self.job_id, "before": list(self.before), "after": list(self.after)}


class ChainReader:
    """Compares the graph of the stored jobs with that in force once the plan is applied."""

    def __init__(self, plan: Plan, stored: Mapping[str, Linked]) -> None:
        """`stored` are at least the stored jobs that run after others, by id."""
        links = {job_id: chained(job.spec)[0] for job_id, job in stored.items()}
        self._before = Graph({job_id: after for job_id, after in links.items() if after is not None})
        self._after = Graph(afters_in_force(plan, self._before.afters))
        self._deleted = {job_id_of(change) for change in plan.changes if isinstance(change, Delete)}
        self._created = {job_id_of(change) for change in plan.changes if isinstance(change, Create)}

    def of_update(self, before: JobSpec, after: JobSpec) -> Iterator[str]:
        """What is to be said of a job that changes."""
        old, new = chained(before)[0], chained(after)[0]
        if old is None and new is not None:
            yield named("after-for-schedule", new.jobs)
        elif old is not None and new is None:
            yield named("schedule-for-after", old.jobs)
        if after.paused and not before.paused:
            yield from effects_notes(effects_of_pause(self._after, [after.job_id]))

    def of_deletion(self, job_id: str) -> list[str]:
        """What becomes of jobs that still run after a job that is deleted."""
        return effects_notes(effects_of_removal(self._after, [job_id]))

    def of_held(self, job_id: str) -> Iterator[str]:
        """What is to be said of a job that stays as it is."""
        if removed := [one for one in self._after.parents(job_id) if one in self._deleted]:
            yield named("after-removed", removed)

    def roots(self) -> tuple[RootChange, ...]:
        """The jobs whose runs begin elsewhere, up to a limit, sorted by id; none that is created or deleted."""
        return tuple(islice(self._roots(), MOST_ROOTS))

    def _roots(self) -> Iterator[RootChange]:
        old, new = _beginnings(self._before), _beginnings(self._after)
        for job_id in sorted((old.keys() | new.keys()) - self._deleted - self._created):
            before, after = (found.get(job_id, (job_id,)) for found in (old, new))
            if before != after:
                yield RootChange(job_id, before, after)


def _beginnings(graph: Graph) -> dict[str, tuple[str, ...]]:
    """By job of a chain, the first few jobs with which its runs begin: those that run after none."""
    return first_above(graph, jobs_of(graph) - graph.afters.keys(), MOST_OF_ONE)
