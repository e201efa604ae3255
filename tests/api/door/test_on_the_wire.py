"""Errors as they leave the machine: problem details, whoever refuses, and never a stack trace or SQL."""

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from myscheduler.api.door.connections import PIPELINE_LIMIT
from myscheduler.api.errors import TYPES
from tests.support.api import body
from tests.support.postgres import Database
from tests.support.service import Service, manifest
from tests.support.wire import LEAKS, Wire, ask

TOKEN = "s3cret"
HOST = b"Host: localhost\r\n"
AUTH = b"Authorization: Bearer s3cret\r\n"
JSON = b"Content-Type: application/json\r\n"


def head(line: str, *more: bytes) -> bytes:
    return line.encode("latin-1") + b" HTTP/1.1\r\n" + b"".join((HOST, *more)) + b"\r\n"


def sent(method: str, path: str, content: bytes, *more: bytes) -> bytes:
    return head(f"{method} {path}", AUTH, JSON, b"Content-Length: %d\r\n" % len(content), *more) + content


def job(**fields: object) -> bytes:
    return json.dumps(body(**fields)).encode()


JOBS = "/api/v1/jobs"
TOO_MANY = b"x=1&" * 20_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("wire")
    (folder / "jobs.d").mkdir()
    (folder / "jobs.d" / "m.yaml").write_text(manifest("m", "http://127.0.0.1:9/"), "utf-8")
    with Service(folder, MYSCHEDULER_API_TOKEN=TOKEN, MYSCHEDULER_MAX_API_JOBS="1") as running:
        assert ask(running.url, sent("POST", JOBS, job(job_id="a"))).status == 200
        yield running


