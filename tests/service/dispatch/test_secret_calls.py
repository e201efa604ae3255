"""Calls with secrets: real files, a real target, real SQLite. What is sent, what is recorded, and what is refused."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from myscheduler.adapters.http.message import Message
from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.policy.grants import Grant, Grants
from myscheduler.core.reason import Reason
from tests.support.parts import Parts, client, is_over, opened
from tests.support.target import Answer, Received, Target

pytestmark = pytest.mark.anyio

VALUE = 'p"w/1 é&+%=\\'
"""Everything that some place has to escape."""


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, environment={"MYSCHEDULER_SECRET_FROM_ENV": VALUE}) as running:
        running.dispatcher.start()
        yield running


async def run(parts: Parts, **fields: Any) -> Record:
    """Declare the job `a` in a manifest, trigger it, and wait for its end."""
    document = {"job_id": "a", "interval": {"hours": 1}} | fields
    parts.manifest("a.yaml", json.dumps(document))
    state = await parts.sync()
    assert state.problems == ()
    execution_id = (await parts.dispatcher.trigger("a", by="me")).execution_id
    return await parts.row_where("a", lambda row: row.execution_id == execution_id and is_over(row))


def in_authorization(got: Received) -> str:
    return base64.b64decode((got.header("Authorization") or "").removeprefix("Basic ")).decode()


class TestWhatIsSent:
    @pytest.mark.parametrize("name", ["from-file", "from-env"])
    async def test_everywhere(self, parts: Parts, target: Target, name: str) -> None:
        parts.secret("from-file", VALUE + "\n")
        reference = f"${{secret:{name}}}"
        url = target.url(f"/{reference}/x?q={reference}").replace("://", f"://us$${{er:{reference}@")
        row = await run(
            parts,
            target_url=url,
            method="POST",
            headers={"X-Key": f"key {reference} $${{x}}"},
            body={"a": [reference, "$${b}"], "n": 1},
        )
        assert (row.status, row.reason) == (Status.COMPLETED, None)
        (got,) = target.requests
        path, _, query = got.target.partition("?")
        assert unquote(path) == f"/{VALUE}/x"
        assert path.count("/") == 2
        assert unquote(query) == f"q={VALUE}"
        assert query.count("=") == 1
        assert in_authorization(got) == f"us${{er:{VALUE}"
        assert (got.header("X-Key") or "").encode("latin-1").decode() == f"key {VALUE} ${{x}}"
        assert json.loads(got.body) == {"a": [VALUE, "${b}"], "n": 1}

    @pytest.mark.parametrize(
        ("content_type", "body", "sent"),
        [
            pytest.param("text/plain", "pw=${secret:a} $${x}", f"pw={VALUE} ${{x}}", id="text"),
            pytest.param(
                "application/x-www-form-urlencoded",
                "pw=${secret:a}&b=c",
                "pw=p%22w%2F1+%C3%A9%26%2B%25%3D%5C&b=c",
                id="a form",
            ),
            pytest.param("application/json", "${secret:a}", json.dumps(VALUE, ensure_ascii=False), id="JSON text"),
        ],
    )
    async def test_bodies(self, parts: Parts, target: Target, content_type: str, body: str, sent: str) -> None:
        parts.secret("a", VALUE)
        await run(parts, target_url=target.url(), method="POST", headers={"Content-Type": content_type}, body=body)
        assert target.requests[0].body.decode() == sent

    async def test_a_job_with_literals_only(self, parts: Parts, target: Target) -> None:
        row = await run(parts, target_url=target.url("/$${x}"), headers={"A": "$${b}"})
        assert row.status is Status.COMPLETED
        assert (target.requests[0].target, target.requests[0].header("A")) == ("/$%7Bx%7D", "${b}")

    async def test_each_attempt_looks_anew(self, parts: Parts, target: Target) -> None:
        """The first attempt finds a password that has just been rotated, the second the new one."""
        parts.secret("a", "old")
        target.answers("/", Answer(503), Answer())
        fields = {"target_url": target.url(), "headers": {"A": "${secret:a}"}}
        running = asyncio.create_task(run(parts, **fields, max_retries=1, retry_backoff_sec=1.1))
        await asyncio.to_thread(target.wait_for, 1)
        parts.secret("a", "new")
        row = await running
        assert (row.status, row.attempts) == (Status.COMPLETED, 2)
        assert [one.header("A") for one in target.requests] == ["old", "new"]

    async def test_a_line_break_for_a_header(self, parts: Parts, target: Target) -> None:
        parts.secret("a", "canary\r\nX-Injected: 1")
        row = await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
        assert (row.status, target.requests) == (Status.FAILED, [])
        assert row.error == "the value of the header A has a line break or another control character"


class TestWithoutTheSecret:
    async def test_a_missing_one(self, parts: Parts, target: Target) -> None:
        fields = {"target_url": target.url(), "headers": {"A": "${secret:db-pw}"}, "max_retries": 5}
        row = await run(parts, **fields)
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.SECRET_MISSING, 0)
        assert row.error == (
            f"secret 'db-pw' is missing: there is neither a file {parts.folder / 'secrets' / 'db-pw'} "
            "nor an environment variable MYSCHEDULER_SECRET_DB_PW"
        )
        assert target.requests == []

    async def test_one_that_can_not_be_used(self, parts: Parts, target: Target) -> None:
        parts.secret("a", b"\xff")
        row = await run(parts, target_url=target.url(), body="${secret:a}")
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.SECRET_UNUSABLE, 0)
        assert target.requests == []

    async def test_one_that_goes_between_two_attempts(self, parts: Parts, target: Target) -> None:
        parts.secret("a", "here")
        target.answers("/", Answer(503))
        fields = {"target_url": target.url(), "headers": {"A": "${secret:a}"}}
        running = asyncio.create_task(run(parts, **fields, max_retries=5, retry_backoff_sec=1.1))
        await asyncio.to_thread(target.wait_for, 1)
        (parts.folder / "secrets" / "a").unlink()
        row = await running
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.SECRET_MISSING, 1)
        assert len(target.requests) == 1

    async def test_its_place_is_given_back(self, tmp_path: Path, target: Target) -> None:
        async with opened(tmp_path, limit=1) as parts:
            parts.dispatcher.start()
            for _ in range(3):
                await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
            parts.secret("a", "x")
            await asyncio.sleep(1)
            row = await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
            assert row.status is Status.COMPLETED

    async def test_why_says_it(self, parts: Parts, target: Target) -> None:
        row = await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
        async with client(parts) as http:
            answer = await http.get("/api/v1/jobs/a/why", params={"at": row.slot.isoformat()})
            shown = (await http.get("/api/v1/jobs/a")).json()["executions"][0]
        assert "secret 'a' is missing" in answer.json()["answer"]
        assert answer.json()["slots"][0]["reason"] == shown["reason"] == "secret-missing"


FIELDS = {"job_id": "a", "interval": {"hours": 1}, "headers": {"A": "${secret:a}"}}


class TestJobsOfTheApi:
    @pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/jobs"), ("PUT", "/api/v1/jobs/a")])
    async def test_are_refused_what_is_not_granted(self, parts: Parts, target: Target, method: str, path: str) -> None:
        host = f"127.0.0.1:{target.port}"
        body = FIELDS | {"target_url": target.url()}
        async with client(parts) as http:
            if method == "PUT":
                await http.post("/api/v1/jobs", json=body | {"headers": {}})
            answer = await http.request(method, path, json=body)
            assert answer.status_code == 422
            assert [(one["field"], one["rule"]) for one in answer.json()["errors"]] == [
                ("headers.A", "secret-not-allowed")
            ]
            assert f"secret 'a' may not be sent to {host}" in answer.json()["detail"]
            assert "policy.yaml" in answer.json()["detail"]
            parts.grants = Grants((Grant("a", ("127.0.0.1",)),))
            assert (await http.request(method, path, json=body)).status_code == 200
            elsewheres: list[dict[str, Any]] = [
                {"target_url": "http://localhost/"},
                {"headers": {"Host": "evil.test", "A": "${secret:a}"}},
            ]
            for elsewhere in elsewheres:
                answer = await http.request(method, path, json=body | elsewhere)
                assert [one["rule"] for one in answer.json()["errors"]] == ["secret-not-allowed"]
                assert "evil" not in answer.text

    async def test_send_what_is_granted_until_it_is_no_longer(self, parts: Parts, target: Target) -> None:
        parts.secret("a", VALUE)
        parts.grants = Grants((Grant("a", ("127.0.0.1",)),))
        await parts.create("a", target_url=target.url(), headers={"A": "${secret:a}"})
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert row.status is Status.COMPLETED
        parts.grants = Grants()
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", lambda row: row.status is Status.FAILED)
        assert (row.reason, row.attempts) == (Reason.SECRET_NOT_ALLOWED, 0)
        assert row.error is not None
        assert row.error.startswith("secret 'a' may not be sent to 127.0.0.1")
        assert len(target.requests) == 1

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"headers": {"A": "${secret:a}", "Host": "evil.test"}}, id="host of a header"),
            pytest.param({"target_url": "http://evil.test\\@127.0.0.1/"}, id="doubtful host"),
        ],
    )
    async def test_what_was_stored_before_is_not_sent(
        self, parts: Parts, target: Target, fields: dict[str, Any]
    ) -> None:
        parts.secret("a", VALUE)
        parts.grants = Grants((Grant("a", ("127.0.0.1",)),))
        await parts.create("a", **{"target_url": target.url(), "headers": {"A": "${secret:a}"}} | fields)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.reason, row.attempts) == (Reason.SECRET_NOT_ALLOWED, 0)
        assert target.requests == []


class TestTraces:
    async def test_the_response_is_redacted(self, parts: Parts, target: Target) -> None:
        parts.secret("a", "hunter2!")
        target.answers("/", Answer(200, b"you sent hunter2! and aHVudGVyMiE="))
        row = await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
        assert row.excerpt == "you sent [redacted] and [redacted]"

    async def test_a_bug_does_not_tell_it(self, parts: Parts, target: Target, caplog: pytest.LogCaptureFixture) -> None:
        class Broken(Sender):
            async def send(self, request: Request, ready: Message | None = None) -> Outcome:  # noqa: ARG002 - the interface
                raise RuntimeError(f"what a library says of {request.headers['A']}")

        parts.secret("a", "hunter2!")
        parts.caller._sender = Broken(parts.caller._sender._connector, 1)
        with caplog.at_level(logging.DEBUG):
            row = await run(parts, target_url=target.url(), headers={"A": "${secret:a}"})
        assert row.error == "a bug in the scheduler ended this execution; its log has the stack trace"
        assert "RuntimeError: what a library says of [redacted]" in caplog.text
        assert "in send" in caplog.text
        assert "hunter2!" not in caplog.text
