"""Where a redirect leads, and what of the request goes along (RFC 9110, 15.4)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from myscheduler.core.calls.hosts import Host, called_host
from myscheduler.core.calls.request import Request
from myscheduler.core.findings.masking import is_credential_name, masked_text
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.transport import elsewhere
from myscheduler.core.secrets.redaction import Secret, redact
from myscheduler.messages.message import said

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OF_CONTENT = "content-"


class RedirectError(Exception):
    """A redirect that is not followed; the message says why, and names no more of it than `host:port`."""


def redirected(request: Request, status: int, locations: Sequence[bytes]) -> Request:
    """The request that follows a redirect with that status and these `Location` headers. Raises `RedirectError`.

    At another origin (scheme, host and port), credentials are left out.
    """
    url, host = _target(request.url, status, locations)
    old, scheme = request.url.partition(":")[0].lower(), url.partition(":")[0]
    if old == "https" and scheme == "http":
        raise RedirectError(said("redirect-downgrade", status=status, where=host.with_port))
    request = _by_method(request, status)
    if (old, _place(request.url)) == (scheme, host.with_port):
        login, at, _ = urlsplit(request.url).netloc.rpartition("@")
        return replace(request, url=url.replace("//", f"//{login}{at}", 1))
    if request.body is not None and _holds(request.body.decode("utf-8", "replace"), request.secrets):
        raise RedirectError(said("redirect-secret-body", status=status, where=host.with_port))
    headers = _harmless(request.headers, request.secrets)
    return replace(request, url=url, headers=headers, transport=elsewhere(request.transport))


def _target(base: str, status: int, locations: Sequence[bytes]) -> tuple[str, Host]:
    """The URL, without user, password and fragment, and its host."""
    if not any(locations):
        raise RedirectError(said("redirect-without-location", status=status))
    try:
        (location,) = {one.decode() for one in locations}
        parts = urlsplit(urljoin(base, location))
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    except ValueError:  # of UTF-8 and of several different ones, too
        raise RedirectError(said("redirect-unreadable", status=status)) from None
    if parts.scheme not in {"http", "https"} and _SCHEME.match(location):
        raise RedirectError(said("redirect-scheme", status=status))
    if (host := called_host(url)) is None:
        raise RedirectError(said("redirect-unreadable", status=status))
    return url, host


def _place(url: str) -> str:
    host = called_host(url)
    return host.with_port if host else ""


def _by_method(request: Request, status: int) -> Request:
    """The request with the method that the status asks for, and without a body if that has become GET."""
    is_changed = request.method != "HEAD" if status == 303 else status in {301, 302} and request.method == "POST"
    if not is_changed:
        return request
    headers = {name: one for name, one in request.headers.items() if not name.lower().startswith(_OF_CONTENT)}
    return replace(request, method="GET", body=None, headers=headers)


def _harmless(headers: Mapping[str, HeaderValue], secrets: tuple[Secret, ...]) -> dict[str, HeaderValue]:
    """The headers that another origin may see: no credentials, and not `Host`, which is of the first."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() != "host"
        and not is_credential_name(name)
        and not any(_is_credential(one, secrets) for one in ((value,) if isinstance(value, str) else value))
    }


def _is_credential(text: str, secrets: tuple[Secret, ...]) -> bool:
    return _holds(text, secrets) or masked_text(text) != text


def _holds(text: str, secrets: tuple[Secret, ...]) -> bool:
    return bool(secrets) and redact(text, secrets) != text
