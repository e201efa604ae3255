"""The outermost ASGI layer: checks every request before anything else, and adds security headers to every answer.

A web page can make the browser that shows it send requests to services that the page's author can't reach, such as one
on loopback. Requests that come from a page of another site are recognised by headers that no page can set.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import uuid4

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door.rate_limit import RateLimit
from myscheduler.api.door.requests import RequestLog
from myscheduler.api.door.trickle import Trickle
from myscheduler.api.errors import BUG, MEDIA_TYPE, problem
from myscheduler.api.methods import allow, allowed_methods
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import EVERYBODY, ClientRules
from myscheduler.core.calls.hosts import host_in_header
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import printable, shown
from myscheduler.log import REQUEST_ID
from myscheduler.messages.message import said

PINGS = "/ping/"
"""Below this path, a body may be anything, such as a log: the path has a secret that no page of another site knows."""
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
_PROBLEM = MEDIA_TYPE.encode()
_OF_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding", b"etag", b"last-modified"})
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


def refusal(method: str, headers: Headers, hosts: AllowedHosts, *, takes_any_content: bool = False) -> Refusal | None:
    """Why a request is refused, by its method and headers alone; `None` if it is admitted.

    `takes_any_content` says that its body need not be JSON.
    """
    given: dict[str, list[str]] = {}
    for name, value in headers:
        if (lower := name.lower()) in _CHECKED:
            given.setdefault(lower.decode(), []).append(value.decode("latin-1").strip())
    refused = _foreign_host(given, hosts)
    if refused is None and method not in SAFE_METHODS:
        refused = _foreign_origin(given) or (None if takes_any_content else _foreign_content(given))
    return refused


def _foreign_host(given: dict[str, list[str]], hosts: AllowedHosts) -> Refusal | None:
    """RFC 9112, section 3.2: exactly one `Host`; RFC 9110, section 15.5.20: 421 for one that is not served here."""
    values = given.get("host", [])
    if len(values) != 1:
        return Refusal(400, said("host-headers-count", count=len(values)))
    host = host_in_header("http", values[0])
    if host is None:
        return Refusal(400, said("host-header-invalid", value=shown(values[0])))
    if hosts.admits(host):
        return None
    name = shown(str(host))
    return Refusal(421, said("host-not-served", host=name))


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
    return Refusal(403, said("foreign-page", evidence=evidence, host=given["host"][0]))


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
        sent = f"not {shown(types[0])}" if types else said("content-type-missing")
        detail = said("content-type-not-json", sent=sent)
        return Refusal(415, detail, {"Accept": "application/json"})
    if any(coding.lower() != "identity" for coding in given.get("content-encoding", [])):
        return Refusal(415, said("body-compressed"), {"Accept-Encoding": "identity"})
    return None


def _is_json(content_type: str) -> bool:
    """Whether it is JSON in UTF-8, as RFC 8259 requires; a `charset` is allowed, because many clients send one."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (part.partition("=") for part in parameters)
    encodings = {value.strip('"') for name, _, value in pairs if name == "charset"}
    return kind == "application/json" and encodings <= {"utf-8", "utf8", "us-ascii"}


class Door:
    """Wraps the whole application, so that requests for which there is no route are checked, too."""

    def __init__(
        self,
        app: ASGIApp,
        router: Router,
        hosts: AllowedHosts,
        clients: ClientRules = EVERYBODY,
        *,
        limited: Sequence[str] = ("/",),
        requests_a_minute: int = 0,
        is_access_logged: bool = False,
    ) -> None:
        """`requests_a_minute` of a client are answered below the paths `limited`; 0 for no limit."""
        self._app = app
        counted = RateLimit(self._answer, requests_a_minute, limited)
        self._logged = RequestLog(counted, is_access_log=is_access_logged)
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
                await self._logged(scope, receive, _Sending(send, request_id, is_head=scope["method"] == "HEAD"))
            finally:
                REQUEST_ID.reset(token)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers whatever happens: an error out here would get an answer of the server, without any of our headers."""
        watched = _Watched(send)
        try:
            await self._admit(scope, receive, watched)
        except asyncio.CancelledError:
            if not watched.has_begun:
                headers = {"Retry-After": "5", "Connection": "close"}
                await problem(503, said("service-stopping"), headers=headers)(scope, receive, watched)
            raise
        except Exception:
            if not watched.has_begun:  # else the application has answered, and logged it
                log.exception("a bug ended %s %s", scope["method"], printable(masked_text(scope["path"][:200])))
                await problem(500, BUG)(scope, receive, watched)
            elif not watched.is_over:
                raise

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
        if self._clients.admits(scope["client_address"]) or f"{scope['path']}/".startswith("/health/"):
            return None
        return Refusal(403, said("address-not-allowed"))

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        is_ping = scope["path"].startswith(PINGS)
        refused = self._stranger(scope) or refusal(method, scope["headers"], self._hosts, takes_any_content=is_ping)
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
        path = printable(masked_text(scope["path"][:200]))  # it may name a token that is to be revoked
        self._warnings.warn(log, text, scope["method"], path, peer, refused.status, printable(refused.detail))


def _request_id(scope: Scope) -> str:
    """The id of the request: a trusted proxy's, so that its log and ours can be joined, or a new one."""
    if scope["is_from_proxy"]:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return str(value.decode())
    return uuid4().hex


class _Watched:
    """A `send` that knows how far the answer is."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.is_over = False

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        self.is_over = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class _Sending:
    """A `send` that adds `ON_EVERY_ANSWER` and the request's id, and drops the body of an answer to HEAD.

    An error that is not told as problem details, such as that of a library for a wrong `Range`, is replaced by them;
    only a page may say it in its own way.
    """

    def __init__(self, send: Send, request_id: str, *, is_head: bool) -> None:
        self._send = send
        self._request_id = (b"x-request-id", request_id.encode())
        self._is_head = is_head
        self._replaced: bytes | None = None
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._as_problem(message)
            own = {name.lower() for name, _ in message["headers"]}
            added = [one for one in _ADDED if one[0] not in own]
            message = {**message, "headers": [*message["headers"], *added, self._request_id]}
        elif message["type"] == "http.response.body":
            if self._is_over:  # the rest of what was replaced
                return
            if self._replaced is not None:
                message = {**message, "body": self._replaced, "more_body": False}
            self._is_over = not message.get("more_body", False)
            if self._is_head:
                message = {**message, "body": b""}
        await self._send(message)

    def _as_problem(self, message: Message) -> Message:
        status, headers = message["status"], message["headers"]
        types = [value for name, value in headers if name.lower() == b"content-type"]
        if status < 400 or any(value == _PROBLEM or value.startswith(b"text/html") for value in types):
            return message
        answer = problem(status, said("not-answered", phrase=HTTPStatus(status).phrase))
        self._replaced = bytes(answer.body)
        kept = [one for one in headers if one[0].lower() not in _OF_CONTENT]
        return {**message, "headers": [*kept, *answer.raw_headers]}
