"""Hostile texts in paths and query parameters, on both databases: none is a bug."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api import body
from tests.support.postgres import Database
from tests.support.service import Service
from tests.support.wire import Answer, Wire, ask

TEXTS = [
    "",
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%", "%zz", "%0d%0aX:%20y", "%F0%9F%98%80", "%E2%80%AE", "'%20OR%201=1--",
    "%25_%5C", "..", "%2e%2e%2f", "x" * 5_000, "9" * 5_000, "-1", "1e400", "NaN", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-23:59", "*", "a=%00", "%00=a", "a=" + "b" * 3_000, "null", "[]", "{}",
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    settings = {}
    if request.param == "postgresql":
        database: Database = request.getfixturevalue("postgres")
        settings["DATABASE_URL"] = database.url
    with Service(tmp_path, **settings) as running:
        running.create(**body(job_id="a", labels={"a": "b"}))
        yield running


def test_no_parameter_is_a_bug(service: Service) -> None:
    contract: dict[str, Any] = service.get("/openapi.json").json()
    urls = []
    for path, operations in contract["paths"].items():
        names = [one["name"] for one in operations.get("get", {}).get("parameters", []) if one["in"] == "query"]
        usual = path.format(job_id="a", execution_id="x", token="x", incident_id="x", chain_id="x")
        urls += [f"{usual}?{name}={text}" for name in names for text in TEXTS]
        if "{" in path:
            urls += [
                path.format(job_id=text, execution_id=text, token=text, incident_id=text, chain_id=text)
                for text in TEXTS
            ]
    assert len(urls) > 1_000
    for url, answer in answers(service, urls):
        assert answer.status < 500, (url[:300], answer.content[:500])
        if answer.status >= 400:
            answer.problem()


def answers(service: Service, urls: Sequence[str]) -> Iterator[tuple[str, Answer]]:
    """Over one connection, as long as it is kept."""
    wire = Wire(service.url)
    for url in urls:
        wire.send(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = wire.answer()
        yield url, answer
        if answer.headers.get("connection") == "close":
            wire.close()
            wire = Wire(service.url)
    wire.close()


NAMES = ("Idempotency-Key", "If-Match", "If-None-Match", "X-Forwarded-User", "Authorization", "Cookie")
VALUES = ("", '"', "\xff\xfe", "\x01", "'", "*", "W/*", '"' * 1_000, "a" * 5_000, ",".join(map(quote, TEXTS[1:9])))


def test_no_header_is_a_bug(service: Service) -> None:
    for name in NAMES:
        for text in VALUES:
            for line in ("GET /api/v1/jobs", "GET /api/v1/jobs/a", "POST /api/v1/jobs/a/pause", "PUT /api/v1/jobs/a"):
                head = f"{line} HTTP/1.1\r\nHost: localhost\r\n{name}: {text}\r\n\r\n"
                answer = ask(service.url, head.encode("latin-1"))
                assert answer.status < 500, (line, name, text, answer.content[:500])
