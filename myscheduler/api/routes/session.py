"""`/api/v1/session`: a browser's session, which begins with a token."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.door.authentication import Authentication
from myscheduler.api.door.cookies import delete_session as forget
from myscheduler.api.door.cookies import set_session
from myscheduler.api.input.bodies import read_fields
from myscheduler.api.shapes.access import BindingView, bindings_view
from myscheduler.api.shapes.common import InZone
from myscheduler.core.access.sessions import LONGEST, Session


class SessionView(TypedDict):
    name: str
    bindings: list[BindingView]
    expires_at: str


def session_router(authentication: Authentication, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone. The routes check the caller themselves."""
    router, views = APIRouter(prefix="/session", tags=["access"]), _SessionViews(zone)

    @router.post("", responses={200: {"model": SessionView}})
    async def create_session(request: Request) -> JSONResponse:
        """Sign in with `{"token": "…"}`. The answer sets a cookie, which stands for the token until it expires."""
        body = await read_fields(request, token=str)
        principal = await authentication.bearer(str(body.get("token") or "").strip())
        if principal is None:
            await authentication.refuse(request, "a wrong token for a session")
        value, session = authentication.begin_session(principal)
        if len(value) > LONGEST:
            await authentication.refuse(request, "a token with too many roles for a cookie")
        answer = JSONResponse(views.view(session))
        set_session(request, answer, value)
        return answer

    @router.get("", responses={200: {"model": SessionView}})
    async def get_session(request: Request) -> JSONResponse:
        """The session of the cookie; 401 without one."""
        session = await authentication.session_of(request)
        if session is None:
            await authentication.refuse(request, "no session")
        return JSONResponse(views.view(session))

    @router.delete("", status_code=204)
    async def delete_session(request: Request) -> Response:
        """Sign out: the browser forgets the cookie."""
        answer = Response(status_code=204)
        forget(request, answer)
        return answer

    return router


class _SessionViews(InZone):
    def view(self, session: Session) -> SessionView:
        principal = session.principal
        return {
            "name": principal.name,
            "bindings": bindings_view(principal.bindings),
            "expires_at": self._moment(session.expires_at),
        }
