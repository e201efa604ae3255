"""The rules of a policy about all jobs together: how many calls may start in a minute, and what may run after what."""

from collections.abc import Iterable
from dataclasses import dataclass

from myscheduler.core.policy.policy import Policy

STARTS = "max_starts_per_minute_per_host"
DEPTH = "max_chain_depth"
LABEL = "chains_within_label"


@dataclass(frozen=True, slots=True)
class ChainCap:
    """What one policy says of links between jobs; `None` for a rule that it doesn't have."""

    depth: int | None
    """The most edges from the beginning of a chain to a job."""
    depth_place: str
    """The location of the rule, such as `policy.yaml:7`."""
    label: str | None
    """The label in whose value linked jobs have to agree."""
    label_place: str


@dataclass(frozen=True, slots=True)
class Cap:
    """The limits of one policy."""

    most: int | None
    """The most calls that may start in a minute on one host."""
    place: str
    """Its location, such as `policy.yaml:7`."""
    job_ids: frozenset[str] | None = None
    """The jobs that it counts; `None` for all."""
    chains: ChainCap | None = None


def caps_of(policies: Iterable[Policy], job_ids: frozenset[str] | None = None) -> tuple[Cap, ...]:
    """The limits that the policies set."""
    return tuple(
        Cap(one.max_starts_per_minute_per_host, one.place(STARTS), job_ids, _chain_cap(one))
        for one in policies
        if one.max_starts_per_minute_per_host is not None or _chain_cap(one) is not None
    )


def _chain_cap(policy: Policy) -> ChainCap | None:
    depth, label = policy.max_chain_depth, policy.chains_within_label
    return None if depth is None and label is None else ChainCap(depth, policy.place(DEPTH), label, policy.place(LABEL))
