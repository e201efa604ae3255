"""What a job runs after, in place of a schedule of its own, and what it needs beside one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from myscheduler.core.job.expect import At, matchers_from_json, matchers_to_json
from myscheduler.core.schedule.timestamps import duration_text, span_of

On = Literal["success", "failure", "always"]
Join = Literal["all", "any"]
IfSkipped = Literal["skip", "run"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A job that this one runs after, and with which outcome of it.

    `failure` is any end but success, an interruption too; `always` is any end at all.
    """

    job: str
    on: On = "success"


@dataclass(frozen=True, slots=True)
class When:
    """A condition on the values that a job extracted from its answer."""

    job: str
    json: tuple[At, ...]


@dataclass(frozen=True, slots=True)
class DeclaredAfter:
    """The jobs that a job runs after, which takes the place of a schedule."""

    edges: tuple[Edge, ...]
    """At least one, each of another job."""
    join: Join = "all"
    """Whether all edges have to be met, or the first one that is starts the job."""
    when: When | None = None
    """What has to hold, too."""
    if_skipped: IfSkipped = "skip"
    """Whether an edge counts as met when its job did not run."""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that it runs after."""
        return tuple(edge.job for edge in self.edges)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A job that has to have completed within some time before a slot, if the slot is to run."""

    job: str
    within: timedelta


def after_to_json(after: DeclaredAfter) -> dict[str, Any]:
    """The fields `after`, `join`, `when` and `if_skipped` of a manifest; usual values are left out."""
    edges = [{"job": one.job} | ({} if one.on == "success" else {"on": one.on}) for one in after.edges]
    written: dict[str, Any] = {"after": edges}
    if after.join != "all":
        written["join"] = after.join
    if after.when is not None:
        conditions = {at.pointer: matchers_to_json(at.matchers) for at in after.when.json}
        written["when"] = {"job": after.when.job, "json": conditions}
    if after.if_skipped != "skip":
        written["if_skipped"] = after.if_skipped
    return written


def after_from_json(stored: Mapping[str, Any]) -> DeclaredAfter:
    """The inverse of `after_to_json`."""
    return DeclaredAfter(
        tuple(Edge(one["job"], one.get("on", "success")) for one in stored["after"]),
        stored.get("join", "all"),
        when_from_json(stored["when"]) if "when" in stored else None,
        stored.get("if_skipped", "skip"),
    )


def when_from_json(stored: Mapping[str, Any]) -> When:
    """A condition as it is written in a manifest, which is valid."""
    return When(stored["job"], tuple(At(pointer, matchers_from_json(one)) for pointer, one in stored["json"].items()))


def requires_to_json(requires: tuple[Requirement, ...]) -> list[dict[str, Any]]:
    """The field `requires` of a manifest."""
    return [{"job": one.job, "within": duration_text(one.within)} for one in requires]


def requires_from_json(stored: list[dict[str, Any]]) -> tuple[Requirement, ...]:
    """The inverse of `requires_to_json`."""
    return tuple(Requirement(one["job"], span_of(one["within"])) for one in stored)
