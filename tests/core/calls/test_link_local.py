"""Link-local addresses in all their spellings, what they hide in, and what a policy allows of them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.calls.link_local import METADATA, NOWHERE, Reach, address_in, called_address, link_local_parts
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.policy.file import read_policy
from myscheduler.core.source.snapshot import SourceFile
from tests.support.parts import ZONE

METADATA_V4 = IPv4Address("169.254.169.254")


def complaints(url: str, policy: str = "{}") -> list[str]:
    rules = read_policy(SourceFile.of("policy.yaml", policy.encode()))
    assert rules.policy is not None, rules.problems
    fields = {"job_id": "a", "target_url": url, "interval": {"hours": 1}}
    _, found = declare(fields, zone=ZONE, policies=rules.binding, reach=rules.reach)
    return [f"{one.field}: {one.message} [{one.rule}]" for one in found]


REFUSED = [
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.0.1",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "0xA9FEA9FE",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "025177524776",
    "0xa9.254.0251.254",
    "0000251.254.169.254",
    "１６９.254.169.254",
    "①⑥⑨.254.169.254",
    "169。254．169｡254",
    "169.254.169.2\u00ad54",
    "%31%36%39.254.169.254",
    "169%2E254%2E169%2E254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:FFFF:A9FE:A9FE]",
    "[::169.254.169.254]",
    "[::ffff:0:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[64:ff9b:1:a9fe:a9:fe00::]",
    "[64:ff9b:1:a9:fe:a9fe::]",
    "[64:ff9b:1:0:a9:fea9:fe00:0]",
    "[2002:a9fe:a9fe::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:a9fe:a9fe::]",
    "[2001:0:1:2:3:4:5601:5601]",
    "[2001:db8::5efe:169.254.169.254]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[FEBF::1]",
    "[fe80::1%eth0]",
    "[fe80::1%25eth0]",
    *(f"[{one}]" if one.version == 6 else str(one) for one in sorted(METADATA, key=str)),
    "0x646464c8",
]


@pytest.mark.parametrize("host", REFUSED)
def test_is_refused_in_any_form(host: str) -> None:
    for url in (f"http://{host}/latest", f"https://u:p@{host}:8080/x?y#z", f"http://{host}"):
        (told,) = complaints(url)
        assert told.startswith("target_url: ")
        assert "is a link-local address (cloud metadata)" in told
        assert "added there, as allow_link_local: [" in told
        assert told.endswith("[policy-link-local]")
        allowed = complaints(url, "allow_link_local: true")
        assert [one for one in allowed if not one.endswith("[invalid-url]")] == []  # in a spelling that can be called


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "192.168.0.1",
        "100.100.100.201",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "1.1.1.1",
        "[::1]",
        "[fd00::1]",
        "[fec0::1]",
        "[2001:db8::1]",
        "[2606:4700::1111]",
        "[64:ff9b::808:808]",
        "[::ffff:10.0.0.1]",
        "metadata.google.internal",
        "169.254.169.254.nip.io",
        "a9fea9fe",
        "0xA9FEA9FE.example.com",
        "4294967296",
        "169.254.169.254.1",
        "169.254.169.256",
        "169.254.169.65536",
        "09.1.1.1",
        "api.example.com",
    ],
)
def test_is_judged_by_nothing_but_what_it_is(host: str) -> None:
    told = complaints(f"http://{host}/169.254.169.254?x=169.254.169.254")
    assert [one for one in told if not one.endswith("[invalid-url]")] == []  # no name that can be called


@pytest.mark.parametrize(
    ("policy", "host", "is_allowed"),
    [
        ("allow_link_local: [169.254.170.2]", "169.254.170.2", True),
        ("allow_link_local: [169.254.170.2]", "0xa9feaa02", True),
        ("allow_link_local: [169.254.170.2]", "[::ffff:a9fe:aa02]", True),
        ("allow_link_local: [169.254.170.2]", "169.254.169.254", False),
        ("allow_link_local: [169.254.0.0/16]", "169.254.169.254", True),
        ("allow_link_local: [169.254.0.0/16]", "[fe80::1]", False),
        ("allow_link_local: ['fe80::/10', 'fd00:ec2::254']", "[fe80::1%eth0]", True),
        ("allow_link_local: ['fe80::/10', 'fd00:ec2::254']", "[fd00:ec2::254]", True),
        ("allow_link_local: ['64:ff9b::a9fe:a9fe']", "[64:ff9b::a9fe:a9fe]", True),
        ("allow_link_local: ['64:ff9b::a9fe:a9fe']", "169.254.169.254", False),
        ("allow_link_local: false", "169.254.169.254", False),
        ("allow_hosts: [169.254.169.254]", "169.254.169.254", True),
        ("allow_hosts: ['169.254.169.254:80']", "169.254.169.254", True),
        ("allow_hosts: ['[fe80::1]']", "[fe80::1]", True),
        ("allow_hosts: ['*.169.254.169.254']", "169.254.169.254", False),
        ("max_retries: 3", "169.254.169.254", False),
    ],
)
def test_what_a_policy_allows(policy: str, host: str, is_allowed: bool) -> None:
    told = complaints(f"http://{host}/", policy)
    assert (told == []) is is_allowed, told


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[metadata.google.internal]", "'metadata.google.internal' is neither an address nor a network"),
        ("[169.254.169.254/16]", "'169.254.169.254/16' is neither an address nor a network"),
        ("[]", "has to be a list that is not empty, such as [169.254.169.254]"),
        ("[169]", "has to be text"),
        ("everything", "has to be a list that is not empty"),
    ],
)
def test_a_policy_that_can_not_be_understood_allows_nothing(written: str, problem: str) -> None:
    rules = read_policy(SourceFile.of("policy.yaml", f"allow_link_local: {written}".encode()))
    assert problem in str(rules.problems[0])
    assert rules.reach == NOWHERE


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_ipv4_address_is_that_address(number: int) -> None:
    address = IPv4Address(number)
    first, second, third, fourth = address.packed
    for host in (
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{first}.{number & 0xFFFFFF}",
        f"{first}.{second:#x}.0{third << 8 | fourth:o}",
        ".".join(f"0{one:o}" for one in address.packed),
    ):
        assert address_in(host) == address


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "64:ff9b:1::{}"]))
def test_what_stands_for_an_address_is_as_good_as_that_address(number: int, form: str) -> None:
    inner = IPv4Address(number | 1 << 16)  # `::` and `::1` are no IPv4 addresses
    outer = ip_address(form.format(f"{int(inner) >> 16:x}:{int(inner) & 0xFFFF:x}"))
    assert bool(link_local_parts(outer)) is bool(link_local_parts(inner))
    assert Reach((ip_network(str(inner)),)).allows(outer)


@given(st.text(max_size=60))
def test_no_host_is_too_strange_to_be_judged(text: str) -> None:
    assert isinstance(address_in(text), IPv4Address | IPv6Address | None)
    assert isinstance(called_address(f"http://{text}/"), IPv4Address | IPv6Address | None)


def test_a_long_host_is_judged_at_once() -> None:
    for text in ("1" * 1_000_000, "0x" + "f" * 1_000_000, "1." * 500_000, ":" * 1_000_000, "０" * 100_000):
        assert address_in(text) is None


def test_the_message_quotes_no_more_than_the_address() -> None:
    fields: dict[str, Any] = {"job_id": "a", "target_url": "http://u:hunter2@2852039166/?k=hunter2"}
    _, found = declare(fields | {"interval": {"hours": 1}}, zone=ZONE)
    assert "hunter2" not in str(found)
    assert str(METADATA_V4) in str(found)
