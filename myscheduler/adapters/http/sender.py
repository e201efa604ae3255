"""Sends one HTTP request and returns one outcome.

A URL is called exactly as it is written: yarl would rewrite it (`%7E` becomes `~`, which breaks a signature).

A target gets what the job declares and nothing else: no cookies, `.netrc` or resending; redirects and proxies only
if the job says so. So no response changes a later call, and nothing is sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import perf_counter

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from myscheduler.adapters.http.answer_body import RESPONSE_LIMIT
from myscheduler.adapters.http.connecting import Connector, UnconnectedError
from myscheduler.adapters.http.contexts import PROTOCOLS, Contexts, TlsError
from myscheduler.adapters.http.diagnosis import diagnosis, late, no_file_left, unsent
from myscheduler.adapters.http.exchanges import exchange_of
from myscheduler.adapters.http.handler import Handler, StrayError
from myscheduler.adapters.http.hops import Hop
from myscheduler.adapters.http.message import Message, where_of
from myscheduler.adapters.http.opening import Peer
from myscheduler.adapters.http.rations import Rations
from myscheduler.adapters.http.routes import PERMIT, Resolver, make_socket
from myscheduler.adapters.http.time_limit import TimeLimit
from myscheduler.adapters.http.trail import TRAIL
from myscheduler.adapters.http.trust import tls_context
from myscheduler.adapters.http.whole_answers import Whole
from myscheduler.adapters.http.wire import Reply, sent
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.redirects import RedirectError
from myscheduler.core.calls.request import Principal, Request
from myscheduler.core.policy.guard import EVERY_PERMIT, USUAL_GUARD, Guard, Refusal
from myscheduler.messages.message import said

KEEPALIVE_SEC = 1.5
"""How long an idle connection is kept. A request on a connection that the target is just closing is lost, and is not
sent again; so we close it first: gunicorn closes after 2 s, uvicorn and Node after 5 s."""
DNS_TTL_SEC = 10
FILE_RETRY_SEC = 0.2
"""The wait between two tries to open a connection while too many files are open; idle ones are closed meanwhile."""
MAX_AGE_SEC = 30.0
"""How long a connection is used, however busy it is, so that a change of the host's address is noticed."""

REDIRECT_LIMIT = 64 * 1024
"""The most bytes of the body of a redirect that are read, so that its connection can be used again."""

# Errors that a target, the network or the resolver can cause. Anything else is a bug and is not caught.
_TARGET_ERRORS = (OSError, UnicodeError, aiohttp.ClientError, HttpProcessingError)


class Sender:
    """Sends requests over one shared client."""

    def __init__(
        self,
        connector: Connector,
        response_limit: int,
        guard: Callable[[], Guard] = lambda: USUAL_GUARD,
        certificate_seen: Callable[[str, datetime], None] = lambda _host, _expires_at: None,
    ) -> None:
        """Use `open_sender`: only its connector has the properties described above."""
        self._connector = connector
        self._response_limit = response_limit
        self._guard = guard
        self._certificate_seen = certificate_seen
        self._contexts = Contexts()

    async def send(self, request: Request, ready: Message | None = None) -> Outcome:
        """Send the request once, and follow redirects if the job says so. Whatever the target does is an outcome; only
        cancellation and bugs are raised.

        The timeout covers the whole attempt, the waits for a free connection and for the resolver included. `ready` is
        the message, if it is made already.
        """
        try:
            hop = Hop(request, ready=ready)
        except ValueError as error:
            return Outcome(failure=Failure.INVALID_REQUEST, error=str(error))
        return await self._follow(hop)

    async def fetch(self, request: Request) -> tuple[Outcome, bytes]:
        """As `send`, without redirects; and the beginning of the response's body, which may hold credentials."""
        try:
            hop = Hop(request)
        except ValueError as error:
            return Outcome(failure=Failure.INVALID_REQUEST, error=str(error)), b""
        hop.answer.is_read = True
        return await self._follow(hop), hop.answer.content

    async def _follow(self, hop: Hop) -> Outcome:
        request = hop.request
        if refusal := self._refusal(hop):
            return Outcome(failure=Failure.TARGET_NOT_ALLOWED, error=refusal.why)
        begun_at, outcome = perf_counter(), None
        limit = TimeLimit(request.timeout_sec)
        try:
            with limit:
                await self._exchange(hop)
                while hop.is_followed:
                    hop = self._next(hop)
                    await self._exchange(hop)
        except RedirectError as error:
            outcome = hop.answer.outcome(Failure.HTTP_ERROR, str(error))
        except TlsError as error:
            outcome = Outcome(failure=Failure.SECRET_UNUSABLE, error=str(error))
        except _TARGET_ERRORS as error:
            _drop_tracebacks(error)
            outcome = _failure(hop, error, is_late=limit.is_over)
        exchange = exchange_of(hop, begun_at, perf_counter())
        if outcome is None:
            return hop.told(hop.answer.verdict(hop.message.destination.where, exchange))
        return hop.told(replace(outcome, exchange=exchange))

    def _refusal(self, hop: Hop) -> Refusal | None:
        """Why the hop may not be made; if it may, this context gets the permit for its connection."""
        principal = hop.request.principal
        if principal is Principal.SERVICE:
            PERMIT.set(EVERY_PERMIT)
            return None
        guard, place = self._guard(), hop.message.destination
        of_api, is_declared = principal is Principal.API, not hop.redirects
        permit = guard.admit(place.host, place.address, place.port, of_api=of_api, is_declared=is_declared)
        if (proxy := hop.proxied_by) is not None and not isinstance(permit, Refusal):
            permit = guard.admit(proxy.host, proxy.address, proxy.port, of_api=of_api)  # it is what is connected to
        if isinstance(permit, Refusal):
            return permit
        PERMIT.set(permit)
        return None

    def _next(self, hop: Hop) -> Hop:
        """The hop that follows the redirect. Raises `RedirectError`, also if it may not be made."""
        status, following = hop.answer.status, hop.next()
        if refusal := self._refusal(following):
            where = following.message.destination.where
            raise RedirectError(said("redirect-refused", status=status, where=where, why=refusal.why))
        return following

    async def _exchange(self, hop: Hop) -> None:
        answer = hop.answer
        try:
            reply = await self._answered(hop)
        finally:
            if hop.trail.opening is not None and hop.trail.peer is not None and not hop.redirects:
                self._note(hop, hop.trail.peer)
        hop.head_at = perf_counter()
        try:
            answer.begin(reply.status, reply.body)
            most = REDIRECT_LIMIT if hop.is_followed else self._response_limit
            if isinstance(reply.body, Whole):
                answer.add(reply.body.content[:most])
                answer.complete = answer.size < most
                return
            async for chunk in reply.body.iter_any():
                answer.add(chunk[: most - answer.size])
                if answer.size >= most:
                    return
            answer.complete = answer.body is None or not answer.body.is_cut
        finally:
            reply.close()

    def _note(self, hop: Hop, peer: Peer) -> None:
        """Note the certificate of a new connection to the host that a job names."""
        place, expires_at = hop.message.destination, peer.certificate_expires_at
        if expires_at is not None and place.url.scheme == "https" and hop.request.principal is not Principal.SERVICE:
            self._certificate_seen(str(place.host or place.where), expires_at)

    async def _answered(self, hop: Hop) -> Reply:
        """The reply, once its head has arrived.

        Loops while no connection can be opened because too many files are open, and if the reused connection turns out
        to be unusable: in both cases nothing was sent.
        """
        answer, tls = hop.answer, hop.request.transport.tls
        TRAIL.set(hop.trail)
        context = None if tls is None else await self._contexts.of(tls)
        while True:
            hop.trail.opening = hop.trail.peer = None  # those of a try that sent nothing
            try:
                return await sent(self._connector, hop.message, hop.trail, context=context, proxy=hop.proxy)
            except StrayError:
                continue  # nothing was sent, and that connection is closed
            except aiohttp.ClientConnectorError as error:
                answer.lack = no_file_left(error.os_error)
                if answer.lack is None:
                    raise
            await asyncio.sleep(FILE_RETRY_SEC)
            answer.lack = None  # by the timeout, the next try may have been sent


