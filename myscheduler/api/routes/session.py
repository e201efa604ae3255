"""`/api/v1/session`: a browser's session, which begins with a token."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.door.authentication import Authentication, Refused
from myscheduler.api.door.cookies import delete_session as forget
from myscheduler.api.door.cookies import set_session
from myscheduler.api.errors import BadRequestError, InvalidInputError
from myscheduler.api.input.bodies import read_fields
from myscheduler.api.shapes.access import BindingView, bindings_view
from myscheduler.api.shapes.common import InZone
from myscheduler.api.shapes.documented import NEW_SESSION, answers_with, body_of
from myscheduler.core.access.operations import OPERATIONS
from myscheduler.core.access.principal import OPEN, Origin, Principal
from myscheduler.core.access.sessions import LONGEST, Session
from myscheduler.core.findings.problem import Complaint
from myscheduler.messages.message import said

LARGEST_BODY = 20 * 1024
"""Bytes: more than a JSON web token may have."""


class SessionView(TypedDict):
    credentials: bool
    """Whether callers need any."""
    kind: str | None
    """What the caller proved itself by: `open` (nothing is needed), `static`, `token`, `jwt` or `session`."""
    name: str | None
    role: str | None
    """The strongest; null for a caller who is not known."""
    scope: dict[str, Any] | None
    """For which jobs the caller has that role; null for all of them."""
    bindings: list[BindingView]
    """All roles, each with its scope."""
    expires_at: str | None
    operations: dict[str, str]
    """The role that each operation needs."""


_KINDS = {Origin.OPEN: "open", Origin.STATIC_TOKEN: "static", Origin.TOKEN: "token", Origin.JWT: "jwt"}
_ROLES = {name: operation.role.value for name, operation in OPERATIONS.items()}


def session_router(authentication: Authentication, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone. The routes check the caller themselves."""
    router, views = APIRouter(prefix="/session", tags=["access"]), _SessionViews(zone)

    @router.post(
        "",
        operation_id="create_session",
        responses=answers_with(SessionView),
        openapi_extra=body_of(NEW_SESSION, ["token"]),
    )
    async def create_session(request: Request) -> JSONResponse:
        """Sign in with `{"token": "…"}`. The answer sets a cookie, which stands for the token until it expires."""
        _refuse_large(request)
        body = await read_fields(request, token=str)
        principal = await authentication.bearer(str(body.get("token") or "").strip())
        if principal is None:
            await authentication.refuse(request, Refused.SIGN_IN)
        begun = await authentication.begin_session(principal)
        if begun is None:
            await authentication.refuse(request, Refused.SIGN_IN_LATE)
        value, session = begun
        if len(value) > LONGEST:
            message = said("session-too-large")
            raise InvalidInputError([Complaint(("token",), "too-large", message)])
        await authentication.note_session(session)
        answer = JSONResponse(views.of_session(session))
        set_session(request, answer, value, seconds=round((session.expires_at - session.begun_at).total_seconds()))
        return answer

    @router.get("", operation_id="get_session", responses=answers_with(SessionView))
    async def get_session(request: Request) -> JSONResponse:
        """Who asks, by session or token, and which role each operation needs. `role` is null for nobody known.

        If the API asks for no credentials, everybody is `admin`, without an end.
        """
        if not await authentication.is_required():
            return JSONResponse(views.of_caller(OPEN))
        if "authorization" in request.headers:
            return JSONResponse(views.of_caller(await authentication.principal_of(request)))
        session = await authentication.session_of(request)
        return JSONResponse(views.of_session(session) if session else views.of_nobody())

    @router.delete("", operation_id="delete_session", status_code=204)
    async def delete_session(request: Request) -> Response:
        """Sign out: the session ends, and the browser forgets the cookie."""
        await authentication.end_session(request)
        answer = Response(status_code=204)
        forget(request, answer)
        return answer

    return router


def _refuse_large(request: Request) -> None:
    """Anybody may send this body, so none is read that takes long."""
    size = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not size.isdecimal() or int(size[:20]) > LARGEST_BODY:
        raise BadRequestError(said("session-body-too-large", kib=LARGEST_BODY // 1024), status=413)


class _SessionViews(InZone):
    def of_session(self, session: Session) -> SessionView:
        return self._view(session.principal, "session", session.expires_at)

    def of_caller(self, principal: Principal) -> SessionView:
        return self._view(principal, _KINDS[principal.origin], None)

    def of_nobody(self) -> SessionView:
        return {
            "credentials": True,
            "kind": None,
            "name": None,
            "role": None,
            "scope": None,
            "bindings": [],
            "expires_at": None,
            "operations": _ROLES,
        }

    def _view(self, principal: Principal, kind: str, expires_at: datetime | None) -> SessionView:
        strongest = principal.strongest
        return {
            "credentials": principal.origin is not Origin.OPEN,
            "kind": kind,
            "name": principal.name,
            "role": strongest.role if strongest else None,
            "scope": None if strongest is None or strongest.scope.is_everything else strongest.scope.as_json(),
            "bindings": bindings_view(principal.bindings),
            "expires_at": self._time(expires_at),
            "operations": _ROLES,
        }
