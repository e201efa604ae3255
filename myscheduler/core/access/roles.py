"""Roles: each may do what those before it may, and more."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller may do at all; a `Scope` limits for which jobs."""

    VIEWER = "viewer"
    """Reads everything, with literal credentials masked."""
    OPERATOR = "operator"
    """Pauses, resumes, triggers, cancels and reruns as well."""
    EDITOR = "editor"
    """Creates, replaces and deletes API jobs as well, and sees literal credentials in the jobs of its scope."""
    ADMIN = "admin"
    """Manages tokens and approves deletions as well."""

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}