def _failure(hop: Hop, error: Exception, *, is_late: bool) -> Outcome | None:
    """The outcome of an exchange that ended in an error; `None` if the status decides, as if it had not."""
    request, answer = hop.request, hop.answer
    if is_late and answer.lack:
        return Outcome(failure=Failure.NO_FILE, error=unsent(request.timeout_sec, answer.lack))
    if is_late and not answer.is_endless:
        return answer.outcome(Failure.TIMEOUT, late(request.timeout_sec, answer.status))
    if answer.status is not None:
        return None
    if isinstance(error, aiohttp.ClientHttpProxyError) and hop.proxy is not None:
        where = hop.message.destination.where
        refused = said("proxy-refused", proxy=where_of(hop.proxy), where=where, status=error.status)
        return Outcome(None, Failure.CONNECT, refused, is_unreached=True)
    return Outcome(
        None,
        *diagnosis(error, hop.place_of(error), request.secrets),
        is_unreached=isinstance(error, (aiohttp.ClientConnectorError, UnconnectedError)),
    )


def _drop_tracebacks(error: BaseException) -> None:
    """Break reference cycles: frames of the libraries refer to the errors whose tracebacks refer to them, so each
    failed call would leave a cycle, which is collected late.
    """
    held: BaseException | None = error
    while held is not None and held.__traceback__ is not None:
        held.__traceback__ = None
        held = held.__cause__ or held.__context__


@asynccontextmanager
async def open_sender(
    *,
    connections: int,
    connections_per_host: int,
    response_limit: int = RESPONSE_LIMIT,
    max_age_sec: float = MAX_AGE_SEC,
    guard: Callable[[], Guard] = lambda: USUAL_GUARD,
    certificate_seen: Callable[[str, datetime], None] = lambda _host, _expires_at: None,
) -> AsyncIterator[Sender]:
    """Open the HTTP client of the service, and close it at the end. 0 connections means no limit.

    Wait for the calls, or cancel them, before closing: aiohttp cancels those that still wait for a connection.

    A response body is read up to `response_limit` bytes. A longer one is judged by its status as usual; its recorded
    size is what was read, and the connection is closed. One that is older than `max_age_sec` is closed when idle.
    `guard` returns the guard in force; it is called for each request and each redirect. `certificate_seen` is told the
    host of a job, as `Host` shows it, and the end of its certificate, for each new connection.
    Raises `SettingError` if trusted certificates can't be read.
    """
    tls = await asyncio.to_thread(tls_context)
    tls.set_alpn_protocols(PROTOCOLS)
    connector = Connector(
        limit=connections,
        limit_per_host=connections_per_host,
        ttl_dns_cache=DNS_TTL_SEC,
        keepalive_timeout=KEEPALIVE_SEC,
        ssl=tls,
        resolver=Resolver(),
        socket_factory=make_socket,
    )
    loop = asyncio.get_running_loop()
    # There is no public way to set a connection's protocol either; a test checks that responses are parsed by rations.
    handler = partial(Handler, loop, Rations(loop), max_age_sec)
    connector._factory = handler  # type: ignore[assignment]  # noqa: SLF001
    async with connector:
        yield Sender(connector, response_limit, guard, certificate_seen)
