"""The JSON shape of an exchange with a target."""

from collections.abc import Callable
from datetime import datetime

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.core.calls.exchange import Exchange


class ExchangeView(TypedDict):
    """Times are in milliseconds. What did not take place, or is not known, is null. After redirects, all but
    `first_byte_ms` and `total_ms` is about the last request.
    """

    dns_ms: float | None
    """The lookup of the host's name."""
    connect_ms: float | None
    """With a proxy, its answer to `CONNECT` included."""
    tls_ms: float | None
    first_byte_ms: float | None
    """From the beginning of the attempt until the head of the response had arrived."""
    total_ms: float
    reused: bool
    """Whether an open connection was used."""
    redirects: int
    address: str | None
    """The address and port that was connected to, or tried last; with a proxy, the proxy's."""
    proxy: str | None
    request_size: int
    """Bytes of the request's body."""
    tls_version: str | None
    certificate_expires_at: str | None
    """The end of the target's own certificate, checked or not."""


def exchange_view(exchange: Exchange | None, text: Callable[[datetime], str]) -> ExchangeView | None:
    """`text` writes a time."""
    if exchange is None:
        return None
    expires_at = exchange.certificate_expires_at
    return {
        "dns_ms": exchange.dns_ms,
        "connect_ms": exchange.connect_ms,
        "tls_ms": exchange.tls_ms,
        "first_byte_ms": exchange.first_byte_ms,
        "total_ms": exchange.total_ms,
        "reused": exchange.reused,
        "redirects": exchange.redirects,
        "address": exchange.address,
        "proxy": exchange.proxy,
        "request_size": exchange.request_size,
        "tls_version": exchange.tls_version,
        "certificate_expires_at": None if expires_at is None else text(expires_at),
    }
