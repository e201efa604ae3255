"""Calls to link-local addresses: what is declared, what is stored already, and what a name leads to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.http.routes import RefusedError, make_socket
from myscheduler.adapters.http.sender import open_sender
from myscheduler.core.calls.link_local import NOWHERE, Reach
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.execution import Status
from myscheduler.core.policy.guard import Guard
from myscheduler.core.policy.policy import Policy
from myscheduler.core.reason import Reason
from tests.support.calls import request, under
from tests.support.names import Names
from tests.support.parts import Parts, client, is_over, opened, spec
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

LINK_LOCAL = "169.254.169.254"


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        running.dispatcher.start()
        yield running


async def send(url: str) -> Outcome:
    async with open_sender(connections=0, connections_per_host=0) as sender:
        return await sender.send(request(url))


@pytest.mark.parametrize(
    "host",
    [
        LINK_LOCAL,
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.43518",
        "１６９.254.169.254",
        "169%2E254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1%25lo]",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ],
)
async def test_no_spelling_is_called(host: str) -> None:
    outcome = await send(f"http://user:hush@{host}:80/hush")
    assert (outcome.failure, outcome.http_status) == (Failure.TARGET_NOT_ALLOWED, None)
    assert outcome.error is not None
    assert "is a link-local address" in outcome.error
    assert "allow_link_local: [" in outcome.error
    assert "hush" not in outcome.error


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param([LINK_LOCAL], id="one"),
        pytest.param([LINK_LOCAL, "fe80::1"], id="two"),
        pytest.param(["::ffff:169.254.169.254"], id="mapped"),
        pytest.param(["64:ff9b::a9fe:a9fe"], id="NAT64"),
    ],
)
async def test_a_name_that_leads_there(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    Names(monkeypatch, addresses)
    outcome = await send("http://innocent.example.com/")
    assert outcome.failure is Failure.TARGET_NOT_ALLOWED
    assert outcome.error is not None
    assert outcome.error.startswith("innocent.example.com:80 leads to ")
    assert "169.254.169.254 " in outcome.error.replace(")", " ")


async def test_of_several_addresses_the_others_are_called(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    Names(monkeypatch, [LINK_LOCAL, "127.0.0.1"])
    outcome = await send(f"http://mixed.example.com:{target.port}/")
    assert (outcome.http_status, outcome.failure) == (200, None)


async def test_when_the_others_fail_their_failure_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, [LINK_LOCAL, "127.0.0.1"])
    outcome = await send("http://mixed.example.com:9/")
    assert outcome == Outcome(None, Failure.REFUSED, "connection to mixed.example.com:9 refused")


async def test_a_name_that_changes_its_meaning(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    names = Names(monkeypatch, ["127.0.0.1"], [LINK_LOCAL])
    monkeypatch.setattr("myscheduler.adapters.http.sender.DNS_TTL_SEC", 0)
    target.answers("/", Answer(headers=(("Connection", "close"),)))
    url = f"http://rebinding.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0) as sender:
        first = await sender.send(request(url))
        second = await sender.send(request(url))
    assert (first.http_status, second.failure) == (200, Failure.TARGET_NOT_ALLOWED)
    assert (names.asked, len(target.requests)) == (2, 1)


def test_the_address_of_the_connection_is_judged_whatever_was_looked_up() -> None:
    def make(host: str, reach: Reach = NOWHERE) -> socket.socket:
        with under(Guard(reach=reach)):
            return make_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)))

    for host in (LINK_LOCAL, "::ffff:169.254.169.254", "fe80::1%lo", "2852039166"):
        with pytest.raises(RefusedError):
            make(host)
    with pytest.raises(OSError, match="'metadata' is not an address"):
        make("metadata")
    make("127.0.0.1").close()
    make(LINK_LOCAL, Reach((ip_network("169.254.0.0/16"),))).close()


async def test_the_policy_is_asked_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, ["fe80::1"])  # without its zone, nothing is sent to it
    guard = Guard()
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        refused = await sender.send(request("http://a.example.com/", timeout_sec=0.2))
        guard = Guard(reach=Reach((ip_network("fe80::1"),)))
        tried = await sender.send(request("http://a.example.com/", timeout_sec=0.2))
    assert refused.failure is Failure.TARGET_NOT_ALLOWED
    assert tried.failure in {Failure.TIMEOUT, Failure.CONNECT}


async def test_a_kept_connection_is_judged_by_the_policy_of_today(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    url, guard = f"http://kept.example.com:{target.port}/", Guard()
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        before = [await sender.send(request(url)) for _ in range(2)]
        guard = Guard(Policy(deny_networks=(ip_network("127.0.0.0/8"),)))
        after = await sender.send(request(url))
    assert [one.http_status for one in before] == [200, 200]
    assert [one.connection for one in target.requests] == [1, 1]
    assert after.failure is Failure.TARGET_NOT_ALLOWED


async def test_names_that_hang_hold_up_no_other(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    hung, real = asyncio.Event(), socket.getaddrinfo
    loop = asyncio.get_running_loop()

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        if host.startswith("hanging"):
            asyncio.run_coroutine_threadsafe(hung.wait(), loop).result()
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with open_sender(connections=0, connections_per_host=0) as sender:
        calls = [
            asyncio.create_task(sender.send(request(f"http://hanging-{one}.invalid/", timeout_sec=60)))
            for one in range(40)
        ]
        await asyncio.sleep(0)
        outcome = await sender.send(request(f"http://localhost:{target.port}/"))
        assert (outcome.http_status, [call.done() for call in calls]) == (200, [False] * 40)
        assert await asyncio.to_thread(lambda: "other work") == "other work"
        hung.set()
        outcomes = await asyncio.gather(*calls)
    assert {outcome.failure for outcome in outcomes} == {Failure.DNS}


class TestJobs:
    async def test_one_that_is_stored_is_not_sent(self, parts: Parts) -> None:
        job = replace(spec("a", max_retries=3), target_url=f"http://{LINK_LOCAL}/")
        await parts.catalog.create(job, replace_existing=False)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.TARGET_NOT_ALLOWED, 0)
        assert row.error is not None
        assert row.error.startswith(f"{LINK_LOCAL} is a link-local address (cloud metadata)")

    @pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/jobs"), ("PUT", "/api/v1/jobs/a")])
    async def test_the_api_takes_none(self, parts: Parts, method: str, path: str) -> None:
        body = {"job_id": "a", "interval": {"hours": 1}, "target_url": "http://0xA9FEA9FE/"}
        async with client(parts) as http:
            if method == "PUT":
                await parts.create("a")
            answer = await http.request(method, path, json=body)
            errors = [(one["field"], one["rule"]) for one in answer.json()["errors"]]
            assert (answer.status_code, errors) == (422, [("target_url", "policy-link-local")])
            parts.manifest("policy.yaml", f"allow_link_local: [{LINK_LOCAL}]\n")
            await parts.sync()
            assert (await http.request(method, path, json=body)).status_code == 200

    async def test_a_manifest_is_held_until_the_policy_allows_it(self, parts: Parts) -> None:
        parts.manifest("a.yaml", f"job_id: a\ninterval: {{hours: 1}}\ntarget_url: http://{LINK_LOCAL}/\n")
        state = await parts.sync()
        assert ([one.rule for one in state.problems], await parts.jobs()) == (["policy-link-local"], {})
        parts.manifest("policy.yaml", "allow_link_local: true\n")
        assert (await parts.sync()).problems == ()
        assert set(await parts.jobs()) == {"a"}
        assert parts.reconciler.rulebook.reach != NOWHERE
        parts.manifest("policy.yaml", "allow_link_locl: true\n")
        await parts.sync()
        assert parts.reconciler.rulebook.reach != NOWHERE, "a typo neither lifts nor adds a rule"

    async def test_a_policy_that_nobody_knows_allows_none(self, parts: Parts) -> None:
        parts.manifest("policy.yaml", "allow_link_locl: true\n")
        await parts.sync()
        assert parts.reconciler.rulebook.reach == NOWHERE