CASES = {
    # the parser, before the application
    "no HTTP": (b"\x16\x03\x01\x02\r\n\r\n", 400),
    "half a line": (b"GET\r\n\r\n", 400),
    "an unknown method": (head(f"BREW {JOBS}"), 400),
    "a method in small letters": (head(f"get {JOBS}"), 400),
    "an unknown version": (b"GET / HTTP/1.9\r\n" + HOST + b"\r\n", 400),
    "HTTP/2 without TLS": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "CONNECT": (head("CONNECT localhost:80"), 400),
    "bytes in the path": (head(f"GET {JOBS}/\xff\xfe"), 400),
    "bytes in the query": (head(f"GET {JOBS}?\xff=1"), 400),
    "a header with a blank": (head("GET /", b"X y: z\r\n"), 400),
    "a folded header": (head("GET /", b"X: y\r\n z\r\n"), 400),
    "a NUL in a header": (head("GET /", b"X: y\x00z\r\n"), 400),
    "line feeds only": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "two lengths": (head(f"POST {JOBS}", JSON, b"Content-Length: 2\r\nContent-Length: 3\r\n") + b"{}}", 400),
    "a negative length": (head(f"POST {JOBS}", JSON, b"Content-Length: -2\r\n") + b"{}", 400),
    "a length and chunks": (head(f"POST {JOBS}", JSON, b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), 400),
    "an unknown coding": (head(f"POST {JOBS}", JSON, b"Transfer-Encoding: identity\r\n") + b"{}", 400),
    "a broken chunk": (head(f"POST {JOBS}", AUTH, JSON, b"Transfer-Encoding: chunked\r\n") + b"zz\r\n", 400),
    "a long path": (head(f"GET {JOBS}/" + "x" * 70_000), 431),
    "a long query": (head(f"GET {JOBS}?" + "x=1&" * 20_000), 431),
    "a long header": (head("GET /", b"X: " + b"y" * 70_000 + b"\r\n"), 431),
    "many headers": (head("GET /", b"X: y\r\n" * 200), 431),
    "many requests ahead": (head("GET /docs") * 5 * PIPELINE_LIMIT, 429),
    # the door
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "no host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "another host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "another site": (head(f"DELETE {JOBS}/a", AUTH, b"Sec-Fetch-Site: cross-site\r\n"), 403),
    "text": (head(f"POST {JOBS}", AUTH, b"Content-Type: text/plain\r\nContent-Length: 2\r\n") + b"{}", 415),
    "another charset": (
        head(f"POST {JOBS}", AUTH, b"Content-Type: application/json; charset=shift_jis\r\nContent-Length: 2\r\n"),
        415,
    ),
    "compressed": (sent("POST", JOBS, gzip.compress(job()), b"Content-Encoding: gzip\r\n"), 415),
    # routing
    "no route": (head("GET /nothing"), 404),
    "no route below the base": (head("GET /api/v1/nothing", AUTH), 404),
    "OPTIONS where nothing is": (head("OPTIONS /nothing"), 404),
    "OPTIONS *": (head("OPTIONS *"), 404),
    "two slashes": (head("GET //api/v1/jobs", AUTH), 404),
    "two slashes and a host": (head("GET //evil.example/"), 404),
    "a slash at the end": (head("GET /api/v1/now/", AUTH), 404),
    "dots": (head("GET /api/v1/../../etc/passwd"), 404),
    "a broken escape": (head(f"GET {JOBS}/%zz", AUTH), 404),
    "half an escape": (head(f"GET {JOBS}/%", AUTH), 404),
    "escaped bytes": (head(f"GET {JOBS}/%ff%fe", AUTH), 404),
    "an escaped surrogate": (head(f"GET {JOBS}/%ed%a0%80", AUTH), 404),
    "an escaped NUL": (head(f"GET {JOBS}/%00", AUTH), 404),
    "no file of the page": (head("GET /docs/nothing.js"), 404),
    "PATCH": (head(f"PATCH {JOBS}", AUTH), 405),
    "TRACE": (head(f"TRACE {JOBS}"), 405),
    "PROPFIND": (head(f"PROPFIND {JOBS}"), 405),
    "PUT of a session": (head("PUT /api/v1/session"), 405),
    "POST of the page": (head("POST /docs"), 405),
    "a range backwards": (head("GET /docs/swagger-ui.css", b"Range: bytes=5-3\r\n"), 400),
    "no range": (head("GET /docs/swagger-ui.css", b"Range: x\r\n"), 400),
    "a range beyond the end": (head("GET /docs/swagger-ui.css", b"Range: bytes=99999999-\r\n"), 416),
    # callers
    "no token": (head(f"GET {JOBS}"), 401),
    "a wrong token": (head(f"GET {JOBS}", b"Authorization: Bearer x\r\n"), 401),
    "bytes for a token": (head(f"GET {JOBS}", b"Authorization: Bearer \xff\xfe\r\n"), 401),
    "a wrong session": (head(f"GET {JOBS}", b"Cookie: myscheduler_session=x\r\n"), 401),
    "not this role": (head("GET /api/v1/tokens", AUTH), 403),
    # what is asked
    "an unknown parameter": (head("GET /api/v1/now?%zz=1", AUTH), 422),
    "many parameters": (head(f"GET {JOBS}?" + "&".join(f"a{number}=1" for number in range(5_000)), AUTH), 422),
    "a parameter many times": (head(f"GET {JOBS}?" + "label=a&" * 5_000, AUTH), 422),
    "no JSON": (sent("POST", JOBS, b"{"), 400),
    "bytes that are no text": (sent("POST", JOBS, b'{"name": "\xff"}'), 400),
    "too large": (head(f"POST {JOBS}", AUTH, JSON, b"Content-Length: 99999999999\r\n"), 413),
    "too large for a session": (sent("POST", "/api/v1/session", b" " * 30_000), 413),
    "no job": (sent("POST", JOBS, b"{}"), 422),
    "a job of a manifest": (sent("PUT", f"{JOBS}/m", job(job_id="m")), 409),
    "an id that is taken": (sent("POST", JOBS, job(job_id="a")), 409),
    "too many jobs": (sent("POST", JOBS, job(job_id="b")), 409),
    "changed since": (head(f"DELETE {JOBS}/a", AUTH, b'If-Match: "x"\r\n'), 412),
}  # fmt: skip


@pytest.mark.parametrize(("data", "status"), CASES.values(), ids=CASES)
def test_an_error(service: Service, data: bytes, status: int) -> None:
    with Wire(service.url) as wire:
        wire.send(data)
        answer = wire.answer()
        while data.startswith(b"GET /docs HTTP") and answer.status == 200:
            answer = wire.answer()
    assert answer.status == status
    problem = answer.problem()
    assert problem["type"].removeprefix("urn:myscheduler:problem:") == TYPES[status][0]
    assert ("allow" in answer.headers) is (status == 405)
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_half_a_head_is_a_problem_too(tmp_path: Path) -> None:
    """The others that wait are in test_connections."""
    with Service(tmp_path) as service, Wire(service.url) as wire:
        wire.send(b"GET / HT")
        answer = wire.answer()
        assert (answer.status, answer.problem()["title"]) == (408, "Request timeout")


