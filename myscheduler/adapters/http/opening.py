"""The opening of a connection. What it shows is noted once, and calls that use the connection again only look at it."""

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection."""

    address: str
    """`192.0.2.7:443`, `[2001:db8::1]:443`"""
    tls_version: str | None = None
    """Such as `TLSv1.3`."""
    certificate_expires_at: datetime | None = None


class Opening:
    """When the steps of opening a connection were done, in seconds of `perf_counter`.

    If several addresses are tried, the times are those of the last one.
    """

    __slots__ = ("_begun_at", "_connected_at", "_found_at", "_is_named", "_is_tls", "_made_at", "address")

    def __init__(self, *, is_tls: bool) -> None:
        self._is_tls = is_tls
        self._is_named = True
        self._begun_at = perf_counter()
        self._found_at: float | None = None
        self._connected_at: float | None = None
        self._made_at: float | None = None
        self.address: str | None = None
        """The one that was tried last."""

    def found(self, *, is_named: bool) -> None:
        """The addresses are known; of a name, they were looked up."""
        self._found_at, self._is_named = perf_counter(), is_named

    def connected(self) -> None:
        """The connection stands; a handshake begins now."""
        self._connected_at, self._made_at = perf_counter(), None

    def made(self, *, is_encrypted: bool) -> None:
        """The connection can be used."""
        if is_encrypted or not self._is_tls:
            self._made_at = perf_counter()
        else:  # it is one to a proxy, which is now asked to connect to the target
            self._connected_at = None

    def phases(self, end: float) -> tuple[float | None, float | None, float | None]:
        """The seconds of the lookup, of connecting, and of the handshake; what was not over by `end` lasted until then.

        A step that did not take place is `None`.
        """
        found, connected = self._found_at, self._connected_at
        lookup = (found or end) - self._begun_at if self._is_named else None
        if found is None:
            return lookup, None, None
        if connected is None:
            return lookup, end - found, None
        return lookup, connected - found, (self._made_at or end) - connected if self._is_tls else None


OPENING: ContextVar[Opening | None] = ContextVar("OPENING", default=None)
"""The opening in this context: aiohttp hands nothing on to the parts that know of its steps."""


def peer_of(transport: asyncio.BaseTransport) -> Peer | None:
    """The peer of a new connection; `None` if it is lost already."""
    place = transport.get_extra_info("peername")
    if not place:
        return None
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return Peer(address_text(place))
    return Peer(address_text(place), tls.version(), _expiry(tls))


def address_text(place: tuple[str | int, ...]) -> str:
    """The address and port of a socket."""
    host, port = str(place[0]), place[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _expiry(tls: ssl.SSLObject) -> datetime | None:
    """The end of the peer's certificate; `None` if it can't be read, which matters only where nobody checks it.

    The standard library parses only those that it has checked.
    """
    content = tls.getpeercert(binary_form=True)
    if content is None:
        return None
    try:
        return x509.load_der_x509_certificate(content).not_valid_after_utc
    except ValueError:
        return None
