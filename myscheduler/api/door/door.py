"""The outermost ASGI layer: checks every request before anything else, and adds security headers to every answer.

A web page can make the browser that shows it send requests to services that the page's author can't reach, such as one
on loopback. Requests that come from a page of another site are recognised by headers that no page can set.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door.trickle import Trickle
from myscheduler.api.errors import problem
from myscheduler.api.methods import allow, allowed_methods
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import EVERYBODY, ClientRules
from myscheduler.core.calls.hosts import host_in_header
from myscheduler.core.findings.problem import printable, shown
from myscheduler.log import REQUEST_ID

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing here. Only their answer matters, and without CORS no page of another site can read it."""
STRICT_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ON_EVERY_ANSWER = {
    b"cache-control": b"no-store",
    b"content-security-policy": STRICT_POLICY.encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",  # no-referrer would give forms of our own page the origin null
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""The headers of every answer that does not set them itself."""
_ADDED = tuple(ON_EVERY_ANSWER.items())
_CHECKED = frozenset({
    b"host", b"origin", b"sec-fetch-site", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"
})  # fmt: skip
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_ORIGIN = re.compile(r"(https?)://([^/?#@]+)")

log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that is refused: its status, its detail, and extra headers."""

    status: int
    detail: str
    headers: dict[str, str] = field(default_factory=dict)


def refusal(method: str, headers: Headers, hosts: AllowedHosts) -> Refusal | None:
    """Why a request is refused, by its method and headers alone; `None` if it is admitted."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        if (lower := name.lower()) in _CHECKED:
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
        return Refusal(400, f"the Host header {shown(values[0])} is not a host name: send one such as localhost:8003")
    if hosts.admits(host):
        return None
    name = shown(str(host))
    return Refusal(421, f"the service does not accept requests to the host {name}: add it to MYSCHEDULER_ALLOWED_HOSTS")


def _foreign_origin(given: dict[str, list[str]]) -> Refusal | None:
    """Refuses requests from pages of other sites, as CrossOriginProtection of Go's net/http does.

    Browsers name the site of the page in `Sec-Fetch-Site`, `Origin`, or both; a client that sends neither is not a
    browser. `Sec-Fetch-Site` is sent to secure origins and loopback only.
    """
    if sites := [site for site in given.get("sec-fetch-site", []) if site]:
        is_foreign = any(site not in {"same-origin", "none"} for site in sites)
        evidence = f"Sec-Fetch-Site: {shown(sites[0])}"
    else:
        origins = given.get("origin", [])
        is_foreign = any(not _is_same(origin, given["host"][0]) for origin in origins)
        evidence = f"Origin: {shown(origins[0])}" if origins else ""
    if not is_foreign:
        return None
    return Refusal(403, f"a page of another site may not change anything here ({evidence}, Host: {given['host'][0]})")


def _is_same(origin: str, host: str) -> bool:
    """Whether the origin has that host and port. The scheme may differ, because a proxy may have terminated TLS."""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:  # "null", or the origin of a browser extension
        return False
    asking = host_in_header(parts[1], parts[2])
    return asking is not None and asking == host_in_header(parts[1], host)


def _foreign_content(given: dict[str, list[str]]) -> Refusal | None:
    """Refuses bodies that are not plain JSON: a form of another site's page can send text/plain, but never JSON."""
    lengths = given.get("content-length", ["0"])
    if "transfer-encoding" not in given and all(not length.strip("0") for length in lengths):
        return None  # no body, such as for a trigger
    types = given.get("content-type", [])
    if len(types) != 1 or not _is_json(types[0]):
        sent = f"not {shown(types[0])}" if types else "and the request has no Content-Type"
        detail = f"a body has to be JSON, {sent}: send the header 'Content-Type: application/json'"
        return Refusal(415, detail, {"Accept": "application/json"})
    if any(coding.lower() != "identity" for coding in given.get("content-encoding", [])):
        return Refusal(
            415, "a body must not be compressed: leave Content-Encoding out", {"Accept-Encoding": "identity"}
        )
    return None


def _is_json(content_type: str) -> bool:
    """Whether it is JSON in UTF-8, as RFC 8259 requires; a `charset` is allowed, because many clients send one."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (part.partition("=") for part in parameters)
    encodings = {value.strip('"') for name, _, value in pairs if name == "charset"}
    return kind == "application/json" and encodings <= {"utf-8", "utf8", "us-ascii"}


class Door:
    """Wraps the whole application, so that requests for which there is no route are checked, too."""

    def __init__(self, app: ASGIApp, router: Router, hosts: AllowedHosts, clients: ClientRules = EVERYBODY) -> None:
        self._app = app
        self._router = router
        self._hosts = hosts
        self._clients = clients
        self._warnings = Trickle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # there are none here
        elif scope["type"] == "http":
            self._find_client(scope)
            request_id = _request_id(scope)
            token = REQUEST_ID.set(request_id)
            try:
                await self._admit(scope, receive, _with_headers(send, request_id, is_head=scope["method"] == "HEAD"))
            finally:
                REQUEST_ID.reset(token)
        else:
            await self._app(scope, receive, send)

    def _find_client(self, scope: Scope) -> None:
        """Put into the scope who calls: its address, and whether a trusted proxy speaks for it."""
        peer = scope["client"][0] if scope.get("client") else ""
        is_trusted = self._clients.trusts(peer)
        scope["client_address"], scope["is_from_proxy"] = peer, is_trusted
        if is_trusted:
            forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            scope["client_address"] = self._clients.client_of(peer, forwarded)
            protocols = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
            scope["forwarded_proto"] = protocols[-1].decode("latin-1").strip().lower() if protocols else scope["scheme"]

    def _stranger(self, scope: Scope) -> Refusal | None:
        """Health checks come from addresses of the cluster's nodes, so they are always answered."""
        if self._clients.admits(scope["client_address"]) or str(scope["path"]).startswith("/health"):
            return None
        return Refusal(403, "your address may not call this service: see MYSCHEDULER_ALLOWED_CLIENTS")

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        refused = self._stranger(scope) or refusal(method, scope["headers"], self._hosts)
        if refused is not None:
            self._log(scope, refused)
            answer: ASGIApp = problem(refused.status, refused.detail, headers=refused.headers)
        elif method == "OPTIONS" and (methods := allowed_methods(self._router, scope)):
            answer = Response(status_code=204, headers=allow(methods))
        elif method == "HEAD" and "HEAD" in allowed_methods(self._router, scope):
            scope, answer = {**scope, "method": "GET"}, self._app
        else:
            answer = self._app
        await answer(scope, receive, send)

    def _log(self, scope: Scope, refused: Refusal) -> None:
        peer = scope["client_address"] or "an unknown address"
        text = "refused %s %s from %s with %d: %s%s"
        path = printable(scope["path"][:200])
        self._warnings.warn(log, text, scope["method"], path, peer, refused.status, printable(refused.detail))


def _request_id(scope: Scope) -> str:
    """The id of the request: a trusted proxy's, so that its log and ours can be joined, or a new one."""
    if scope["is_from_proxy"]:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return str(value.decode())
    return uuid4().hex


def _with_headers(send: Send, request_id: str, *, is_head: bool) -> Send:
    """A `send` that adds `ON_EVERY_ANSWER` and the request's id, and drops the body of an answer to HEAD."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            added = [one for one in _ADDED if one[0] not in own]
            message = {**message, "headers": [*message["headers"], *added, (b"x-request-id", request_id.encode())]}
        elif is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sent
