"""What a simulation assumes of the calls of jobs: which fail, how long they take, and what their answers hand on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.job.after import DeclaredAfter, When
from myscheduler.core.job.expect import At, Matcher
from myscheduler.core.job.spec import JobSpec

_COMPLETED = "(completed)"
"""Handed on by each job that completes. It is no name that a manifest may give."""
_HAS_COMPLETED = At(f"/{_COMPLETED}", (Matcher("exists", wanted=True),))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What differs from the usual: calls succeed, take the same time, and their answers meet all conditions."""

    failing: Mapping[str, frozenset[datetime] | None] = field(default_factory=dict)
    """The slots of which all attempts fail, by job; `None` means all slots. A job that runs after others has the slots
    of its chains."""
    durations: Mapping[str, timedelta] = field(default_factory=dict)
    """How long a call takes, by job."""
    extracted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The values that jobs hand on whenever they complete, by job and name."""

    def fails(self, job_id: str, slot: datetime) -> bool:
        """Whether the execution of that slot fails."""
        if job_id not in self.failing:
            return False
        slots = self.failing[job_id]
        return slots is None or slot in slots

    def handed_on(self, job_id: str) -> Mapping[str, Any]:
        """What a job hands on that completed."""
        return {**self.extracted.get(job_id, {}), _COMPLETED: True}

    def graph(self, specs: Iterable[JobSpec]) -> Graph:
        """The graph of these jobs, in which conditions on values that are not known hold if the job completed."""
        links = {spec.job_id: chained(spec) for spec in specs}
        afters = {job_id: self._assumed(after) for job_id, (after, _) in links.items() if after is not None}
        return Graph(afters, {job_id: timeout for job_id, (_, timeout) in links.items() if timeout is not None})

    def unknown(self, specs: Iterable[JobSpec]) -> Iterator[tuple[str, str, str]]:
        """Conditions that count as met: the job that has one, the job that it asks about, and the name of the value."""
        for spec in specs:
            when = spec.schedule.when if isinstance(spec.schedule, DeclaredAfter) else None
            for place in when.json if when else ():
                if when and _name_in(place) not in self.extracted.get(when.job, {}):
                    yield spec.job_id, when.job, _name_in(place)

    def _assumed(self, after: DeclaredAfter) -> DeclaredAfter:
        when = after.when
        if when is None:
            return after
        known = tuple(place for place in when.json if _name_in(place) in self.extracted.get(when.job, {}))
        if len(known) == len(when.json):
            return after
        return replace(after, when=When(when.job, (*known, _HAS_COMPLETED)))


def _name_in(place: At) -> str:
    return place.pointer.split("/")[1].replace("~1", "/").replace("~0", "~")


NOTHING_ASSUMED = Assumptions()
