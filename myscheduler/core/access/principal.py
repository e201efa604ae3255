"""Who calls the API, and what the caller may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import EVERYTHING, Scope


@dataclass(frozen=True, slots=True)
class Binding:
    """A role for the jobs of a scope."""

    role: Role
    scope: Scope = EVERYTHING


class Origin(StrEnum):
    """How a caller proved who it is."""

    OPEN = "open"
    """Not at all: the API asks for no credentials."""
    STATIC_TOKEN = "static-token"  # noqa: S105 - a word, no password
    """The token of `MYSCHEDULER_API_TOKEN`, which several people may share."""
    TOKEN = "token"  # noqa: S105 - a word, no password
    JWT = "jwt"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a JWT, as a session keeps it: what its rights follow from, whatever the rules are by then."""

    issuer: str
    audiences: tuple[str, ...]
    """Those of the token that the issuer's entry in `access.yaml` named."""
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    """By name or path, the values by which a rule gave a role."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. With several bindings it may do what any of them allows."""

    name: str
    bindings: tuple[Binding, ...]
    origin: Origin
    token_id: str | None = None
    """The public id of the API token that was used; `None` for other credentials."""
    identity: Identity | None = field(default=None, compare=False)
    """For a JWT."""

    @property
    def is_named(self) -> bool:
        """Whether `name` is one caller's own, so that it counts in the audit in place of what a request claims."""
        return self.origin in {Origin.TOKEN, Origin.JWT}

    @property
    def strongest(self) -> Binding | None:
        """The binding with the strongest role; of several, one for all jobs."""
        ranks = list(Role)
        return max(self.bindings, key=lambda one: (ranks.index(one.role), one.scope.is_everything), default=None)

    def has(self, role: Role) -> bool:
        """Whether the caller has this role for any job."""
        return any(one.role.covers(role) for one in self.bindings)

    def has_everywhere(self, role: Role) -> bool:
        """Whether the caller has this role for all jobs."""
        return any(one.role.covers(role) and one.scope.is_everything for one in self.bindings)

    def may_act(self, role: Role, job_id: str, labels: Mapping[str, str]) -> bool:
        """Whether the caller has this role for a job with this id and these labels."""
        return any(one.role.covers(role) and one.scope.covers(job_id, labels) for one in self.bindings)


OPEN = Principal("api", (Binding(Role.ADMIN),), Origin.OPEN)
"""Every caller of an API that asks for no credentials."""
