"""Whose address counts behind proxies, and which addresses may call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.access.clients import EVERYBODY, ClientRules, Networks

PROXY, SECOND, REAL = "10.0.0.1", "10.0.0.2", "203.0.113.7"
RULES = ClientRules(trusted_proxies=Networks.of("10.0.0.0/24, fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        pytest.param(REAL, [], REAL, id="no proxy"),
        pytest.param(REAL, ["1.2.3.4"], REAL, id="a stranger claims an address"),
        pytest.param(REAL, [PROXY], REAL, id="a stranger claims to be the proxy"),
        pytest.param(PROXY, [], PROXY, id="the proxy itself"),
        pytest.param(PROXY, [REAL], REAL, id="one proxy"),
        pytest.param(PROXY, [f"1.2.3.4, {REAL}"], REAL, id="a claim before it"),
        pytest.param(PROXY, ["1.2.3.4", REAL], REAL, id="a claim in a header of its own"),
        pytest.param(PROXY, [f"127.0.0.1,{SECOND} , {REAL}"], REAL, id="a claimed proxy"),
        pytest.param(PROXY, [f"{REAL}, {SECOND}"], REAL, id="two proxies"),
        pytest.param(PROXY, [f"1.2.3.4, {REAL}, {SECOND}"], REAL, id="two proxies and a claim"),
        pytest.param(PROXY, [SECOND], SECOND, id="from another trusted machine"),
        pytest.param(PROXY, [f"{REAL}:51234"], REAL, id="with a port"),
        pytest.param(PROXY, ["[2001:db8::7]:51234"], "2001:db8::7", id="IPv6 with a port"),
        pytest.param(PROXY, ["[2001:db8::7]"], "2001:db8::7", id="IPv6 in brackets"),
        pytest.param(PROXY, ["2001:DB8:0::7"], "2001:db8::7", id="IPv6 in another spelling"),
        pytest.param(PROXY, ["::ffff:203.0.113.7"], REAL, id="IPv4 as IPv6"),
        pytest.param("::ffff:10.0.0.1", [REAL], REAL, id="a proxy as IPv6"),
        pytest.param("fd00::1", [REAL], REAL, id="a proxy with IPv6"),
        pytest.param(PROXY, [f"{REAL}, unknown"], PROXY, id="a word ends the search"),
        pytest.param(PROXY, [f"{REAL}, "], PROXY, id="an empty part ends the search"),
        pytest.param(PROXY, [""], PROXY, id="an empty header"),
        pytest.param(PROXY, ["_hidden"], PROXY, id="an obfuscated name"),
        pytest.param(PROXY, ["fe80::1%\x1b[2J"], PROXY, id="a zone, which may hold any text"),
        pytest.param(PROXY, ["203.0.113.7.evil.example"], PROXY, id="a name"),
        pytest.param(PROXY, ["[203.0.113.7"], REAL, id="half a bracket"),
        pytest.param("", [REAL], "", id="a Unix socket"),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_has(peer: str, headers: list[str], client: str) -> None:
    assert RULES.client_of(peer, headers) == client


HEADERS = st.lists(st.text(st.characters(codec="latin-1"), max_size=30), max_size=3)


@given(HEADERS, st.lists(st.sampled_from([PROXY, SECOND]), max_size=2))
def test_whatever_is_claimed_before_it_the_real_address_counts(claims: list[str], hops: list[str]) -> None:
    assert RULES.client_of(PROXY, [*claims, ", ".join([REAL, *hops])]) == REAL


@given(HEADERS)
def test_a_client_is_always_an_address(claims: list[str]) -> None:
    assert address_of(RULES.client_of(PROXY, claims)) is not None


@given(HEADERS)
def test_nobody_is_believed_who_is_not_trusted(claims: list[str]) -> None:
    assert EVERYBODY.client_of(PROXY, claims) == PROXY
    assert not EVERYBODY.trusts(PROXY)


@pytest.mark.parametrize(
    ("entries", "client", "admitted"),
    [
        pytest.param("", REAL, True, id="no list"),
        pytest.param(" , ", REAL, True, id="a blank list"),
        pytest.param("203.0.113.0/24", REAL, True, id="network"),
        pytest.param(REAL, REAL, True, id="address"),
        pytest.param(REAL, "203.0.113.8", False, id="another address"),
        pytest.param("203.0.113.0/255.255.255.0", REAL, True, id="a mask"),
        pytest.param("10.0.0.0/8,203.0.113.0/24", REAL, True, id="one of two"),
        pytest.param("203.0.113.0/24", "::ffff:203.0.113.7", True, id="IPv4 as IPv6"),
        pytest.param("::ffff:203.0.113.0/120", REAL, True, id="a network of IPv4 as IPv6"),
        pytest.param("::ffff:203.0.113.7", REAL, True, id="an address of IPv4 as IPv6"),
        pytest.param("2001:db8::/32", "2001:db8::7", True, id="IPv6"),
        pytest.param("2001:db8::/32", REAL, False, id="IPv4 in a network of IPv6"),
        pytest.param("fe80::1%eth0", "fe80::1", True, id="a zone"),
        pytest.param("0.0.0.0/0", REAL, True, id="all of IPv4"),
        pytest.param("0.0.0.0/0", "2001:db8::7", False, id="no IPv6 in all of IPv4"),
        pytest.param("10.0.0.0/8", "", True, id="a Unix socket"),
    ],
)
def test_who_may_call(entries: str, client: str, admitted: bool) -> None:
    assert ClientRules(allowed=Networks.of(entries)).admits(client) is admitted


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param("10.0.0.1/8", "'10.0.0.1/8' has bits set after its prefix: write 10.0.0.0/8", id="host bits"),
        pytest.param("2001:db8::1/32", "has bits set after its prefix: write 2001:db8::/32", id="host bits of IPv6"),
        pytest.param("10.0.0.0/33", "'10.0.0.0/33' is not an address or a network", id="a long prefix"),
        pytest.param("10.0.0", "is not an address", id="a part of an address"),
        pytest.param("010.0.0.1", "is not an address", id="leading zeros"),
        pytest.param("localhost", "is not an address", id="a name"),
        pytest.param("10.0.0.0/8 192.0.2.1", "is not an address", id="a blank between"),
        pytest.param("*", "is not an address", id="a star"),
        pytest.param("10.0.0.0/8, x", "'x' is not an address", id="the wrong one of two"),
    ],
)
def test_what_is_no_network(entries: str, message: str) -> None:
    with pytest.raises(ValueError, match="write") as refused:
        Networks.of(entries)
    assert message in str(refused.value)


def test_an_empty_list_is_false() -> None:
    assert not Networks.of("")
    assert Networks.of("10.0.0.0/8")
