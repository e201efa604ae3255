"""Calls that the guard refuses: what jobs of the API may call, and who may use a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from myscheduler.adapters.http.own_places import OwnPlaces
from myscheduler.adapters.http.routes import RefusedError, make_socket
from myscheduler.adapters.http.sender import open_sender
from myscheduler.core.calls.outcome import Failure
from myscheduler.core.history.execution import Status
from myscheduler.core.policy.guard import Guard
from myscheduler.core.policy.policy import Policy
from myscheduler.core.reason import Reason
from tests.support.calls import request, under
from tests.support.names import Names
from tests.support.parts import Parts, client, is_over, opened, spec
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """With the defaults of the service."""
    async with opened(tmp_path, api_may_call_private=False) as running:
        running.dispatcher.start()
        yield running


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
             "127。0。0。1", "localhost", "０.0.0.0"],
)  # fmt: skip
async def test_no_spelling_of_this_machine_is_called_for_the_api(target: Target, host: str) -> None:
    async with open_sender(connections=0, connections_per_host=0) as sender:
        outcome = await sender.send(request(f"http://{host}:{target.port}/", of_api=True))
    assert (outcome.failure, outcome.http_status, target.requests) == (Failure.TARGET_NOT_ALLOWED, None, [])
    assert outcome.error is not None
    assert "is not a public address" in outcome.error


@pytest.mark.parametrize("host", ["localhost.", "a.localhost", "innocent。example.com", "日本.jp"])
async def test_no_name_of_this_machine_is_called_for_the_api(
    monkeypatch: pytest.MonkeyPatch, target: Target, host: str
) -> None:
    Names(monkeypatch, ["::ffff:127.0.0.1", "127.0.0.1"])
    async with open_sender(connections=0, connections_per_host=0) as sender:
        outcome = await sender.send(request(f"http://{host}:{target.port}/", of_api=True))
    assert (outcome.failure, outcome.http_status, target.requests) == (Failure.TARGET_NOT_ALLOWED, None, [])


async def test_a_name_that_changes_its_meaning(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    """The first address stands for a public one: it is a port of this machine that the policy allows."""
    names = Names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    monkeypatch.setattr("myscheduler.adapters.http.sender.DNS_TTL_SEC", 0)
    guard = Guard(Policy(api_private_networks=(ip_network("127.0.0.2"),)))
    url = f"http://rebinding.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        first = await sender.send(request(url, of_api=True))
        second = await sender.send(request(url, of_api=True))
    assert first.failure in {None, Failure.REFUSED}, "it was tried"
    assert (second.failure, names.asked, target.requests) == (Failure.TARGET_NOT_ALLOWED, 2, [])
    assert second.error is not None
    assert second.error.startswith(f"rebinding.example.com:{target.port} leads to 127.0.0.1 is not a public address")


@pytest.mark.parametrize("of_api", [True, False])
def test_the_address_of_the_connection_is_judged_whatever_was_looked_up(of_api: bool) -> None:
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with under(Guard(), of_api=of_api):
        if of_api:
            with pytest.raises(RefusedError):
                make_socket(place)
        else:
            make_socket(place).close()
    with pytest.raises(RefusedError):  # a call that forgot to ask the guard
        make_socket(place)


async def test_of_several_addresses_those_that_are_allowed_are_called(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    names = Names(monkeypatch, ["10.255.255.1", "127.0.0.1"])
    guard = Guard(Policy(deny_networks=(ip_network("10.0.0.0/8"),)))
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        outcome = await sender.send(request(f"http://mixed.example.com:{target.port}/"))
    assert (outcome.http_status, names.asked) == (200, 1)


async def test_what_was_looked_up_for_one_is_judged_for_each(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    """Both wait for the same lookup, and then use the same cache."""
    names = Names(monkeypatch, ["127.0.0.1"])
    url = f"http://shared.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0) as sender:
        for _ in range(2):
            sent = await asyncio.gather(
                *(sender.send(request(url, of_api=of_api)) for of_api in (True, False, True, False))
            )
            assert [one.failure for one in sent] == [Failure.TARGET_NOT_ALLOWED, None, Failure.TARGET_NOT_ALLOWED, None]
    assert names.asked == 1


async def test_a_kept_connection_is_not_for_everybody(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    url = f"http://kept.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0) as sender:
        sent = [await sender.send(request(url, of_api=of_api)) for of_api in (False, False, True, False)]
    assert [one.failure for one in sent] == [None, None, Failure.TARGET_NOT_ALLOWED, None]
    assert [one.connection for one in target.requests[:2]] == [1, 1]
    assert len(target.requests) == 3


async def test_one_that_both_may_use_serves_both(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    guard = Guard(Policy(api_private_networks=(ip_network("127.0.0.1"),)))
    url = f"http://kept.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        sent = [await sender.send(request(url, of_api=of_api)) for of_api in (False, True, False, True)]
    assert [one.http_status for one in sent] == [200] * 4
    assert {one.connection for one in target.requests} == {1}


async def test_idle_connections_are_kept_whoever_set_the_timer_that_closes_old_ones(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    url = f"http://kept.example.com:{target.port}/"
    async with open_sender(connections=0, connections_per_host=0) as sender:
        await sender.send(request(url))
        with under(Guard(), of_api=True):
            sender._connector._cleanup()
            with pytest.raises(RefusedError):
                make_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))
        await sender.send(request(url))
    assert [one.connection for one in target.requests] == [1, 1]


class TestTheServiceItself:
    def test_its_ports_on_every_address_of_this_machine(self) -> None:
        holds = OwnPlaces({8003, 9003})

        own = [ip_address(one) for one in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1")]
        assert [holds(one, 8003) for one in own] == [True] * len(own)
        assert holds(own[0], 9003)
        assert not holds(own[0], 8004)
        assert not holds(ip_address("192.0.2.1"), 8003)

    def test_its_address_in_a_network(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                pytest.skip("this machine is in no network")
            address = str(probe.getsockname()[0])

        assert OwnPlaces({8003})(ip_address(address), 8003)
        assert OwnPlaces({8003})(ip_address(f"::ffff:{address}"), 8003)

    async def test_it_is_not_called_for_the_api(self, monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
        Names(monkeypatch, ["127.0.0.1"])
        guard = Guard(api_may_call_private=True, is_own=OwnPlaces({target.port}))
        async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
            sent = [
                await sender.send(request(f"http://{host}:{target.port}/", of_api=of_api))
                for host in ("127.0.0.1", "me.example.com")
                for of_api in (True, False)
            ]
        assert [one.failure for one in sent] == [Failure.TARGET_NOT_ALLOWED, None] * 2
        assert "is that of the service itself" in str(sent[0].error)


class TestJobs:
    async def test_one_that_is_stored_is_not_sent(self, parts: Parts, target: Target) -> None:
        """As an older version took it, or an older policy: the ledger keeps what became of it."""
        await parts.catalog.create(spec("a", target_url=target.url(), max_retries=3), replace_existing=False)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.TARGET_NOT_ALLOWED, 0)
        assert row.error is not None
        assert row.error.startswith("127.0.0.1 is not a public address")
        assert target.requests == []

    async def test_one_of_a_manifest_is_sent(self, parts: Parts, target: Target) -> None:
        parts.manifest("a.yaml", f"job_id: a\ninterval: {{hours: 1}}\ntarget_url: {target.url()}\n")
        await parts.sync()
        await parts.dispatcher.trigger("a", by="me")
        assert (await parts.row_where("a", is_over)).status is Status.COMPLETED

    @pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/jobs"), ("PUT", "/api/v1/jobs/a")])
    async def test_the_api_takes_what_the_policy_allows(self, parts: Parts, method: str, path: str) -> None:
        body = {"job_id": "a", "interval": {"hours": 1}, "target_url": "http://0x7f.1:8080/"}
        async with client(parts) as http:
            if method == "PUT":
                await parts.create("a")
            answer = await http.request(method, path, json=body)
            (error,) = answer.json()["errors"]
            assert (answer.status_code, error["field"], error["rule"]) == (422, "target_url", "target-not-allowed")
            assert error["message"] == (
                "127.0.0.1 is not a public address, and jobs of the API may call only those: declare the job in a "
                "manifest, or have policy.yaml allow it, as api_private_networks: [127.0.0.1]"
            )
            parts.manifest("policy.yaml", "api_private_networks: [127.0.0.1]\n")
            await parts.sync()
            assert (await http.request(method, path, json=body)).status_code == 200
            parts.manifest("policy.yaml", "api_private_networks: [127.0.0.1]\ndeny_networks: [127.0.0.0/8]\n")
            await parts.sync()
            answer = await http.request(method, path, json=body | {"replace_existing": True})
            assert [one["rule"] for one in answer.json()["errors"]] == ["policy-network"]

    async def test_a_change_of_the_policy_counts_from_the_next_call(self, parts: Parts, target: Target) -> None:
        parts.manifest("a.yaml", f"job_id: a\ninterval: {{hours: 1}}\ntarget_url: http://localhost:{target.port}/\n")
        target.answers("/", Answer(200))
        await parts.sync()
        await parts.dispatcher.trigger("a", by="me")
        assert (await parts.row_where("a", is_over)).status is Status.COMPLETED
        guard = parts.guard()
        await parts.sync()
        assert parts.guard() is guard, "it is the same as long as the policy is"
        parts.manifest("policy.yaml", "deny_hosts: [localhost]\n")
        await parts.sync()
        assert parts.guard() is not guard
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", lambda row: is_over(row) and row.status is not Status.COMPLETED)
        assert (row.status, row.reason) == (Status.FAILED, Reason.TARGET_NOT_ALLOWED)
        assert row.error == (
            f"localhost:{target.port} is among the hosts that policy.yaml:1 denies: call another one, or have it taken "
            "out"
        )
        assert len(target.requests) == 1
