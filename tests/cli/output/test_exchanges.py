"""The exchange of an attempt, as the terminal shows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.cli.output.exchanges import exchange_fields

PLAIN: dict[str, Any] = {
    "dns_ms": None, "connect_ms": None, "tls_ms": None, "first_byte_ms": 80.0, "total_ms": 90.5, "reused": True,
    "redirects": 0, "address": "192.0.2.7:80", "proxy": None, "request_size": 0, "tls_version": None,
    "certificate_expires_at": None,
}  # fmt: skip


def _shown(**found: Any) -> dict[str, Any]:
    return {name: value for name, value in exchange_fields(PLAIN | found) if value}


def test_an_open_connection() -> None:
    assert _shown() == {
        "timings": "first byte after 80 ms, total 90.5 ms",
        "connected to": "192.0.2.7:80 (an open connection)",
    }


def test_a_new_connection() -> None:
    steps = {"dns_ms": 3.1, "connect_ms": 20.0, "tls_ms": 41.2, "reused": False}
    found = _shown(**steps, proxy="egress.example:8080", redirects=2, request_size=12_345, tls_version="TLSv1.3")
    assert found == {
        "timings": "dns 3.1 ms, connect 20 ms, tls 41.2 ms, first byte after 80 ms, total 90.5 ms",
        "connected to": "192.0.2.7:80 (the proxy egress.example:8080, after 2 redirects)",
        "request body": "12,345 bytes",
        "TLS": "TLSv1.3",
    }


def test_a_failure_before_anything_was_connected() -> None:
    assert _shown(dns_ms=90.5, first_byte_ms=None, address=None) == {"timings": "dns 90.5 ms, total 90.5 ms"}
    assert dict(exchange_fields(None)) == {}


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        pytest.param(timedelta(days=30, hours=1), "expires in 30 days, at ", id="a month"),
        pytest.param(timedelta(days=14, hours=1), "expires in 14 days, at ", id="enough"),
        pytest.param(timedelta(days=1, hours=1), "expires in 1 day, at ", id="a day"),
        pytest.param(timedelta(days=-1), "EXPIRED at ", id="expired"),
    ],
)
def test_a_certificate(left: timedelta, shown: str) -> None:
    text = _shown(certificate_expires_at=(datetime.now(UTC) + left).isoformat())["certificate"]
    assert text.startswith(shown)
    assert text.endswith("(SOON)") == (timedelta() < left < timedelta(days=14))
