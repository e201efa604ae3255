"""`/api/v1/session`: a browser's session, which begins with a token."""

from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.door.authentication import Authentication
from myscheduler.api.door.cookies import delete_session as forget
from myscheduler.api.door.cookies import set_session
from myscheduler.api.errors import BadRequestError, InvalidInputError
from myscheduler.api.input.bodies import read_fields
from myscheduler.api.shapes.access import BindingView, bindings_view
from myscheduler.api.shapes.common import InZone
from myscheduler.core.access.principal import OPEN, Principal
from myscheduler.core.access.sessions import LONGEST
from myscheduler.core.findings.problem import Complaint

LARGEST_BODY = 20 * 1024
"""Bytes: more than a JSON web token may have."""


class SessionView(TypedDict):
    name: str
    bindings: list[BindingView]
    expires_at: str | None


def session_router(authentication: Authentication, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone. The routes check the caller themselves."""
    router, views = APIRouter(prefix="/session", tags=["access"]), _SessionViews(zone)

    @router.post("", responses={200: {"model": SessionView}})
    async def create_session(request: Request) -> JSONResponse:
        """Sign in with `{"token": "…"}`. The answer sets a cookie, which stands for the token until it expires."""
        _refuse_large(request)
        body = await read_fields(request, token=str)
        principal = await authentication.bearer(str(body.get("token") or "").strip())
        if principal is None:
            await authentication.refuse(request, "a wrong token for a session")
        value, session = authentication.begin_session(principal)
        if len(value) > LONGEST:
            message = "gives more roles and scopes than a cookie can hold: sign in with an API token"
            raise InvalidInputError([Complaint(("token",), "too-large", message)])
        answer = JSONResponse(views.view(session.principal, session.expires_at))
        set_session(request, answer, value)
        return answer

    @router.get("", responses={200: {"model": SessionView}})
    async def get_session(request: Request) -> JSONResponse:
        """The session of the cookie, or 401. If the API asks for no credentials, that of everybody, without an end."""
        session = await authentication.session_of(request)
        if session is not None:
            return JSONResponse(views.view(session.principal, session.expires_at))
        if await authentication.is_required():
            raise HTTPException(401, "there is no session: POST a token here", {"WWW-Authenticate": "Bearer"})
        return JSONResponse(views.view(OPEN, None))

    @router.delete("", status_code=204)
    async def delete_session(request: Request) -> Response:
        """Sign out: the browser forgets the cookie."""
        answer = Response(status_code=204)
        forget(request, answer)
        return answer

    return router


def _refuse_large(request: Request) -> None:
    """Anybody may send this body, so none is read that takes long."""
    size = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not size.isdecimal() or int(size[:20]) > LARGEST_BODY:
        raise BadRequestError(f"the body needs a Content-Length of up to {LARGEST_BODY // 1024} KiB", status=413)


class _SessionViews(InZone):
    def view(self, principal: Principal, expires_at: datetime | None) -> SessionView:
        return {
            "name": principal.name,
            "bindings": bindings_view(principal.bindings),
            "expires_at": self._time(expires_at),
        }
