"""The cookie of a browser session.

It is never readable for scripts, and never sent along with requests from other sites. Over TLS, and on loopback, where
browsers treat plain HTTP as secure, it can't be set by other hosts or overwritten without TLS (`__Host-`, RFC 6265bis).
"""

from fastapi import Request
from starlette.responses import Response

from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.access.sessions import LIFETIME
from myscheduler.core.calls.hosts import host_in_header

NAME = "myscheduler_session"
SECURE_NAME = f"__Host-{NAME}"


def session_value(request: Request) -> str | None:
    """The value of the session's cookie; on a secure connection only that of the protected one."""
    return request.cookies.get(SECURE_NAME if is_secure(request) else NAME)


def set_session(request: Request, response: Response, value: str) -> None:
    """Make the browser keep the session."""
    secure = is_secure(request)
    response.set_cookie(
        SECURE_NAME if secure else NAME,
        value,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def delete_session(request: Request, response: Response) -> None:
    """Make the browser forget the session."""
    secure = is_secure(request)
    response.delete_cookie(SECURE_NAME if secure else NAME, path="/", secure=secure, httponly=True, samesite="strict")


def is_secure(request: Request) -> bool:
    """Whether the browser reached the service over TLS, as a trusted proxy says, or on loopback."""
    if request.scope.get("forwarded_proto", request.url.scheme) == "https":
        return True
    host = host_in_header("http", request.headers.get("host", ""))
    address = address_of(host.name) if host else None
    return host is not None and (
        host.name == "localhost" or host.name.endswith(".localhost") or bool(address and address.is_loopback)
    )
