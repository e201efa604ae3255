"""How the calls of a job reach their target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Transport:
    """How a call reaches its target, and what is kept of the answer."""

    connect_timeout_sec: float | None = None
    """How long a new connection may take: to look up the name, to connect, and for TLS."""
    follow_redirects: int = 0
    """How many redirects are followed; by default, one is a failure."""
    keep_response: bool = True
    """Whether the beginning of the answer is kept in the history."""


MOST_REDIRECTS, USUAL_REDIRECTS = 20, 10
"""The most that a job may follow, and how many `true` stands for."""
USUAL_TRANSPORT = Transport()
FIELDS = tuple(Transport.__dataclass_fields__)
"""Those of a manifest."""


def transport_to_json(transport: Transport) -> dict[str, Any]:
    """The fields of a manifest that say so, without those that are as usual."""
    if transport is USUAL_TRANSPORT:
        return {}
    written = {name: getattr(transport, name) for name in FIELDS}
    return {name: value for name, value in written.items() if value != getattr(USUAL_TRANSPORT, name)}


def transport_from_json(stored: Mapping[str, Any]) -> Transport:
    """The inverse of `transport_to_json`; `stored` may have other fields, too."""
    given = {name: stored[name] for name in FIELDS if name in stored}
    return Transport(**given) if given else USUAL_TRANSPORT
