"""The cookie of a browser session.

It is never readable for scripts, and never sent along with requests from other sites. Over TLS, and on loopback, where
browsers treat plain HTTP as secure, it can't be set by other hosts or overwritten without TLS (`__Host-`, RFC 6265bis).

Behind a path prefix, other services share the origin. The cookie then has the prefix as its path, so that it is not
sent to them, and instances of ours don't overwrite each other's. `__Host-` allows the path `/` only; `__Secure-` still
requires TLS, and the value is signed.
"""

from fastapi import Request
from starlette.responses import Response

from myscheduler.api.prefix import root_of
from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.calls.hosts import host_in_header

NAME = "myscheduler_session"
SECURE_NAME = f"__Host-{NAME}"
PREFIXED_NAME = f"__Secure-{NAME}"


def session_value(request: Request) -> str | None:
    """The value of the session's cookie; on a secure connection only that of the protected one.

    Browsers guard the exact name only. So a name with white space that Python removes (U+00A0, U+0085) is another one,
    and several cookies of the name are none: another host has set one of them, and it can't be known which.
    """
    name = _name(request)
    pairs = (pair.strip(" \t").partition("=") for line in request.headers.getlist("cookie") for pair in line.split(";"))
    values = [value for found, _, value in pairs if found == name]
    return values[0] if len(values) == 1 else None


def set_session(request: Request, response: Response, value: str, *, seconds: int) -> None:
    """Make the browser keep the session for so many seconds."""
    response.set_cookie(
        _name(request),
        value,
        max_age=seconds,
        path=_path(request),
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def delete_session(request: Request, response: Response) -> None:
    """Make the browser forget the session."""
    response.delete_cookie(
        _name(request), path=_path(request), secure=is_secure(request), httponly=True, samesite="strict"
    )


def _name(request: Request) -> str:
    if not is_secure(request):
        return NAME
    return PREFIXED_NAME if root_of(request) else SECURE_NAME


def _path(request: Request) -> str:
    return root_of(request) or "/"


def is_secure(request: Request) -> bool:
    """Whether the browser reached the service over TLS, as a trusted proxy says, or on loopback."""
    if request.scope.get("forwarded_proto", request.url.scheme) == "https":
        return True
    host = host_in_header("http", request.headers.get("host", ""))
    address = address_of(host.name) if host else None
    return host is not None and (
        host.name == "localhost" or host.name.endswith(".localhost") or bool(address and address.is_loopback)
    )
