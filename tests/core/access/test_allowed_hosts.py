"""Under which hosts the service lets itself be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.allowed_hosts import AllowedHosts, address_of
from myscheduler.core.calls.hosts import host_in_header

LOOPBACK = ["127.0.0.1", "127.0.0.1"]
EVERYWHERE = ["0.0.0.0", "0.0.0.0", "laptop"]


@pytest.mark.parametrize(
    ("header", "entries", "bound", "admitted"),
    [
        pytest.param("localhost", "", LOOPBACK, True, id="localhost"),
        pytest.param("LocalHost.:9", "", LOOPBACK, True, id="in another spelling, on another port"),
        pytest.param("jobs.localhost", "", LOOPBACK, True, id="below localhost"),
        pytest.param("127.0.0.1:8003", "", LOOPBACK, True, id="loopback address"),
        pytest.param("127.8.8.8", "", LOOPBACK, True, id="another loopback address"),
        pytest.param("[::1]:8003", "", LOOPBACK, True, id="loopback of IPv6"),
        pytest.param("[0:0::1]", "", LOOPBACK, True, id="loopback of IPv6, written longer"),
        pytest.param("[::ffff:127.0.0.1]", "", LOOPBACK, True, id="loopback, mapped"),
        pytest.param("evil.example", "", LOOPBACK, False, id="foreign"),
        pytest.param("localhost.evil.example", "", LOOPBACK, False, id="begins like localhost"),
        pytest.param("evillocalhost", "", LOOPBACK, False, id="ends like localhost"),
        pytest.param("127.0.0.1.evil.example", "", LOOPBACK, False, id="begins like an address"),
        pytest.param("127.1", "", LOOPBACK, False, id="an address that some read so"),
        pytest.param("10.0.0.7", "", LOOPBACK, False, id="an address that is not listened on"),
        pytest.param("0.0.0.0:8003", "", LOOPBACK, False, id="every address, where one is listened on"),
        pytest.param("10.0.0.7:8003", "", ["10.0.0.7"], True, id="the bound address"),
        pytest.param("10.0.0.8:8003", "", ["10.0.0.7"], False, id="beside the bound address"),
        pytest.param("Jobs.example.", "", ["JOBS.example", "10.0.0.7"], True, id="the bound name"),
        pytest.param("[fd00:0::1]", "", ["fd00::1"], True, id="the bound address of IPv6"),
        pytest.param("10.1.2.3:8003", "", EVERYWHERE, True, id="a probe of the kubelet"),
        pytest.param("[fd00::7]:8003", "", ["::", "::"], True, id="a probe of the kubelet over IPv6"),
        pytest.param("laptop:8003", "", EVERYWHERE, True, id="the name of the machine"),
        pytest.param("evil.example", "", EVERYWHERE, False, id="foreign, where every address is listened on"),
        pytest.param("a.example:1", "a.example", LOOPBACK, True, id="allowed on any port"),
        pytest.param("a.example:1", "a.example:8003", LOOPBACK, False, id="allowed on another port"),
        pytest.param("a.example:8003", "b, a.example:8003 ,", LOOPBACK, True, id="allowed on that port"),
        pytest.param("x.a.example", "*.a.example", LOOPBACK, True, id="below"),
        pytest.param("a.example", "*.a.example", LOOPBACK, False, id="not below"),
        pytest.param("a.example", ".a.example", LOOPBACK, True, id="the domain"),
        pytest.param("x.a.example", ".a.example", LOOPBACK, True, id="below the domain"),
        pytest.param("xa.example", ".a.example", LOOPBACK, False, id="beside the domain"),
        pytest.param("xn--wgv71a.jp", "日本.jp", LOOPBACK, True, id="an international name"),
        pytest.param("[fd00::1]", "fd00::1", LOOPBACK, True, id="IPv6 without brackets"),
        pytest.param("my_service:80", "my_service", LOOPBACK, True, id="a name of Compose"),
        pytest.param("evil.example", "*", LOOPBACK, True, id="any"),
    ],
)
def test_who_is_admitted(header: str, entries: str, bound: list[str], admitted: bool) -> None:
    host = host_in_header("http", header)
    assert host is not None
    assert AllowedHosts.of(entries, bound).admits(host) is admitted


@pytest.mark.parametrize(
    "entry", ["http://a.example", "a b", "a:port", "a:99999", "*.", "*a", "a..b", "@", "a/b", "*:80"]
)
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host|is more than a host") as told:
        AllowedHosts.of(f"good.example, {entry}")
    assert entry in str(told.value)


@given(name=st.from_regex(r"[a-z0-9]{1,9}(\.[a-z0-9]{1,9}){0,3}\.example", fullmatch=True))
def test_no_name_comes_in_by_itself(name: str) -> None:
    host = host_in_header("http", name)
    assert host is not None
    assert not AllowedHosts.of("", EVERYWHERE).admits(host)


@given(address=st.ip_addresses())
def test_an_address_is_read_as_it_is_written(address: object) -> None:
    assert address_of(str(address)) in {address, getattr(address, "ipv4_mapped", address)}
