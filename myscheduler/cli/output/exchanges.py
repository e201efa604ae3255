"""The exchange of an attempt with its target, as lines of a terminal."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from myscheduler.cli.output.rows import moment
from myscheduler.core.calls.certificates import WARN_DAYS


def exchange_fields(found: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    """The parts that are known, by what they are called; `found` is as in the API."""
    if not found:
        return
    yield "timings", _timings(found)
    yield "connected to", _connection(found)
    yield "request body", f"{found['request_size']:,} bytes" if found["request_size"] else None
    if found["tls_version"]:
        yield "TLS", found["tls_version"]
    if found["certificate_expires_at"]:
        yield "certificate", _certificate(found["certificate_expires_at"])


def _timings(found: Mapping[str, Any]) -> str:
    """Such as `dns 3 ms, connect 20.4 ms, first byte after 85 ms, total 90.5 ms`."""
    steps = [(name, found[f"{name}_ms"]) for name in ("dns", "connect", "tls")]
    parts = [f"{name} {_ms(value)}" for name, value in steps if value is not None]
    if found["first_byte_ms"] is not None:
        parts.append(f"first byte after {_ms(found['first_byte_ms'])}")
    return ", ".join([*parts, f"total {_ms(found['total_ms'])}"])


def _connection(found: Mapping[str, Any]) -> str | None:
    if found["address"] is None:
        return None
    notes = [
        *(["an open connection"] if found["reused"] else []),
        *([f"the proxy {found['proxy']}"] if found["proxy"] else []),
        *([f"after {found['redirects']} redirects"] if found["redirects"] else []),
    ]
    return f"{found['address']} ({', '.join(notes)})" if notes else str(found["address"])


def _certificate(expires_at: str) -> str:
    left = (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()
    if left <= 0:
        return f"EXPIRED at {moment(expires_at)}"
    days = int(left // 86_400)
    when = f"expires in {days} day{'' if days == 1 else 's'}, at {moment(expires_at)}"
    return f"{when} (SOON)" if days < WARN_DAYS else when


def _ms(value: float) -> str:
    return f"{value:g} ms"
