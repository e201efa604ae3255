"""The exchange of an attempt, as it is kept and read again."""

import json
from datetime import UTC, datetime

import pytest

from myscheduler.core.calls.exchange import Exchange, exchange_from_text, exchange_text

WHOLE = Exchange(
    1234.5, 1200.1, 3.0, 20.4, 40.9, False, "[2001:db8::1]:443", "egress.example:8080", 17, 2, "TLSv1.3",
    datetime(2027, 3, 7, 12, 30, 15, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    "exchange",
    [
        pytest.param(WHOLE, id="all of it"),
        pytest.param(Exchange(3.0), id="hardly anything"),
        pytest.param(Exchange(3.0, 2.9, reused=True, address="192.0.2.7:80"), id="reused"),
        pytest.param(Exchange(3.0, dns_ms=2.9), id="not looked up"),
    ],
)
def test_it_is_read_as_it_was(exchange: Exchange) -> None:
    assert exchange_from_text(exchange_text(exchange)) == exchange


def test_a_call_over_an_open_connection_keeps_little() -> None:
    usual = Exchange(1234.5, 1200.1, reused=True, address="192.168.100.100:8080", request_size=1234)
    assert len(exchange_text(usual)) <= 120


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", "{}", '{"total_ms":"1"}', '{"total_ms":true}', '{"total_ms":-1}',
        '{"total_ms":1e999}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_damaged_is_not_known(text: str) -> None:
    assert exchange_from_text(text) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", 7), ("tls_version", None), ("proxy", []), ("request_size", "x"), ("redirects", -1), ("dns_ms", "x"),
        ("reused", "yes"), ("certificate_expires_at", "soon"), ("certificate_expires_at", 10**30), ("unknown", 1),
    ],
)  # fmt: skip
def test_a_damaged_part_is_left_out(name: str, value: object) -> None:
    assert exchange_from_text(json.dumps({"total_ms": 1, name: value})) == Exchange(1)


def test_no_row_has_none() -> None:
    assert exchange_from_text(None) is None
