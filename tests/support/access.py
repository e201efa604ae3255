"""Callers of the API for tests: tokens in the database, and the routes that they may call.

headers = await bearer(parts, "operator", {"labels": {"team": "billing"}})
await api.post("/api/v1/jobs/a/pause", headers=headers)
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, _IncludedRouter

from myscheduler.api.door.permission import operation_of
from myscheduler.core.access.issuing import issue
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES
from myscheduler.core.schedule.clock import Clock
from myscheduler.service.access.token_book import add_token
from tests.support.parts import Parts

BASE = "/api/v1"
YESTERDAY = timedelta(days=-1)


async def made(
    parts: Parts, role: str, scope: Any = None, *, name: str | None = None, expires_in: timedelta | None = None
) -> str:
    """The text of a new token, which is stored without the API; one that `expires_in` the past was made before."""
    at = datetime.now(UTC) + min(expires_in or timedelta(), timedelta()) * 2
    asked = {"name": name or f"t-{secrets.token_hex(8)}", "role": role, "scope": scope}
    if expires_in is not None:
        asked["expires_at"] = (datetime.now(UTC) + expires_in).isoformat()
    found = issue(asked, secrets.token_bytes(ID_BYTES + SECRET_BYTES), Clock(at, "UTC"), by="test")
    assert isinstance(found, tuple), found
    await parts.store.write(partial(add_token, token=found[1]))
    return found[0].text


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def bearer(parts: Parts, role: str, scope: Any = None, *, name: str | None = None) -> dict[str, str]:
    """The headers of a caller who has a new token."""
    return bearing(await made(parts, role, scope, name=name))


@dataclass(frozen=True)
class Route:
    operation: str
    method: str
    path: str
    is_documented: bool


def routes_of(api: httpx.AsyncClient) -> list[Route]:
    """The routes below the base path of the API, also those that the OpenAPI document leaves out, and the metrics."""
    transport = api._transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    assert isinstance(app, FastAPI)
    found = []
    for included in app.routes:
        assert isinstance(included, _IncludedRouter), included
        for route in included.original_router.routes:
            assert isinstance(route, APIRoute), route
            path = included.include_context.prefix + route.path
            found += [Route(operation_of(route), one, path, route.include_in_schema) for one in route.methods or ()]
    return [route for route in found if route.path.startswith((f"{BASE}/", "/metrics"))]
