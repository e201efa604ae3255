"""The differences between what two specs of a job declare about other jobs, for plans and the audit trail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypedDict

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.schedule.timestamps import duration_text

EdgeKind = Literal["after", "requires"]
EdgeJson = TypedDict("EdgeJson", {"kind": EdgeKind, "from": str, "to": str, "before": str | None, "after": str | None})
"""An edge as JSON: see `EdgeChange`."""


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge to a job that appears, vanishes, or has another condition."""

    kind: EdgeKind
    parent: str
    child: str
    before: str | None
    """The outcome that it asks for (`success`, `failure`, `always`), or for `requires` the time within which the parent
    has to have completed, such as `PT12H`; `None` if there was no such edge."""
    after: str | None
    """The same after the change; `None` if there is no such edge any more."""

    def as_json(self) -> EdgeJson:
        return {"kind": self.kind, "from": self.parent, "to": self.child, "before": self.before, "after": self.after}


def edge_changes(before: JobSpec | None, after: JobSpec | None) -> Iterator[EdgeChange]:
    """The edges that differ; all of them for a job that is created (`before` is `None`) or deleted."""
    spec = after or before
    old, new = _edges(before), _edges(after)
    for kind, parent in {**old, **new}:
        was, becomes = old.get((kind, parent)), new.get((kind, parent))
        if spec is not None and was != becomes:
            yield EdgeChange(kind, parent, spec.job_id, was, becomes)


def _edges(spec: JobSpec | None) -> dict[tuple[EdgeKind, str], str]:
    if spec is None:
        return {}
    after = spec.schedule.edges if isinstance(spec.schedule, DeclaredAfter) else ()
    found: dict[tuple[EdgeKind, str], str] = {("after", one.job): one.on for one in after}
    return found | {("requires", one.job): duration_text(one.within) for one in spec.requires}
