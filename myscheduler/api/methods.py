"""The HTTP methods allowed at a path, over all its routes. HEAD is allowed where GET is, OPTIONS at every path."""

from collections.abc import Iterable

from starlette.routing import Match, Router
from starlette.types import Scope

_WRITTEN = ("DELETE", "GET", "PATCH", "POST", "PUT")


def allowed_methods(router: Router, scope: Scope) -> list[str]:
    """The methods allowed at the path of the request, sorted; empty if no route has the path."""
    found = [method for method in _WRITTEN if _is_routed(router, {**scope, "method": method})]
    if "GET" in found:
        found.append("HEAD")
    return sorted([*found, "OPTIONS"]) if found else []


def allow(methods: Iterable[str]) -> dict[str, str]:
    """The `Allow` header."""
    return {"Allow": ", ".join(methods)}


def _is_routed(router: Router, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in router.routes)
