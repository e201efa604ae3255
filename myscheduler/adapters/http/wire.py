"""Sends a request straight over a connection of aiohttp's connector.

aiohttp's session and its objects of requests and responses take two fifths of the processor time of a call, for what no
call needs: cookies, redirects, traces, parsed headers. Its connector is what opens, keeps and limits connections.
"""

import asyncio
from dataclasses import dataclass
from ssl import SSLContext
from typing import cast

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from yarl import URL

from myscheduler.adapters.http.answers import Body
from myscheduler.adapters.http.handler import Handler
from myscheduler.adapters.http.message import Message
from myscheduler.adapters.http.trail import Trail
from myscheduler.adapters.http.whole_answers import Whole
from myscheduler.core.caching import cached

_UNLIMITED = aiohttp.ClientTimeout(total=None)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Route:
    """Where a request goes: what the connector asks of a `ClientRequest`."""

    proxy = None
    proxy_auth = None
    proxy_headers = None
    server_hostname = None

    def __init__(self, url: URL, ssl: SSLContext | bool) -> None:
        self.url = url
        self.ssl = ssl
        self.port = url.port
        self.connection_key = ConnectionKey(
            url.raw_host or "", url.port, url.scheme == "https", ssl, None, None, None, None
        )

    def is_ssl(self) -> bool:
        return self.connection_key.is_ssl


@cached(4_096)
def _usual(origin: URL) -> Route:
    return Route(origin, ssl=True)


@dataclass(slots=True)
class Reply:
    """A response whose head has arrived."""

    status: int
    body: Body | Whole
    connection: Connection

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        if self.body.is_eof():
            self.connection.release()
        else:
            self.connection.close()


async def sent(
    connector: aiohttp.BaseConnector, message: Message, trail: Trail, *, context: SSLContext | None, proxy: URL | None
) -> Reply:
    """Send a message, and return its response once its head has arrived. `context` is that of the job, if it has one.

    Raises errors of aiohttp, and `StrayError` if nothing was sent and the next try may succeed.
    """
    origin = message.destination.origin
    if proxy is not None:
        route = _by_proxy(message, proxy, context)
    else:
        route = cast("aiohttp.ClientRequest", _usual(origin) if context is None else Route(origin, context))
    connection = await connector.connect(route, [], _UNLIMITED)
    try:
        handler = cast("Handler", connection.protocol)
        trail.peer = handler.peer
        if proxy is None or route.is_ssl():
            head = message.head or head_of(message).encode()
        else:
            head = head_of(message, route).encode()
        status, body = await handler.ask(head, message.body or b"", is_head=message.method == "HEAD")
    except BaseException:
        connection.close()
        raise
    return Reply(status, body, connection)


def _by_proxy(message: Message, proxy: URL, context: SSLContext | None) -> aiohttp.ClientRequest:
    """For the connector, which asks the proxy for a tunnel if the target speaks TLS."""
    return aiohttp.ClientRequest(
        message.method,
        message.destination.url,
        loop=asyncio.get_running_loop(),
        proxy=proxy,
        ssl=True if context is None else context,
    )


def head_of(message: Message, to_proxy: aiohttp.ClientRequest | None = None) -> str:
    """The request line and the headers (RFC 9112). `to_proxy` has the credentials for a proxy that gets the request
    instead of the target.
    """
    target, headers = message.destination.path, message.headers
    if to_proxy is not None:
        target = str(message.destination.url)
        credentials = to_proxy.headers.get("Proxy-Authorization")
        headers = headers if credentials is None else [*headers, ("Proxy-Authorization", credentials)]
    lines = [f"{message.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    if message.body is not None or message.method not in _WITHOUT_BODY:
        lines.append(f"Content-Length: {len(message.body or b'')}")
    return "\r\n".join([*lines, "\r\n"])
