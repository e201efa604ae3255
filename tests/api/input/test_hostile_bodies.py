"""Hostile bodies, sent to every route that takes one: none is a bug, and each answer is short."""

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.access import routes_of
from tests.support.api import JSON, assert_problem, body
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio

JOB = json.dumps(body(job_id="hostile", replace_existing=True))[:-1].encode()


def job(text: str) -> bytes:
    """A good job with one more field."""
    return JOB + b", " + text.encode("utf-8", "surrogatepass") + b"}"


BODIES = {
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a deep value": job('"body": ' + "[" * 10_000 + "]" * 10_000),
    "a deep key": job('"by": ' + '{"a":' * 99 + "1" + "}" * 99),
    "a text of 10 MB": b'{"by": "' + b"x" * 10_000_000 + b'"}',
    "a text as long as it may be": b'{"by": "' + b"x" * 1_000_000 + b'"}',
    "100,000 keys": json.dumps({f"k{number}": 1 for number in range(70_000)}).encode(),
    "100,000 items": b'{"ids": [' + b"1," * 100_000 + b"1]}",
    "a huge number": job('"max_retries": ' + "9" * 100_000),
    "a huge power": job('"timeout_sec": 1e400'),
    "a tiny power": job('"timeout_sec": 1e-400'),
    "minus nothing": job('"max_retries": -0, "timeout_sec": -0.0'),
    "NaN": job('"timeout_sec": NaN'),
    "infinity": job('"body": [-Infinity]'),
    "a key twice": b'{"by": "x", "by": "y"}',
    "lone surrogates": b'{"by": "\\ud800", "reason": "\\udfff", "name": "\\ud800", "\\ud800": 1}',
    "NUL": b'{"by": "a\\u0000b", "reason": "\\u0000", "name": "\\u0000", "ids": ["\\u0000"], "token": "\\u0000"}',
    "bytes that are no text": b'{"by": "\xff\xfe"}',
    "overlong bytes": b'{"by": "\xc0\x80"}',
    "encoded surrogates": job('"name": "\ud800"'),
    "UTF-16": JOB.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "compressed": gzip.compress(JOB),
    "two values": b"{}{}",
    "a comment": b"{} // x",
    "a control character": b'{"by": "a\x01b"}',
    "wrong types": b'{"by": [], "reason": {}, "until": 1, "ids": {}, "labels": [], "q": [], "files": 1, "token": 1}',
    "nothing in all keys": b'{"by": null, "ids": null, "labels": null, "q": null, "files": null, "name": null}',
    "a truth": b"true",
    "empty": b"",
    "blanks": b" " * 100_000,
    "brackets in a text": b'{"by": "' + b"[{" * 100_000 + b'"}',
    "backslashes": b'{"by": "' + b"\\\\" * 400_000 + b'"}',
    "an open text": b'{"by": "' + b'\\"' * 400_000,
}


@pytest.fixture(scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    async with opened(tmp_path_factory.mktemp("hostile"), drain_sec=0) as running:
        running.dispatcher.start()
        yield running


@pytest.fixture(scope="module")
async def api(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(parts) as one:
        yield one


@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES)
async def test_no_body_is_a_bug(parts: Parts, api: httpx.AsyncClient, content: bytes) -> None:
    if "a" not in await parts.jobs():
        await parts.create("a")
    paths = {(one.method, one.path) for one in routes_of(api) if one.method in {"POST", "PUT", "DELETE", "PATCH"}}
    assert len(paths) > 10
    for method, path in sorted(paths, reverse=True):  # the job is deleted last
        url = path.format(job_id="a", execution_id="x", token="x", incident_id="x", chain_id="x")
        answer = await api.request(method, url, content=content, headers=JSON)
        assert answer.status_code < 500, (method, path, answer.text[:500])
        assert len(answer.content) < 200_000
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code)
            assert len(answer.json()["detail"]) <= 4_000
    assert (await api.get("/health")).status_code == 200


async def test_many_parameters_are_refused_before_they_are_read(api: httpx.AsyncClient) -> None:
    for path in ("/api/v1/jobs", "/api/v1/preview", "/health", "/docs"):
        answer = await api.get(f"{path}?" + "job_id=a&" * 1_000)
        assert "more than 1,000 query parameters" in assert_problem(answer, 422)["detail"]
