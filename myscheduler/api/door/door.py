"""The door that every request passes, before anything else looks at it, and every answer on its way out.

A browser lends its hands to each page that it shows: it reaches what the page's author can't, such as a service on
loopback. What comes from a page of another site is told by its headers, which no page can set.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door.trickle import Trickle
from myscheduler.api.errors import problem
from myscheduler.api.methods import allow, allowed_methods
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.calls.hosts import host_in_header
from myscheduler.core.findings.problem import printable, shown

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing here, so the answer alone counts; and without CORS no page of another site reads it."""
STRICT_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ON_EVERY_ANSWER = {
    b"cache-control": b"no-store",
    b"content-security-policy": STRICT_POLICY.encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",  # with no-referrer, a form of our own page would be of the origin null
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""Unless the answer itself says otherwise."""
_DRESS = tuple(ON_EVERY_ANSWER.items())
_JUDGED = frozenset({
    b"host", b"origin", b"sec-fetch-site", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"
})  # fmt: skip
_ORIGIN = re.compile(r"(https?)://([^/?#@]+)")

log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request does not come in."""

    status: int
    detail: str
    headers: dict[str, str] = field(default_factory=dict)


def refusal(method: str, headers: Headers, hosts: AllowedHosts) -> Refusal | None:
    """What speaks against letting a request in, judged by its method and its headers alone."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        if (lower := name.lower()) in _JUDGED:
            given.setdefault(lower.decode(), []).append(value.decode("latin-1").strip())
    refused = _foreign_host(given, hosts)
    if refused is None and method not in SAFE_METHODS:
        refused = _foreign_origin(given) or _foreign_content(given)
    return refused


def _foreign_host(given: dict[str, list[str]], hosts: AllowedHosts) -> Refusal | None:
    """RFC 9112, section 3.2: exactly one `Host`; RFC 9110, section 15.5.20: 421 for one that is not served here."""
    values = given.get("host", [])
    if len(values) != 1:
        return Refusal(400, f"the request has {len(values)} Host headers: send one")
    host = host_in_header("http", values[0])
    if host is None:
        return Refusal(400, f"the Host header {shown(values[0])} names no host: send such as localhost:8003")
    if hosts.admits(host):
        return None
    name = shown(str(host))
    return Refusal(421, f"the service is not to be called as {name}: add the name to MYSCHEDULER_ALLOWED_HOSTS")


def _foreign_origin(given: dict[str, list[str]]) -> Refusal | None:
    """As CrossOriginProtection of Go's net/http: the browser tells who asks, in one of two headers or in both.

    Whoever sends neither is no browser. `Sec-Fetch-Site` is sent to secure origins and loopback only.
    """
    if sites := [site for site in given.get("sec-fetch-site", []) if site]:
        is_foreign = any(site not in {"same-origin", "none"} for site in sites)
        told = f"Sec-Fetch-Site: {shown(sites[0])}"
    else:
        origins = given.get("origin", [])
        is_foreign = any(not _is_same(origin, given["host"][0]) for origin in origins)
        told = f"Origin: {shown(origins[0])}" if origins else ""
    if not is_foreign:
        return None
    return Refusal(403, f"a page of another site may not change anything here ({told}, Host: {given['host'][0]})")


def _is_same(origin: str, host: str) -> bool:
    """Whether the origin is that host and port. A proxy may have taken TLS off, so the scheme is the origin's own."""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:  # null, or of an extension
        return False
    asking = host_in_header(parts[1], parts[2])
    return asking is not None and asking == host_in_header(parts[1], host)


def _foreign_content(given: dict[str, list[str]]) -> Refusal | None:
    """A form of any page can send text/plain and what else it knows, but never JSON."""
    lengths = given.get("content-length", ["0"])
    if "transfer-encoding" not in given and all(not length.strip("0") for length in lengths):
        return None  # no body, such as for a trigger
    types = given.get("content-type", [])
    if len(types) != 1 or not _is_json(types[0]):
        sent = f"not {shown(types[0])}" if types else "and the request names no type"
        detail = f"a body has to be JSON, {sent}: send the header 'Content-Type: application/json'"
        return Refusal(415, detail, {"Accept": "application/json"})
    if any(coding.lower() != "identity" for coding in given.get("content-encoding", [])):
        return Refusal(
            415, "a body is not to be compressed: leave Content-Encoding out", {"Accept-Encoding": "identity"}
        )
    return None


def _is_json(content_type: str) -> bool:
    """RFC 8259: JSON is UTF-8; the parameter is allowed all the same, as many clients send it."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (part.partition("=") for part in parameters)
    encodings = {value.strip('"') for name, _, value in pairs if name == "charset"}
    return kind == "application/json" and encodings <= {"utf-8", "utf8", "us-ascii"}


class Door:
    """Stands around the whole application: what the application does not answer itself passes here, too."""

    def __init__(self, app: ASGIApp, router: Router, hosts: AllowedHosts) -> None:
        self._app = app
        self._router = router
        self._hosts = hosts
        self._told = Trickle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # there are none here
        elif scope["type"] == "http":
            await self._admit(scope, receive, _dressed(send, is_head=scope["method"] == "HEAD"))
        else:
            await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        refused = refusal(method, scope["headers"], self._hosts)
        if refused is not None:
            self._tell(scope, refused)
            answer: ASGIApp = problem(refused.status, refused.detail, headers=refused.headers)
        elif method == "OPTIONS" and (methods := allowed_methods(self._router, scope)):
            answer = Response(status_code=204, headers=allow(methods))
        elif method == "HEAD" and "HEAD" in allowed_methods(self._router, scope):
            scope, answer = {**scope, "method": "GET"}, self._app
        else:
            answer = self._app
        await answer(scope, receive, send)

    def _tell(self, scope: Scope, refused: Refusal) -> None:
        peer = scope["client"][0] if scope.get("client") else "an unknown address"
        text = "refused %s %s from %s with %d: %s%s"
        path = printable(scope["path"][:200])
        self._told.warn(log, text, scope["method"], path, peer, refused.status, printable(refused.detail))


def _dressed(send: Send, *, is_head: bool) -> Send:
    """Adds the headers of every answer; that to a HEAD has no body."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            message = {**message, "headers": [*message["headers"], *[one for one in _DRESS if one[0] not in own]]}
        elif is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sent
