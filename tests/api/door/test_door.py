"""What comes in and what every answer carries: the pure judgement, and the door around the real application."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door.door import Door, refusal
from myscheduler.api.input import queries
from myscheduler.core.access.allowed_hosts import AllowedHosts
from tests.support.api import JOBS
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio

HOSTS = AllowedHosts.of("jobs.example", ["127.0.0.1"])
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    async with opened(tmp_path_factory.mktemp("door"), drain_sec=0) as running:
        yield running


@pytest.fixture(scope="module")
async def api(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(parts) as one:
        yield one


def judged(method: str, *lines: str, host: str = "localhost:8003") -> int | None:
    """The status that headers, one a line, are refused with."""
    pairs = [line.split(": ", 1) for line in ([f"Host: {host}"] if host else []) + list(lines)]
    refused = refusal(method, [(name.encode(), value.encode()) for name, value in pairs], HOSTS)
    return refused.status if refused else None


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param(["Host: localhost:8003"], None, id="one"),
        pytest.param([], 400, id="none"),
        pytest.param(["Host: "], 400, id="empty"),
        pytest.param(["Host: localhost", "Host: localhost"], 400, id="twice"),
        pytest.param(["Host: localhost", "host: evil.example"], 400, id="two"),
        pytest.param(["Host: localhost, evil.example"], 400, id="a list"),
        pytest.param(["Host: evil.example"], 421, id="foreign"),
        pytest.param(["Host: evil.example", "X-Forwarded-Host: localhost"], 421, id="foreign, forwarded"),
        pytest.param(["Host: evil.example", "Forwarded: host=localhost"], 421, id="foreign, forwarded in the new way"),
        pytest.param(["Host: localhost", "X-Forwarded-Host: evil.example"], None, id="forwarded does not matter"),
        pytest.param(["Host: evil.example@localhost"], 400, id="a user"),
        pytest.param(["Host: localhost@evil.example"], 400, id="localhost as the user"),
        pytest.param(["Host: localhost:8003:1"], 400, id="two ports"),
        pytest.param(["Host: localhost:99999"], 400, id="a port too large"),
        pytest.param(["Host: [::1"], 400, id="an open bracket"),
        pytest.param(["Host: http://localhost"], 400, id="a URL"),
        pytest.param(["Host: localhost/"], 400, id="a path"),
        pytest.param(["Host: localhost evil.example"], 400, id="a space"),
        pytest.param(["Host: local\u0000host"], 400, id="a NUL"),
        pytest.param(["Host: " + "a" * 100_000], 400, id="a long one"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_the_host(lines: list[str], status: int | None, method: str) -> None:
    assert judged(method, *lines, host="") == status


@pytest.mark.parametrize(
    ("lines", "host", "is_foreign"),
    [
        pytest.param([], "localhost:8003", False, id="no browser"),
        pytest.param(["Sec-Fetch-Site: same-origin"], "localhost:8003", False, id="own page"),
        pytest.param(["Sec-Fetch-Site: none"], "localhost:8003", False, id="the user himself"),
        pytest.param(["Sec-Fetch-Site: cross-site"], "localhost:8003", True, id="another site"),
        pytest.param(["Sec-Fetch-Site: same-site"], "localhost:8003", True, id="another port of this machine"),
        pytest.param(["Sec-Fetch-Site: SAME-ORIGIN"], "localhost:8003", True, id="no word of a browser"),
        pytest.param(["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"], "localhost:8003", True, id="two words"),
        pytest.param(
            ["Sec-Fetch-Site: cross-site", "Origin: http://localhost:8003"],
            "localhost:8003",
            True,
            id="two that differ",
        ),
        pytest.param(
            ["Sec-Fetch-Site: same-origin", "Origin: https://public.example"],
            "jobs.example",
            False,
            id="a proxy that changes the Host",
        ),
        pytest.param(["Sec-Fetch-Site: ", "Origin: null"], "localhost:8003", True, id="an empty word"),
        pytest.param(["Origin: http://localhost:8003"], "localhost:8003", False, id="own origin"),
        pytest.param(["Origin: http://LOCALHOST:8003"], "localhost.:8003", False, id="own origin, spelled otherwise"),
        pytest.param(["Origin: http://localhost:8004"], "localhost:8003", True, id="another port"),
        pytest.param(["Origin: http://127.0.0.1:8003"], "localhost:8003", True, id="another name of this machine"),
        pytest.param(["Origin: http://evil.example"], "localhost:8003", True, id="another host"),
        pytest.param(["Origin: null"], "localhost:8003", True, id="a file, a sandbox"),
        pytest.param(["Origin: "], "localhost:8003", True, id="empty"),
        pytest.param(["Origin: file://"], "localhost:8003", True, id="a file, said so"),
        pytest.param(["Origin: chrome-extension://localhost:8003"], "localhost:8003", True, id="an extension"),
        pytest.param(["Origin: https://jobs.example"], "jobs.example", False, id="behind a proxy with TLS"),
        pytest.param(["Origin: https://jobs.example"], "jobs.example:443", False, id="the default port, written"),
        pytest.param(["Origin: https://jobs.example"], "jobs.example:80", True, id="the port of the other scheme"),
        pytest.param(["Origin: https://jobs.example:8443"], "jobs.example", True, id="another port with TLS"),
        pytest.param(["Origin: http://jobs.example.evil.example"], "jobs.example", True, id="begins alike"),
        pytest.param(["Origin: http://jobs.example@evil.example"], "jobs.example", True, id="as the user"),
        pytest.param(["Origin: http://jobs.example", "Origin: null"], "jobs.example", True, id="twice"),
        pytest.param(["Origin: http://[::1]:8003"], "[::1]:8003", False, id="IPv6"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_the_origin(lines: list[str], host: str, is_foreign: bool, method: str) -> None:
    is_safe = method in {"GET", "HEAD", "OPTIONS"}
    assert judged(method, *lines, host=host) == (403 if is_foreign and not is_safe else None)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param([], None, id="no body"),
        pytest.param(["Content-Length: 0"], None, id="an empty body"),
        pytest.param(["Content-Length: 0", "Content-Type: application/x-www-form-urlencoded"], None, id="curl -d ''"),
        pytest.param([JSON, "Content-Length: 2"], None, id="JSON"),
        pytest.param([JSON, "Transfer-Encoding: chunked"], None, id="JSON in chunks"),
        pytest.param(
            ["Content-Type: Application/JSON ; Charset=UTF-8", "Content-Length: 2"], None, id="as many send it"
        ),
        pytest.param(['Content-Type: application/json; charset="utf-8"', "Content-Length: 2"], None, id="quoted"),
        pytest.param(["Content-Type: application/json;", "Content-Length: 2"], None, id="a semicolon too many"),
        pytest.param(["Content-Type: application/json; charset=shift_jis", "Content-Length: 2"], 415, id="no UTF-8"),
        pytest.param(["Content-Length: 2"], 415, id="a blob without a type"),
        pytest.param(["Transfer-Encoding: chunked"], 415, id="a stream without a type"),
        pytest.param(["Content-Type: text/plain", "Content-Length: 2"], 415, id="text"),
        pytest.param(
            ["Content-Type: text/plain; application/json", "Content-Length: 2"], 415, id="text that names JSON"
        ),
        pytest.param(["Content-Type: application/x-www-form-urlencoded", "Content-Length: 2"], 415, id="a form"),
        pytest.param(
            ["Content-Type: multipart/form-data; boundary=x", "Content-Length: 2"], 415, id="a form with files"
        ),
        pytest.param(["Content-Type: application/problem+json", "Content-Length: 2"], 415, id="a relative of JSON"),
        pytest.param(["Content-Type: application/jsonx", "Content-Length: 2"], 415, id="begins alike"),
        pytest.param(["Content-Type: ", "Content-Length: 2"], 415, id="an empty type"),
        pytest.param([JSON, "Content-Type: text/plain", "Content-Length: 2"], 415, id="two types"),
        pytest.param([JSON, "Content-Encoding: gzip", "Content-Length: 2"], 415, id="compressed"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_content(lines: list[str], status: int | None, method: str) -> None:
    assert judged(method, *lines) == status
    assert judged("GET", *lines) is None


# --- the real application --------------------------------------------------------------------------------------------


ON_EVERY_ANSWER = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        pytest.param("GET", "/health", {}, 200, id="fine"),
        pytest.param("GET", "/docs", {}, 200, id="page"),
        pytest.param("GET", "/docs/swagger-ui.css", {}, 200, id="file"),
        pytest.param("GET", "/", {}, 307, id="redirect"),
        pytest.param("GET", "/nowhere", {}, 404, id="not found"),
        pytest.param("PATCH", JOBS, {}, 405, id="method"),
        pytest.param("OPTIONS", JOBS, {}, 204, id="options"),
        pytest.param("GET", "/health", {"headers": {"Host": "evil.example"}}, 421, id="host"),
        pytest.param("POST", JOBS, {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, id="origin"),
        pytest.param("POST", JOBS, {"content": b"{}"}, 415, id="content"),
        pytest.param("POST", JOBS, {"json": {}}, 422, id="input"),
    ],
)
async def test_every_answer_has_the_headers(
    api: httpx.AsyncClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    response = await api.request(method, path, **more)
    assert response.status_code == status
    assert ON_EVERY_ANSWER.items() <= dict(response.headers).items()
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == ("no-cache" if path.endswith(".css") else "no-store")
    assert "access-control-allow-origin" not in response.headers


async def test_one_that_comes_when_there_are_too_many_has_them_too(parts: Parts) -> None:
    async with client(parts, requests_at_once=0) as api:
        refused, probe = await api.get("/api/v1/jobs"), await api.get("/health/live")
    assert (refused.status_code, refused.headers["retry-after"], probe.status_code) == (503, "1", 200)
    assert "default-src 'none'" in refused.headers["content-security-policy"]


async def test_a_bug_has_them_too(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0) as broken, client(broken) as api:
        broken.store.read = None  # type: ignore[method-assign, assignment]
        response = await api.get(JOBS)
    assert response.status_code == 500
    assert ON_EVERY_ANSWER.items() <= dict(response.headers).items()


# --- answers that the application does not give ----------------------------------------------------------------------


async def through(app: ASGIApp, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """The answer of a door around `app`."""
    door = Door(app, Router(), HOSTS, limited=["/api/v1", "/ping"], requests_a_minute=100)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": "/api/v1/x", "headers": headers, "client": ("127.0.0.1", 1)}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    with suppress(asyncio.CancelledError):
        await door(scope, receive, send)
    (start,) = [one for one in sent if one["type"] == "http.response.start"]
    assert not sent[-1].get("more_body", False)
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    assert len(found) == len(start["headers"])
    return start["status"], found, b"".join(one.get("body", b"") for one in sent)


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError("the secret")


async def stopped(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise asyncio.CancelledError


async def plain(_scope: Scope, _receive: Receive, send: Send) -> None:
    headers = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"4"), (b"content-range", b"bytes */7")]
    await send({"type": "http.response.start", "status": 416, "headers": headers})
    await send({"type": "http.response.body", "body": b"ra", "more_body": True})
    await send({"type": "http.response.body", "body": b"ng"})


@pytest.mark.parametrize(
    ("app", "status", "says"),
    [
        pytest.param(broken, 500, "a bug in the scheduler", id="a bug"),
        pytest.param(stopped, 503, "the service is stopping", id="a stop"),
        pytest.param(plain, 416, "Range Not Satisfiable", id="a library"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_whoever_fails_it_is_a_problem(app: ASGIApp, status: int, says: str, method: str) -> None:
    found, headers, content = await through(app, method)
    assert (found, headers["content-type"]) == (status, "application/problem+json")
    assert ON_EVERY_ANSWER.items() <= headers.items()
    assert headers["ratelimit"] == '"default";r=99;t=1'
    assert headers.get("content-range") == ("bytes */7" if app is plain else None)
    if method == "HEAD":
        assert content == b""
        return
    problem = json.loads(content)
    assert int(headers["content-length"]) == len(content)
    assert (problem["status"], problem["request_id"]) == (status, headers["x-request-id"])
    assert says in problem["detail"]
    assert "secret" not in problem["detail"]


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await through(half)


PATHS = [
    ("/", "GET, HEAD, OPTIONS"),
    ("/docs", "GET, HEAD, OPTIONS"),
    ("/openapi.json", "GET, HEAD, OPTIONS"),
    ("/health", "GET, HEAD, OPTIONS"),
    ("/health/", "GET, HEAD, OPTIONS"),
    (JOBS, "GET, HEAD, OPTIONS, POST"),
    (f"{JOBS}/", "GET, HEAD, OPTIONS, POST"),
    (f"{JOBS}/a", "DELETE, GET, HEAD, OPTIONS, PUT"),
    (f"{JOBS}/a/pause", "OPTIONS, POST"),
    (f"{JOBS}/a/executions", "GET, HEAD, OPTIONS"),
    ("/api/v1/sync", "GET, HEAD, OPTIONS, POST"),
    ("/api/v1/sync/", "GET, HEAD, OPTIONS, POST"),
    ("/api/v1/preview", "GET, HEAD, OPTIONS"),
    ("/api/v1/targets", "GET, HEAD, OPTIONS"),
    ("/api/v1/targets/", "GET, HEAD, OPTIONS"),
]


@pytest.mark.parametrize(("path", "allowed"), PATHS)
async def test_the_methods_of_a_path(api: httpx.AsyncClient, path: str, allowed: str) -> None:
    options = await api.options(path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")
    for method in ("PATCH", "TRACE", "HEAD", "GET", "POST", "PUT", "DELETE"):
        if method not in allowed.split(", "):
            refused = await api.request(method, path)
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
            assert bool(refused.content) is (method != "HEAD")


@pytest.mark.parametrize("path", [path for path, allowed in PATHS if "GET" in allowed and "/a" not in path])
async def test_head_is_get_without_a_body(api: httpx.AsyncClient, path: str) -> None:
    got, headed = await api.get(path), await api.head(path)
    assert headed.content == b""
    assert got.headers.pop("x-request-id") != headed.headers.pop("x-request-id")
    assert (headed.status_code, headed.headers) == (got.status_code, got.headers)


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/nowhere", "/api/v1", "/redoc", f"{JOBS}/a/", f"{JOBS}/a/b/c"])
async def test_there_is_nothing_at_other_paths(api: httpx.AsyncClient, method: str, path: str) -> None:
    response = await api.request(method, path)
    assert response.status_code == 404
    assert "allow" not in response.headers


async def test_neither_head_nor_options_is_in_the_contract(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {method for path in paths.values() for method in path} == {"get", "post", "put", "delete"}
    assert not any(path.startswith(("/docs", "/openapi")) or path == "/" for path in paths)


async def test_a_preflight_of_another_site_gets_no_leave(api: httpx.AsyncClient) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT", "Sec-Fetch-Site": "cross-site"}
    response = await api.options(f"{JOBS}/a", headers=asked)
    assert [name for name in response.headers if name.startswith("access-control-")] == []


async def test_websockets_are_refused(parts: Parts) -> None:
    async with client(parts) as one:
        app = one._transport.app  # type: ignore[attr-defined]
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    await asyncio.wait_for(app(scope, None, send), 5)
    assert [message["type"] for message in sent] == ["websocket.close"]


# --- query parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "field", "says"),
    [
        pytest.param("GET", f"{JOBS}/a?limit=3", "limit", "this route takes none", id="none known"),
        pytest.param("GET", f"{JOBS}/?x=", "x", "the parameters here are owner, status", id="empty"),
        pytest.param("GET", f"{JOBS}?x", "x", "the parameters here are owner, status", id="without a value"),
        pytest.param("GET", f"{JOBS}/executions/recent?limt=3", "limt", "did you mean 'limit'?", id="a slip"),
        pytest.param("GET", f"{JOBS}/executions/recent?Limit=3", "Limit", "did you mean 'limit'?", id="in capitals"),
        pytest.param("GET", f"{JOBS}/a/executions?count=3", "count", "the parameters here are limit", id="of another"),
        pytest.param("GET", "/api/v1/preview?start=1", "start", "from, until, count, job_id", id="the name inside"),
        pytest.param("GET", "/api/v1/audit?limit=1&limit=2", "limit", "appears more than once", id="twice"),
        pytest.param("POST", f"{JOBS}?job_id=a", "job_id", "the parameters here are by", id="post"),
        pytest.param("POST", f"{JOBS}/a/trigger?by=me", "by", "this route takes none", id="trigger"),
        pytest.param("DELETE", f"{JOBS}/a?force=1", "force", "the parameters here are by", id="delete"),
        pytest.param("GET", "/health?x=1", "x", "this route takes none", id="health"),
        pytest.param("GET", "/docs?url=http://evil.example/x.json", "url", "this route takes none", id="docs"),
        pytest.param("GET", "/openapi.json?x=1", "x", "this route takes none", id="contract"),
        pytest.param("GET", "/?x=1", "x", "this route takes none", id="root"),
    ],
)
async def test_an_unknown_parameter(api: httpx.AsyncClient, method: str, path: str, field: str, says: str) -> None:
    response = await api.request(method, path)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], says in error["message"]) == (field, True)


async def test_what_the_contract_names_is_known(api: httpx.AsyncClient) -> None:
    values = {"limit": "1", "count": "1", "from": "2030-01-01", "until": "2030-01-02", "at": "2030-01-01T00:00:00Z"}
    values |= {
        "job_id": "a",
        "action": "created",
        "owner": "api",
        "status": "paused",
        "label": "a=b",
        "host": "a.example",
    }
    values |= {"schedule_type": "cron", "last_result": "none", "held": "true", "failing": "true", "paused": "true"}
    values |= {"q": "a", "sort": "-id", "cursor": "x", "fields": "job_id", "compact": "true"}
    values |= {"reason": "overlap", "kind": "manual", "cause": "api", "min_duration_ms": "1", "min_lateness_ms": "1"}
    values |= {"since": "1-1", "n": "1", "days": "1", "points": "1", "actor": "ada"}
    values |= {"chain": "01a400f6-3600-7592-ac81-139a79b30fbb", "job": "a"}
    values |= {"open": "true", "acknowledged": "true"}
    values |= {"path": "a.yaml", "line": "1", "before": "1", "after": "1"}
    seen = set()
    for path, operations in (await api.get("/openapi.json")).json()["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] == "query":
                name = parameter["name"]
                seen.add(name)
                response = await api.get(
                    path.format(job_id="a", execution_id="x", incident_id="x", chain_id="x"),
                    params={name: values[name]},
                )
                assert "unknown" not in response.text
    assert seen == set(values)


async def test_a_list_may_be_repeated(api: httpx.AsyncClient) -> None:
    response = await api.get("/api/v1/preview?job_id=a&job_id=b")
    assert response.status_code == 404  # there are no such jobs


async def test_few_of_many_mistakes_are_told(api: httpx.AsyncClient) -> None:
    response = await api.get(f"{JOBS}?" + "&".join(f"{'x' * 200}{number}=1" for number in range(200)))
    assert len(response.json()["errors"]) == queries.MOST_REPORTED
    assert len(response.content) < 32_000


# --- history of a job that never was ---------------------------------------------------------------------------------


async def test_the_history_of_a_job_that_never_was(api: httpx.AsyncClient, parts: Parts) -> None:
    assert (await api.get(f"{JOBS}/TYPO/executions")).status_code == 404
    await parts.create("known")
    assert (await api.get(f"{JOBS}/known/executions")).json() == {"job_id": "known", "executions": [], "count": 0}
    await api.delete(f"{JOBS}/known")
    assert (await api.get(f"{JOBS}/known")).status_code == 404
    assert (await api.get(f"{JOBS}/known/executions")).json() == {"job_id": "known", "executions": [], "count": 0}


# --- pages -----------------------------------------------------------------------------------------------------------


async def test_the_docs_load_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    references = re.findall(r"""(?:src|href)=["']([^"']*)["']""", page.text)
    assert len(references) == 4
    for reference in references:
        assert re.fullmatch(r"/[^/].*", reference)
        assert (await api.get(reference)).status_code == 200
    assert re.search(r"<script>|<style|\son\w+=|style=", page.text) is None  # the policy would stop them
    style = (await api.get("/docs/swagger-ui.css")).text
    assert [url for url in re.findall(r"url\(['\"]?([^)'\"]*)", style) if not url.startswith("data:")] == []
    assert "@import" not in style
    assert "validatorUrl: null" in (await api.get("/docs/start.js")).text


async def test_the_files_of_the_docs_are_asked_for_anew_but_not_sent_again(api: httpx.AsyncClient) -> None:
    first = await api.get("/docs/swagger-ui-bundle.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = await api.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/docs/../app.py", "/docs/__init__.py", "/docs/main.py", "/docs/%2e%2e/main.py"])
async def test_no_other_file_is_served(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_root_leads_to_the_dashboard(api: httpx.AsyncClient, method: str) -> None:
    response = await api.request(method, "/")
    assert (response.status_code, response.headers["location"]) == (307, "/ui/")


async def test_pings_need_no_json_and_no_token_but_come_from_no_other_site(api: httpx.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/ping/{'k' * 40}"
    assert (await api.post(path, content="all is well", headers=form)).json()["detail_coded"]["code"] == "ping-unknown"
    assert (await api.get(f"{path}/done")).json()["detail_coded"]["code"] == "ping-action-unknown"
    assert (await api.get(f"{path}?rid=1")).status_code == 404
    assert (await api.head(path)).status_code == 404
    assert (await api.put(path)).status_code == 405
    assert (await api.post(path, headers=form | {"Origin": "https://evil.example"})).status_code == 403
    assert (await api.post(path, content=b"x" * (1024 * 1024 + 1), headers=form)).status_code == 413
