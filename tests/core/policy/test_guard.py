"""The guard: which addresses calls may be connected to, by the policy and by who declared the job."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from myscheduler.core.calls.hosts import called_host
from myscheduler.core.calls.link_local import NOWHERE, Address, Reach
from myscheduler.core.policy.file import read_policy
from myscheduler.core.policy.guard import MOST_KNOWN, NO_PERMIT, Guard, Permit, Refusal
from myscheduler.core.policy.policy import Policy
from myscheduler.core.source.snapshot import SourceFile

OWN = 8003


def is_own(address: Address, port: int) -> bool:
    return address.is_loopback and port == OWN


def guard(text: str = "{}", *, api_may_call_private: bool = False) -> Guard:
    rules = read_policy(SourceFile.of("policy.yaml", text.encode()))
    assert rules.policy is not None, rules.problems
    return Guard(rules.policy, rules.reach, api_may_call_private=api_may_call_private, is_own=is_own)


def verdict(one: Guard, host: str, *, of_api: bool, port: int = 80, **more: Any) -> str:
    """The rule that refuses a call of the address; empty if it is allowed."""
    address = ip_address(host)
    called = called_host(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")
    found = one.admit(called, address, port, of_api=of_api, **more)
    return found.rule if isinstance(found, Refusal) else ""


def permit(one: Guard, host: str, *, of_api: bool) -> Permit:
    found = one.admit(called_host(f"http://{host}/"), None, 80, of_api=of_api)
    assert isinstance(found, Permit), found
    return found


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "192.0.0.8",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1", "4000::1",
    "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2606:4700::5efe:10.0.0.1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]


class TestJobsOfTheApi:
    @pytest.mark.parametrize("host", PRIVATE)
    def test_they_may_call_no_private_address(self, host: str) -> None:
        assert verdict(guard(), host, of_api=True) == "target-not-allowed"
        assert verdict(guard(), host, of_api=False) == ""
        assert verdict(guard(api_may_call_private=True), host, of_api=True) == ""
        assert verdict(guard("api_private_networks: true"), host, of_api=True) == ""

    @pytest.mark.parametrize("host", PUBLIC)
    def test_they_may_call_public_ones(self, host: str) -> None:
        assert verdict(guard(), host, of_api=True) == ""

    @pytest.mark.parametrize(
        ("host", "is_allowed"),
        [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("64:ff9b::a01:203", True),
            ("2606:4700::5efe:10.1.2.3", True),
            ("10.2.0.1", False),
            ("fd00::1", True),
            ("127.0.0.1", False),
        ],
    )
    def test_the_policy_allows_networks(self, host: str, is_allowed: bool) -> None:
        found = verdict(guard("api_private_networks: [10.1.0.0/16, 'fd00::/64']"), host, of_api=True)
        assert found == ("" if is_allowed else "target-not-allowed")

    def test_the_policy_allows_hosts_by_name(self) -> None:
        one, address = guard("api_private_hosts: ['*.corp.example', 'build:8080']"), ip_address("10.0.0.1")
        assert permit(one, "ci.corp.example", of_api=True).refusal(address, 80) is None
        assert permit(one, "build:8080", of_api=True).refusal(address, 8080) is None
        assert permit(one, "build:8081", of_api=True).refusal(address, 8081) is not None
        assert permit(one, "corp.example", of_api=True).refusal(address, 80) is not None
        assert permit(one, "ci.corp.example", of_api=True).refusal(ip_address("169.254.169.254"), 80) is not None

    @pytest.mark.parametrize("text", ["{}", "api_private_networks: true", "api_private_hosts: ['127.0.0.1']"])
    @pytest.mark.parametrize("by_switch", [True, False])
    def test_never_the_service_itself(self, text: str, by_switch: bool) -> None:
        one = guard(text, api_may_call_private=by_switch)
        assert verdict(one, "127.0.0.1", port=OWN, of_api=True) == "target-not-allowed"
        assert verdict(one, "127.0.0.1", port=OWN, of_api=False) == ""

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("http://0x7f.1/", "127.0.0.1 is not a public address"),
            ("http://2130706433/", "127.0.0.1 is not a public address"),
            ("http://[::ffff:127.0.0.1]/", "::ffff:7f00:1 (which stands for 127.0.0.1) is not a public address"),
            ("http://[64:ff9b::7f00:1]/", "64:ff9b::7f00:1 (which stands for 127.0.0.1) is not a public address"),
            ("http://[2002:7f00:1::]/", "2002:7f00:1:: (which stands for 127.0.0.1) is not a public address"),
            ("http://localhost/", "127.0.0.1 is not a public address"),
            ("http://LOCALHOST./", "127.0.0.1 is not a public address"),
            ("http://a.localhost:8080/", "127.0.0.1 is not a public address"),
            ("http://127。0。0。1/", "127.0.0.1 is not a public address"),
            ("http://[::1]/", "::1 is not a public address"),
            ("http://10.0.0.1/", "as api_private_networks: [10.0.0.1]"),
        ],
    )
    def test_what_is_known_when_one_is_declared(self, url: str, told: str) -> None:
        refusal = guard().refusal_of_api(url)
        assert refusal is not None
        assert told in refusal.why

    @pytest.mark.parametrize("url", ["https://example.com/", "http://notlocalhost/", "http://93.184.216.34/", "", "x"])
    def test_what_is_not_known_yet(self, url: str) -> None:
        assert guard().refusal_of_api(url) is None


class TestEveryJob:
    @pytest.mark.parametrize("of_api", [True, False])
    def test_link_local_addresses(self, of_api: bool) -> None:
        assert verdict(guard(), "169.254.169.254", of_api=of_api) == "policy-link-local"
        allowed = guard("allow_link_local: true", api_may_call_private=True)
        assert verdict(allowed, "169.254.169.254", of_api=of_api) == ""

    @pytest.mark.parametrize(
        ("text", "host", "rule"),
        [
            ("deny_networks: [10.0.0.0/8]", "10.0.0.1", "policy-network"),
            ("deny_networks: [10.0.0.0/8]", "::ffff:10.0.0.1", "policy-network"),
            ("deny_networks: [10.0.0.0/8]", "64:ff9b::a00:1", "policy-network"),
            ("deny_networks: [10.0.0.0/8]", "2002:a00:1::", "policy-network"),
            ("deny_networks: ['64:ff9b::/96']", "64:ff9b::5db8:d822", "policy-network"),
            ("deny_networks: [10.0.0.0/8]", "11.0.0.1", ""),
            ("allow_networks: [10.0.0.0/8]", "10.0.0.1", ""),
            ("allow_networks: [10.0.0.0/8]", "::ffff:10.0.0.1", ""),
            ("allow_networks: [10.0.0.0/8]", "11.0.0.1", "policy-network"),
            ("allow_networks: [10.0.0.0/8]", "2002:a00:1::", "policy-network"),
            ("allow_networks: [10.0.0.0/8]", "2606:4700::5efe:10.0.0.1", "policy-network"),
            ("allow_networks: [10.0.0.0/8]\ndeny_networks: [10.0.0.1]", "10.0.0.1", "policy-network"),
            ("deny_hosts: [10.0.0.1]", "10.0.0.1", "policy-host"),
            ("deny_hosts: ['10.0.0.1:8080']", "10.0.0.1", ""),
        ],
    )
    def test_lists_of_networks_and_hosts(self, text: str, host: str, rule: str) -> None:
        assert verdict(guard(text), host, of_api=False) == rule

    def test_a_host_that_is_not_certain_is_denied_where_some_are(self) -> None:
        found = guard("deny_hosts: [a.example]").admit(None, None, 80, of_api=False)
        assert isinstance(found, Refusal)
        assert isinstance(guard().admit(None, None, 80, of_api=False), Permit)

    def test_where_a_redirect_leads_is_held_against_all_of_the_policy(self) -> None:
        one, elsewhere = guard("allow_hosts: [a.example]"), called_host("http://b.example/")
        assert isinstance(one.admit(elsewhere, None, 80, of_api=False), Permit), "as it was declared"
        found = one.admit(elsewhere, None, 80, of_api=False, is_declared=False)
        assert isinstance(found, Refusal)
        assert found.rule == "policy-host"
        assert found.why.startswith("b.example is not among the hosts that policy.yaml:1 allows (a.example)")
        assert isinstance(one.admit(called_host("http://a.example/"), None, 80, of_api=True, is_declared=False), Permit)


def test_what_is_remembered_is_bounded() -> None:
    one = permit(Guard(Policy(deny_networks=(ip_network("10.0.0.0/8"),)), NOWHERE), "a.example", of_api=False)
    first = ip_address("10.0.0.0")
    refusals = [one.refusal(first + number, 80) for number in range(MOST_KNOWN + 10)]
    assert None not in refusals
    assert len(one._known) <= MOST_KNOWN


def test_a_call_without_a_permit_may_call_nothing() -> None:
    assert NO_PERMIT.refusal(ip_address("93.184.216.34"), 80) is not None


def test_the_guard_of_channels_knows_link_local_addresses_only() -> None:
    one = Guard(reach=Reach((ip_network("169.254.1.1"),)))
    assert [verdict(one, host, of_api=False) for host in ("10.0.0.1", "169.254.1.1", "169.254.1.2")] == [
        "", "", "policy-link-local",
    ]  # fmt: skip
