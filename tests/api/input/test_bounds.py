"""What the API does with more than it takes: the answer, and the connection after it."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import sqlalchemy as sa

from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.tables import audit
from myscheduler.core.bounds import LARGEST_BODY, LARGEST_ENTRY, MOST_PROBLEMS, MOST_VALUES
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry, bounded
from tests.support.api import JOBS, JSON, body
from tests.support.parts import Parts, opened
from tests.support.patience import PATIENCE
from tests.support.service import Service

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, drain_sec=0) as running:
        yield running


async def refused(api: httpx.AsyncClient, path: str, content: Any, status: int = 422) -> dict[str, Any]:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = await api.post(path, content=sent, headers=JSON)
    assert answer.status_code == status, answer.text
    assert len(answer.content) < 200_000
    problem: dict[str, Any] = answer.json()
    return problem


class TestProblems:
    async def test_a_hundred_are_told_and_the_others_counted(self, api: httpx.AsyncClient) -> None:
        problem = await refused(api, JOBS, body(**{f"key{number}": 1 for number in range(5_000)}))
        assert len(problem["errors"]) == MOST_PROBLEMS + 1
        last = problem["errors"][-1]
        assert (last["field"], last["rule"], last["message"]) == ("", "more-problems", "and 4,900 more")
        assert last["message_coded"] == {"code": "and-more", "params": {"count": 4_900}, "text": "and 4,900 more"}

    @pytest.mark.parametrize("path", [JOBS, f"{JOBS}/a/trigger", f"{JOBS}/a/pause", "/api/v1/sync"])
    async def test_more_values_than_are_taken_are_one(self, api: httpx.AsyncClient, path: str) -> None:
        problem = await refused(api, path, {f"k{number}": 1 for number in range(MOST_VALUES + 1)})
        assert [one["rule"] for one in problem["errors"]] == ["too-large"]

    @pytest.mark.parametrize("key", ["x" * 900_000, "password=s3cret", '"' + '\\"' * 200_000])
    async def test_a_key_is_not_repeated_at_length(self, api: httpx.AsyncClient, key: str) -> None:
        for path in (JOBS, f"{JOBS}/a/trigger"):
            problem = await refused(api, path, {key: 1})
            assert len(json.dumps(problem)) < 6_000
            assert "s3cret" not in json.dumps(problem)
        double = f"{{{json.dumps(key)}: 1, {json.dumps(key)}: 1}}".encode()
        assert len((await refused(api, JOBS, double, 400 if len(double) < MIB else 413))["detail"]) < 500

    @pytest.mark.parametrize(
        ("path", "content"),
        [
            (f"{JOBS}/a/pause", {"until": "x" * 900_000}),
            (f"{JOBS}/a/pause", {"reason": "\u3000x" * 100_000}),
            (f"{JOBS}/a/resume", {"catchup": "x" * 900_000}),
            (JOBS, body(method="x" * 900_000)),
            (JOBS, body(schedule_type=[["x"]] * 3_000)),
            (JOBS, body(fold={"x" * 90_000: 1})),
        ],
    )
    async def test_a_value_is_not_repeated_at_length(self, api: httpx.AsyncClient, path: str, content: Any) -> None:
        await api.post(JOBS, json=body())
        assert len(json.dumps(await refused(api, path, content))) < 6_000

    async def test_an_id_in_the_path_is_not_repeated_at_length(self, api: httpx.AsyncClient) -> None:
        await api.post(JOBS, json=body())
        for answer in (await api.get(f"{JOBS}/{'x' * 20_000}"), await api.get(f"/{'x' * 20_000}")):
            assert answer.status_code == 404
            assert len(answer.content) < 2_000
        replaced = await api.put(f"{JOBS}/a", json=body(job_id="x" * 900_000))
        assert len(replaced.content) < 2_000

    async def test_depth_is_found_without_recursion(self, api: httpx.AsyncClient) -> None:
        for opening in (b"[" * 500_000, b'{"a":' * 150_000, b'["[", ' * 100_000):
            assert "nested" in (await refused(api, JOBS, opening))["detail"]
        flat = b'{"x": ["' + b"[" * 50_000 + b'\\"["], "' + b"{" * 50_000 + b'": []}'
        assert "nested" not in (await refused(api, JOBS, flat))["detail"]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
    async def test_depth_does_not_hide_in_another_encoding(self, api: httpx.AsyncClient, encoding: str) -> None:
        hidden = '{"a": "\u2200", "body": ' + "[" * 20_000 + "]" * 20_000 + "}"  # U+2200 holds the byte of a quote
        for text in (hidden, json.dumps(body())):
            assert "not JSON" in (await refused(api, JOBS, text.encode(encoding), 400))["detail"]

    async def test_a_byte_order_mark_of_utf_8_is_fine(self, api: httpx.AsyncClient) -> None:
        assert (await api.post(JOBS, content=json.dumps(body()).encode("utf-8-sig"), headers=JSON)).status_code == 200


class TestTimes:
    ENDS = ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z")

    @pytest.mark.parametrize("at", [*ENDS, "9999-12-31T23:59Z", "0001-01-01T00:00:00+23:59"])
    async def test_why_at_the_ends_of_the_calendar(self, api: httpx.AsyncClient, at: str) -> None:
        await api.post(JOBS, json=body())
        answer = await api.get(f"{JOBS}/a/why", params={"at": at})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "at"

    @pytest.mark.parametrize("at", [*ENDS, "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"])
    async def test_every_other_moment(self, api: httpx.AsyncClient, at: str) -> None:
        fields: list[dict[str, Any]] = [
            {"run_at": at, "interval": None}, {"anchor": at}, {"start_at": at}, {"end_at": at},
            {"blackout": [{"from": at, "to": "2030-01-01T00:00:00Z"}]},
            {"blackout": [{"from": "2030-01-01T00:00:00Z", "to": at}]},
        ]  # fmt: skip
        for given in fields:
            answer = await api.post(JOBS, json=body(**given, replace_existing=True))
            assert answer.status_code in {200, 422}, answer.text
            for path in ("/api/v1/preview", f"{JOBS}/a", f"{JOBS}/a/why?at=2027-01-01T00:00", JOBS):
                assert (await api.get(path)).status_code in {200, 404}
        for name in ("from", "until"):
            assert (await api.get("/api/v1/preview", params={name: at})).status_code in {200, 422}
        assert (await api.post(f"{JOBS}/a/pause", json={"until": at})).status_code in {200, 404, 422}


class TestAudit:
    async def test_a_large_job_is_a_short_entry(self, api: httpx.AsyncClient) -> None:
        wide = {f"key{number}": "x" * 90 for number in range(5_000)}
        assert (await api.post(JOBS, json=body(body={"x": wide, "y": "z" * 100_000}))).status_code == 200
        answer = await api.get("/api/v1/audit")
        (entry,) = answer.json()["entries"]
        assert entry["detail"]["more_fields"] > 4_000
        assert len(answer.content) < LARGEST_ENTRY + 1_000

    async def test_a_long_value_is_cut(self, api: httpx.AsyncClient) -> None:
        await api.post(JOBS, json=body(body=["z" * 100_000]))
        (entry,) = (await api.get("/api/v1/audit")).json()["entries"]
        after = {one["field"]: one["after"] for one in entry["detail"]["fields"]}
        assert after["body"].endswith("… (100,004 characters)")

    async def test_entries_of_older_versions_are_cut_too(self, parts: Parts, api: httpx.AsyncClient) -> None:
        def entry(number: int, fields: int) -> dict[str, Any]:
            detail = {"fields": [{"field": f"f{one}", "before": None, "after": "x" * 40} for one in range(fields)]}
            return {"at": datetime.now(UTC), "actor": "api", "action": "created", "job_id": "a",
                    "detail": json.dumps(detail), "entry_id": f"{number:036}"}  # fmt: skip

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.insert(audit), [entry(number, 300) for number in range(90)])
            connection.execute(sa.insert(audit), [entry(number, 90_000) for number in range(90, 93)])

        await parts.store.write(write)
        answer = await api.get("/api/v1/audit")
        assert answer.json()["count"] == 93
        assert len(answer.content) < MIB
        assert answer.json()["entries"][0]["detail"] == {"cut": "this entry is too long to be shown"}

    async def test_what_is_bounded_stays_so(self, parts: Parts) -> None:
        detail = bounded({"fields": [{"field": "a", "before": "x" * 9_000, "after": None}] * 300, "source": 1})
        assert bounded(detail)["fields"] == detail["fields"]
        entry = AuditEntry(datetime.now(UTC), "api", AuditAction.CREATED, "a", detail)
        await parts.store.write(partial(audit_rows.add, entries=[entry]))


# --- the connection -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("bounds")
    (folder / "jobs.d").mkdir()
    with Service(folder) as running:
        yield running


class Line:
    """A connection of our own."""

    def __init__(self, service: Service) -> None:
        url = httpx.URL(service.url)
        self._socket = socket.create_connection((url.host, url.port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")
        self._host = f"{url.host}:{url.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, *headers: str, content: bytes = b"") -> None:
        head = [f"POST {JOBS} HTTP/1.1", f"Host: {self._host}", "Content-Type: application/json", *headers, "", ""]
        self._socket.sendall("\r\n".join(head).encode() + content)

    def go_on(self, content: bytes) -> None:
        self._socket.sendall(content)

    def status(self) -> int:
        """Of the next answer, which is read whole."""
        first = self._file.readline().split()
        length = 0
        while (line := self._file.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._file.read(length)
        return int(first[1])


def test_a_length_that_is_too_large_is_refused_before_the_body_comes(service: Service) -> None:
    with Line(service) as line:
        line.send(f"Content-Length: {LARGEST_BODY + 1}")
        assert line.status() == 413


def test_nobody_is_asked_for_a_body_that_is_too_large(service: Service) -> None:
    with Line(service) as line:
        line.send(f"Content-Length: {LARGEST_BODY + 1}", "Expect: 100-continue")
        assert line.status() == 413


def test_chunks_are_refused_as_soon_as_they_are_too_much(service: Service) -> None:
    chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
    with Line(service) as line:
        line.send("Transfer-Encoding: chunked", content=chunk * 4)
        line.go_on(b"1\r\n \r\n")
        assert line.status() == 413


def test_the_connection_can_be_used_after_it_was_refused(service: Service) -> None:
    with Line(service) as line:
        line.send(f"Content-Length: {LARGEST_BODY + 1}", content=b" " * (LARGEST_BODY + 1))
        assert line.status() == 413
        small = json.dumps(body(job_id="after")).encode()
        line.send(f"Content-Length: {len(small)}", content=small)
        assert line.status() == 200
