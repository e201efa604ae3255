"""The methods that a path knows, whichever routes they stand in. HEAD goes where GET goes, OPTIONS goes everywhere."""

from collections.abc import Iterable

from starlette.routing import Match, Router
from starlette.types import Scope

_WRITTEN = ("DELETE", "GET", "PATCH", "POST", "PUT")


def allowed_methods(router: Router, scope: Scope) -> list[str]:
    """Empty where there is nothing at the path of the request."""
    found = [method for method in _WRITTEN if _is_routed(router, {**scope, "method": method})]
    if "GET" in found:
        found.append("HEAD")
    return sorted([*found, "OPTIONS"]) if found else []


def allow(methods: Iterable[str]) -> dict[str, str]:
    """The header of that name."""
    return {"Allow": ", ".join(methods)}


def _is_routed(router: Router, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in router.routes)
