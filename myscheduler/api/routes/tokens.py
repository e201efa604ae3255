"""`/api/v1/tokens`: the API tokens of the database, for admins."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import actor_of, read_object
from myscheduler.api.input.queries import By
from myscheduler.api.shapes.access import NewTokenView, TokenList, TokenView, TokenViews
from myscheduler.api.shapes.documented import NEW_TOKEN, answers_with, body_of
from myscheduler.core.access.issuing import issue
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.schedule.clock import Clock
from myscheduler.messages.message import said
from myscheduler.service.access.token_book import TokenBook

_KEYS = ("name", "role", "scope", "expires_at")


def tokens_router(tokens: TokenBook, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router, views = APIRouter(prefix="/tokens", tags=["access"]), TokenViews(zone)

    @router.get("", operation_id="list_tokens", responses=answers_with(TokenList))
    async def list_tokens() -> Response:
        """All tokens of the database, sorted by name, without their secrets; revoked and expired ones, too."""
        found = [views.view(token) for token in await tokens.all()]
        return Response(orjson.dumps({"tokens": found}), media_type="application/json")

    @router.post(
        "",
        operation_id="create_token",
        responses=answers_with(NewTokenView, status=201),
        status_code=201,
        openapi_extra=body_of(NEW_TOKEN, ["name", "role"]),
    )
    async def create_token(request: Request, by: By = None) -> JSONResponse:
        """Create a token. Its text is in this answer only."""
        body = await read_object(request)
        _refuse_unknown(body)
        found = issue(
            body, secrets.token_bytes(ID_BYTES + SECRET_BYTES), Clock(now(), zone), by=actor_of(request, {"by": by})
        )
        if isinstance(found, list):
            raise InvalidInputError(found)
        text, token = found
        await tokens.create(token)
        return JSONResponse({**views.view(token), "token": text.text}, status_code=201)

    @router.delete("/{token}", operation_id="revoke_token", responses=answers_with(TokenView))
    async def revoke_token(token: str, request: Request, by: By = None) -> JSONResponse:
        """Revoke a token, given by its id, its name or its text. It stays in the list, and its name stays taken."""
        return JSONResponse(views.view(await tokens.revoke(token, by=actor_of(request, {"by": by}))))

    return router


def _refuse_unknown(body: dict[str, Any]) -> None:
    complaints = [
        Complaint((key[:60],), "unknown-key", said("unknown-key-of-token", key=shown(key), known=", ".join(_KEYS)))
        for key in body
        if key not in _KEYS
    ]
    if complaints:
        raise InvalidInputError(complaints)
