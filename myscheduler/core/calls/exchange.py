"""What is known of the exchange of an attempt with its target, besides the answer: its times and its connection."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

LONGEST_TEXT = 300
"""The most characters of a text in it; a host has at most 253, and its port five."""


class Exchange(NamedTuple):
    """All times are in milliseconds. What is `None` did not take place, or is not known.

    A tuple, as each call makes one: a frozen data class takes several times as long.
    """

    total_ms: float
    """From the beginning of the attempt, redirects included, until its outcome was known."""
    first_byte_ms: float | None = None
    """From the beginning of the attempt until the head of the last response."""
    dns_ms: float | None = None
    """The lookup of the name; `None` for an address."""
    connect_ms: float | None = None
    """With a proxy, its answer to `CONNECT` included."""
    tls_ms: float | None = None
    """The TLS handshake."""
    reused: bool = False
    """An open connection was used, so the three times above are `None`."""
    address: str | None = None
    """Where it was connected to, or last tried to: `192.0.2.7:443`, `[2001:db8::1]:443`; with a proxy, the proxy's."""
    proxy: str | None = None
    """The `host:port` of the proxy."""
    request_size: int = 0
    """Bytes of the request's body."""
    redirects: int = 0
    """How many were followed; all but the times of the whole are about the last request."""
    tls_version: str | None = None
    certificate_expires_at: datetime | None = None
    """The end of the target's own certificate."""


_NUMBERS = ("total_ms", "first_byte_ms", "dns_ms", "connect_ms", "tls_ms")
_TEXTS = ("address", "proxy", "tls_version")
_COUNTS = ("request_size", "redirects")


def exchange_to_json(exchange: Exchange) -> dict[str, Any]:
    """What is known, without what is as usual: of a call over an open connection, few bytes."""
    values: dict[str, Any] = {"total_ms": exchange.total_ms}
    if exchange.first_byte_ms is not None:
        values["first_byte_ms"] = exchange.first_byte_ms
    if exchange.address is not None:
        values["address"] = exchange.address
    if exchange.request_size:
        values["request_size"] = exchange.request_size
    if exchange.reused:
        values["reused"] = True
    else:
        values |= {name: value for name in _NUMBERS[2:] if (value := getattr(exchange, name)) is not None}
    if exchange.proxy is not None:
        values["proxy"] = exchange.proxy
    if exchange.redirects:
        values["redirects"] = exchange.redirects
    if exchange.tls_version is not None:
        values["tls_version"] = exchange.tls_version
    if exchange.certificate_expires_at is not None:
        values["certificate_expires_at"] = int(exchange.certificate_expires_at.timestamp())
    return values


def exchange_text(exchange: Exchange) -> str:
    """As it is kept in a row."""
    return orjson.dumps(exchange_to_json(exchange)).decode()


def exchange_from_text(text: str | None) -> Exchange | None:
    """The inverse of `exchange_text`; `None` for what is damaged."""
    if text is None:
        return None
    try:
        values = orjson.loads(text)
    except ValueError:
        return None
    return exchange_from_json(values)


def exchange_from_json(values: object) -> Exchange | None:
    """The inverse of `exchange_to_json`; `None` for what is damaged: nothing depends on it."""
    if not isinstance(values, Mapping):
        return None
    found: dict[str, Any] = {name: value for name in _NUMBERS if _is_number(value := values.get(name))}
    if "total_ms" not in found:
        return None
    for name in _TEXTS:
        if isinstance(value := values.get(name), str):
            found[name] = value[:LONGEST_TEXT]
    for name in _COUNTS:
        if type(value := values.get(name)) is int and value >= 0:
            found[name] = value
    return Exchange(
        **found,
        reused=values.get("reused") is True,
        certificate_expires_at=_moment(values.get("certificate_expires_at")),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value) and value >= 0


def _moment(value: object) -> datetime | None:
    if type(value) is not int:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