@pytest.mark.parametrize("line", ["HEAD /nothing", f"HEAD {JOBS}", f"HEAD {JOBS}/a/pause"])
def test_an_answer_to_head_has_no_body(service: Service, line: str) -> None:
    with Wire(service.url) as wire:
        wire.send(head(line) + head("GET /health"))
        first = wire.answer(is_head=True)
        assert first.status in {404, 401, 405}
        assert first.headers["content-type"] == "application/problem+json"
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    "extra", [b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"]
)
def test_nothing_is_upgraded(service: Service, extra: bytes) -> None:
    assert ask(service.url, head("GET /health", extra)).status == 200


def test_who_asks_first_is_told_to_go_on(service: Service) -> None:
    with Wire(service.url) as wire:
        content = job(job_id="a")
        wire.send(head(f"POST {JOBS}", AUTH, JSON, b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(content)))
        assert wire.line().split()[1] == b"100"
        wire.send(content)
        assert wire.answer().status == 409


def test_too_many_requests(tmp_path: Path) -> None:
    with Service(tmp_path, MYSCHEDULER_RATE_LIMIT="2") as service:
        answers = [ask(service.url, head("GET /api/v1/now")) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[2].problem()["type"] == "urn:myscheduler:problem:too-many-requests"
        assert answers[2].headers["ratelimit-policy"] == '"default";q=2;w=60'
        assert int(answers[2].headers["retry-after"]) > 0
        assert ask(service.url, head("GET /health/live")).status == 200


# --- a database that is broken --------------------------------------------------------------------------------------

ASKED = [
    *(("GET", path, b"") for path in (
        JOBS, f"{JOBS}?limit=5", f"{JOBS}/a", f"{JOBS}/a/executions", f"{JOBS}/a/why", f"{JOBS}/a/stats",
        f"{JOBS}/executions/recent", "/api/v1/executions", "/api/v1/executions?label=a", "/api/v1/executions/x",
        "/api/v1/audit", "/api/v1/specs", "/api/v1/now", "/api/v1/upcoming", "/api/v1/forecast", "/api/v1/preview",
        "/api/v1/strips?job_id=a", "/api/v1/sync", "/api/v1/targets", "/api/v1/tokens", "/health", "/health/ready",
    )),
    ("POST", JOBS, job(job_id="b")),
    ("PUT", f"{JOBS}/a", job(job_id="a", name="x")),
    ("POST", f"{JOBS}/a/pause", b"{}"),
    ("POST", f"{JOBS}/bulk/pause", b'{"ids": ["*"]}'),
    ("POST", "/api/v1/plan", b'{"files": {"a.yaml": ""}}'),
    ("POST", "/api/v1/tokens", b'{"name": "x", "role": "viewer"}'),
    ("DELETE", f"{JOBS}/a", b""),
]  # fmt: skip


def corrupted(database: Path) -> None:
    with database.open("r+b") as file:
        size = database.stat().st_size
        for at in range(0, size, 4096):
            file.seek(at)
            file.write(b"\xa5" * min(4096, size - at))
    for journal in database.parent.glob("*-wal"):
        journal.write_bytes(b"")


def emptied(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f'DROP TABLE "{name}"')


def replaced(database: Path) -> None:
    content = database.read_bytes()
    database.unlink()
    database.write_bytes(content)


def garbled(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE jobs SET spec = '{'")


@pytest.mark.parametrize(
    ("damage", "status"),
    [(corrupted, 503), (emptied, 503), (replaced, 503), (garbled, 500)],
    ids=["corrupted", "emptied", "replaced", "garbled"],
)
def test_a_broken_database_is_told_in_plain_words(tmp_path: Path, damage: Callable[[Path], None], status: int) -> None:
    with Service(tmp_path) as service:
        service.create(**body(job_id="a"))
        damage(tmp_path / "data" / "jobs.db")
        assert status in told(service)


def test_a_broken_server_is_told_in_plain_words(tmp_path: Path, postgres: Database) -> None:
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        service.create(**body(job_id="a"))
        postgres.ask("DROP TABLE executions, tokens, audit CASCADE")
        assert 500 in told(service)


def told(service: Service) -> set[int]:
    """The statuses of all answers, none of which has a part of a stack trace or of SQL."""
    statuses = set()
    for method, path, content in ASKED:
        answer = ask(service.url, sent(method, path, content))
        statuses.add(answer.status)
        assert not [leak for leak in LEAKS if leak in answer.content.decode()], (method, path, answer.content)
        if answer.status >= 400 and not path.startswith("/health"):
            answer.problem()
    assert ask(service.url, head("GET /health/live")).status == 200
    return statuses
