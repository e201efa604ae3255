"""Whether a job runs, once the jobs that it runs after have ended. A pure decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from myscheduler.core.calls.matching import unmet
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import DeclaredAfter, Edge
from myscheduler.core.reason import Reason


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended in a chain, or that it has not ended yet."""

    execution_id: str
    status: Status
    """`RUNNING` if it has not ended."""
    extracted: Mapping[str, Any] | None = None
    """The values that it extracted from its answer."""

    @property
    def is_over(self) -> bool:
        return self.status is not Status.RUNNING


class EdgeState(StrEnum):
    """What is known of an edge."""

    OPEN = "open"
    MET = "met"
    UNMET = "unmet"
    """The job ended otherwise."""
    SKIPPED = "skipped"
    """The job did not run, and will not."""


NOT_RUN = frozenset({Status.SKIPPED, Status.MISSED})


def judge(after: DeclaredAfter, ends: Mapping[str, End], may_come: Callable[[str], bool]) -> Reason | str | None:
    """What is decided about a job: `RUNS`, the reason why it does not run, or `None` if that is still open.

    `ends` are those of the chain so far, by job; `may_come` says whether a job that has none may still run in it.
    """
    known = {edge.job: edge_state(edge, ends.get(edge.job), after, may_come) for edge in after.edges}
    links = known.values()
    if after.join == "any":
        is_met, is_decided = EdgeState.MET in links, EdgeState.OPEN not in links
    else:
        is_met = all(link is EdgeState.MET for link in links)
        is_decided = any(link in {EdgeState.UNMET, EdgeState.SKIPPED} for link in links)
    if is_met and after.when is not None and known.get(after.when.job) is EdgeState.OPEN:
        return None  # with `any`, the job that the condition asks about may still run
    if is_met:
        return RUNS if _holds(after, ends) else Reason.CONDITION
    if not is_decided:
        return None
    return Reason.UPSTREAM_OUTCOME if EdgeState.UNMET in links else Reason.UPSTREAM_SKIPPED


RUNS = "runs"
"""The job runs."""


def starter(after: DeclaredAfter, ends: Mapping[str, End], last: str) -> str:
    """The job whose end starts one that runs, as that of `last` decided it; with `any`, one that ended as wanted."""
    if after.join == "all":
        return last
    states = {edge.job: edge_state(edge, ends.get(edge.job), after, lambda _: True) for edge in after.edges}
    met = [job_id for job_id, state in states.items() if state is EdgeState.MET]
    return last if last in met or not met else met[0]


def edge_state(edge: Edge, end: End | None, after: DeclaredAfter, may_come: Callable[[str], bool]) -> EdgeState:
    """What the end of its job says about an edge of `after`."""
    if end is None:
        return EdgeState.OPEN if may_come(edge.job) else _skipped(after)
    if not end.is_over:
        return EdgeState.OPEN
    if end.status in NOT_RUN:
        return _skipped(after)
    match edge.on:
        case "always":
            is_met = True
        case "success":
            is_met = end.status is Status.COMPLETED
        case "failure":
            is_met = end.status is not Status.COMPLETED
        case _:
            assert_never(edge.on)
    return EdgeState.MET if is_met else EdgeState.UNMET


def _skipped(after: DeclaredAfter) -> EdgeState:
    return EdgeState.MET if after.if_skipped == "run" else EdgeState.SKIPPED


def _holds(after: DeclaredAfter, ends: Mapping[str, End]) -> bool:
    """Whether the condition of the job holds. What a job did not extract is missing."""
    if after.when is None:
        return True
    end = ends.get(after.when.job)
    return unmet(dict(end.extracted or {}) if end else {}, after.when.json) is None
