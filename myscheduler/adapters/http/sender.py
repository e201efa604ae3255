"""One HTTP request in, one outcome out.

A URL is called as it is written: yarl alone would rewrite it (`%7E` becomes `~`, which breaks a signature).

What a target gets is what the job says. No cookie, redirect, proxy, `.netrc` or repetition is added: no answer changes
a later call, and nothing is sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from myscheduler.adapters.http.answer_body import RESPONSE_LIMIT, Answer
from myscheduler.adapters.http.diagnosis import diagnosis, late, no_file_left, unsent
from myscheduler.adapters.http.message import Message, body_of, message_of
from myscheduler.adapters.http.rations import Call, Handler, Rations, StrayError
from myscheduler.adapters.http.routes import Resolver, SocketMaker
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.calls.link_local import NOWHERE, Reach, advice
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request

KEEPALIVE_SEC = 1.5
"""How long an idle connection is kept. A request on a connection that the target is just closing is lost, and is not
sent again; so give up first: gunicorn closes after 2 s, uvicorn and Node after 5 s."""
DNS_TTL_SEC = 10
FILE_RETRY_SEC = 0.2
"""Between two looks for a free file; connections that are kept idle give theirs back meanwhile."""
MAX_AGE_SEC = 30.0
"""How long a connection is used, however busy it is, so that a host that moves is followed."""

_DEFAULTS_OFF = ("Accept-Encoding", "Content-Type", "User-Agent")

# What a target, the network or the resolver can cause. Anything else is a bug and is not caught.
_TARGET_ERRORS = (OSError, UnicodeError, aiohttp.ClientError, HttpProcessingError)


class Sender:
    """Sends requests over one shared client."""

    def __init__(
        self, session: aiohttp.ClientSession, response_limit: int, reach: Callable[[], Reach] = lambda: NOWHERE
    ) -> None:
        """`open_sender` makes the session that keeps the promises; another one is for tests."""
        self._session = session
        self._response_limit = response_limit
        self._reach = reach

    async def send(self, request: Request) -> Outcome:
        """Send once. Whatever the target does is an outcome; only cancellation and bugs are raised.

        The time limit covers the whole attempt; the waits for a free connection and for the resolver count too.
        """
        try:
            message = message_of(request)
        except ValueError as error:
            return Outcome(failure=Failure.INVALID_REQUEST, error=str(error))
        if (address := message.destination.link_local) is not None and not self._reach().allows(address):
            return Outcome(failure=Failure.TARGET_NOT_ALLOWED, error=advice(address))
        answer = Answer(request.secrets)
        try:
            async with asyncio.timeout(request.timeout_sec) as limit:
                await self._exchange(message, answer)
        except _TARGET_ERRORS as error:
            _drop_tracebacks(error)
            if limit.expired() and answer.lack:
                return Outcome(failure=Failure.NO_FILE, error=unsent(request.timeout_sec, answer.lack))
            if limit.expired() and not answer.is_endless:
                return answer.outcome(Failure.TIMEOUT, late(request.timeout_sec, answer.status))
            if answer.status is None:
                return Outcome(None, *diagnosis(error, message.destination.where, request.secrets))
        return answer.verdict(message.destination.where)

    async def _exchange(self, message: "Message", answer: "Answer") -> None:
        response = await self._answered(message, answer)
        try:
            answer.begin(response.status, response.content)
            async for chunk in response.content.iter_any():
                answer.add(chunk[: self._response_limit - answer.size])
                if answer.size >= self._response_limit:
                    return
            answer.complete = answer.body is None or not answer.body.is_cut
        finally:
            response.close()  # does nothing when it was read to its end: the connection is back in the pool by then

    async def _answered(self, message: "Message", answer: "Answer") -> aiohttp.ClientResponse:
        """The head of an answer. Without a free file nothing has left, so it is tried again until there is one."""
        while True:
            try:
                return await self._session.request(
                    message.method,
                    message.destination.url,
                    headers=message.headers,
                    data=body_of(message.body),
                    allow_redirects=False,
                )
            except StrayError:
                continue  # nothing has left, and that connection is gone
            except aiohttp.ClientConnectorError as error:
                answer.lack = no_file_left(error.os_error)
                if answer.lack is None:
                    raise
            await asyncio.sleep(FILE_RETRY_SEC)
            answer.lack = None  # whether the next try has left by the end of the time is not known


def _drop_tracebacks(error: BaseException) -> None:
    """Frames of the libraries below hold the errors that hold them: a cycle for each call that fails, which lives until
    all old objects are looked through.
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
    reach: Callable[[], Reach] = lambda: NOWHERE,
) -> AsyncIterator[Sender]:
    """Open the client of the service and close it at the end; 0 connections means no limit.

    Let the calls end, or cancel them, before closing: aiohttp cancels those that still wait for a connection.

    A response is read up to `response_limit` bytes: the outcome then counts by its status, its size is what was read,
    and the connection is closed. So is one that is older than `max_age_sec`, as soon as it is free. `reach` says which
    link-local addresses may be called; it is asked for each connection, and before one that was kept is used again.
    Raises `SettingError` where the certificates that are to be believed can't be read.
    """
    tls = await asyncio.to_thread(tls_context)
    tls.set_alpn_protocols(["http/1.1"])
    connector = aiohttp.TCPConnector(
        limit=connections,
        limit_per_host=connections_per_host,
        ttl_dns_cache=DNS_TTL_SEC,
        keepalive_timeout=KEEPALIVE_SEC,
        ssl=tls,
        resolver=Resolver(reach),
        socket_factory=SocketMaker(reach),
    )
    loop = asyncio.get_running_loop()
    # There is no public way to the protocol of a connection either; a test watches that answers come by rations.
    handler = partial(Handler, loop, Rations(loop), reach, max_age_sec)
    connector._factory = handler  # type: ignore[assignment]  # noqa: SLF001
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=_DEFAULTS_OFF,
        request_class=Call,
    )
    # aiohttp sends GET, PUT, DELETE … a second time by itself when a kept connection drops before the answer, though
    # the target may have acted on the first. There is no public switch, so aiohttp is pinned and a test watches this.
    session._retry_connection = False  # noqa: SLF001
    async with session:
        yield Sender(session, response_limit, reach)
