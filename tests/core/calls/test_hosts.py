"""Which host a URL calls, however it is spelled, and which hosts a pattern means."""

import pytest

from myscheduler.adapters.http.message import parsed_destination
from myscheduler.core.calls.hosts import Host, called_host, host_key, hosts_in_headers, parse_host_pattern

CALLED = [
    pytest.param("https://allowed.com/x", "allowed.com", id="plain"),
    pytest.param("https://ALLOWED.com/", "allowed.com", id="upper case"),
    pytest.param("HTTPS://allowed.com", "allowed.com", id="scheme in upper case"),
    pytest.param("https://allowed.com:443/", "allowed.com", id="default port"),
    pytest.param("https://allowed.com:/", "allowed.com", id="empty port"),
    pytest.param("http://allowed.com:443/", "allowed.com:443", id="port of the other scheme"),
    pytest.param("https://allowed.com./", "allowed.com", id="trailing dot"),
    pytest.param("https://allowed.com@evil.com/", "evil.com", id="host as the user"),
    pytest.param("https://allowed.com:443@evil.com/", "evil.com", id="host and port as user and password"),
    pytest.param("https://evil.com@allowed.com/", "allowed.com", id="another host as the user"),
    pytest.param("https://a@b@allowed.com/", "allowed.com", id="two @"),
    pytest.param("https://u:${secret:p}@allowed.com/", "allowed.com", id="secret as the password"),
    pytest.param("https://evil.com/@allowed.com", "evil.com", id="@ in the path"),
    pytest.param("https://evil.com?@allowed.com", "evil.com", id="@ in the query"),
    pytest.param("https://evil.com#@allowed.com", "evil.com", id="@ in the fragment"),
    pytest.param("https://allowed.com.evil.com/", "allowed.com.evil.com", id="prefix"),
    pytest.param("https://日本.jp/", "xn--wgv71a.jp", id="idn"),
    pytest.param("https://xn--wgv71a.jp/", "xn--wgv71a.jp", id="idn in ascii"),
    pytest.param("https://ａｌｌｏｗｅｄ。com/", "allowed.com", id="full width"),
    pytest.param("https://[::1]:8080/", "[::1]:8080", id="ipv6"),
    pytest.param("https://[0:0:0:0:0:0:0:1]/", "[::1]", id="ipv6 written out"),
    pytest.param("http://127.0.0.1/", "127.0.0.1", id="ipv4"),
    pytest.param("http://2130706433/", "2130706433", id="ipv4 as a number stays one"),
]
DOUBTFUL = [
    pytest.param("http:\\\\allowed.com/", id="backslashes"),
    pytest.param("http://evil.com\\@allowed.com/", id="backslash before @"),
    pytest.param("http://allowed.com\\.evil.com/", id="backslash in the host"),
    pytest.param("https://%61llowed.com/", id="percent-encoded"),
    pytest.param("https://allowed.com%2eevil.com/", id="percent-encoded dot"),
    pytest.param("https://allowed.com%00.evil.com/", id="percent-encoded NUL"),
    pytest.param("https://[fe80::1%25eth0]/", id="zone of ipv6"),
    pytest.param("https://allowed.com /", id="space"),
    pytest.param(" https://allowed.com/", id="space in front"),
    pytest.param("https://allow\ned.com/", id="line break"),
    pytest.param("https://allowed.com\u2100evil.com/", id="a character that becomes a slash"),
    pytest.param("https://allowed..com/", id="empty label"),
    pytest.param("https://allowed.com../", id="two trailing dots"),
    pytest.param("https:///allowed.com", id="three slashes"),
    pytest.param("https:allowed.com", id="no slashes"),
    pytest.param("//allowed.com/", id="no scheme"),
    pytest.param("ftp://allowed.com/", id="another scheme"),
    pytest.param("https://allowed.com:0/", id="port 0"),
    pytest.param("https://allowed.com:99999/", id="port too large"),
    pytest.param("https://allowed.com:x/", id="port that is none"),
    pytest.param("https://[::1/", id="open bracket"),
    pytest.param("https://xn--\u00e4/", id="broken idn"),
    pytest.param("https://${secret:host}.com/", id="a secret in the host"),
]


@pytest.mark.parametrize(("url", "host"), CALLED)
def test_the_host_that_is_called(url: str, host: str) -> None:
    assert str(called_host(url)) == host


@pytest.mark.parametrize("url", DOUBTFUL)
def test_no_host_for_sure(url: str) -> None:
    assert called_host(url) is None


@pytest.mark.parametrize(("url", "host"), CALLED)
def test_it_is_the_one_that_the_sender_calls(url: str, host: str) -> None:
    called = parsed_destination(url.replace("${secret:p}", "p")).url
    found = called_host(str(called))
    assert str(found) == host


@pytest.mark.parametrize(
    ("value", "host"),
    [
        pytest.param("other.com", "other.com", id="plain"),
        pytest.param("OTHER.com.:443", "other.com", id="spelled"),
        pytest.param("other.com:8443", "other.com:8443", id="port"),
        pytest.param("[0::1]:80", "[::1]:80", id="ipv6"),
        pytest.param("xn--wgv71a.jp", "xn--wgv71a.jp", id="idn in ascii"),
        pytest.param("日本.jp", "None", id="idn, which is sent in percents"),
        pytest.param("", "None", id="empty"),
        pytest.param(" other.com", "None", id="space"),
        pytest.param("u@other.com", "None", id="user"),
        pytest.param("other.com/x", "None", id="path"),
        pytest.param("other.com, allowed.com", "None", id="two"),
        pytest.param("evil.com,x.allowed.com", "None", id="comma"),
        pytest.param("${secret:h}", "None", id="secret"),
        pytest.param("other.com:0", "None", id="port 0"),
        pytest.param("a..com", "None", id="empty label"),
        pytest.param("[1]", "None", id="brackets around nothing"),
    ],
)
@pytest.mark.parametrize("name", ["Host", "host", "HOST"])
def test_the_host_of_a_header(name: str, value: str, host: str) -> None:
    found = hosts_in_headers("https://allowed.com/", {"X-Host": "a", name: value, "Hosts": "b"})
    assert [(header, str(one)) for header, one in found] == [(name, host)]


@pytest.mark.parametrize("url", ["", "http://[::1", "no scheme"])
def test_a_url_that_is_none_names_no_host_for_a_header(url: str) -> None:
    assert hosts_in_headers(url, {"Host": "allowed.com"})[0][1] == (
        Host("allowed.com", 80, is_default=True) if url.startswith("http") else None
    )


def test_every_host_header_counts() -> None:
    found = hosts_in_headers("http://allowed.com/", {"Host": "allowed.com", "host": "evil.com:80"})
    assert [str(one) for _, one in found] == ["allowed.com", "evil.com"]


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        pytest.param(
            "api.example.com",
            ["https://api.example.com/", "http://API.example.com.:8080/"],
            ["https://example.com/", "https://a.api.example.com/", "https://xapi.example.com/"],
            id="host",
        ),
        pytest.param(
            "*.example.com",
            ["https://a.example.com/", "https://a.b.example.com:8443/"],
            ["https://example.com/", "https://evilexample.com/", "https://a.example.com.evil.com/"],
            id="below",
        ),
        pytest.param(
            "localhost:8080", ["http://localhost:8080/"], ["http://localhost/", "https://localhost:8443/"], id="port"
        ),
        pytest.param("example.com:443", ["https://example.com/"], ["http://example.com/"], id="default port"),
        pytest.param("[::1]", ["http://[::1]:9/", "http://[0:0::1]/"], ["http://[::2]/"], id="ipv6"),
        pytest.param("日本.jp", ["https://xn--wgv71a.jp/", "https://日本.jp/"], ["https://xn--wgv71b.jp/"], id="idn"),
        pytest.param("xn--wgv71a.jp", ["https://日本.jp/"], [], id="idn in ascii"),
        pytest.param("EXAMPLE.com.", ["https://example.com/"], [], id="case and dot"),
        pytest.param("127.0.0.1", ["http://127.0.0.1/"], ["http://2130706433/", "http://127.1/"], id="ipv4"),
    ],
)
def test_what_a_pattern_means(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    read = parse_host_pattern(pattern)
    for url in [*fits, *fits_not]:
        host = called_host(url)
        assert host is None or read.fits(host) == (url in fits), url


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "example.com/x",
        "*",
        "*.",
        "a*.example.com",
        "*.*.com",
        "u@example.com",
        "",
        "a b",
        ".com",
    ],
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_host_pattern(text)


def test_what_is_known_of_a_host_is_known_of_all_its_urls() -> None:
    first, second = (
        called_host("https://many.example.com/a?b#c"),
        called_host("https://many.example.com?" + "x" * 5_000),
    )
    assert first is second


@pytest.mark.parametrize(
    ("urls", "key"),
    [
        pytest.param(
            [
                "https://api.example.com/a",
                "https://API.example.com:443/b",
                "https://u:p@api.example.com./",
                "http://api.example.com",
            ],
            "api.example.com",
            id="one name",
        ),
        pytest.param(["http://a.example.com:8080/", "https://A.Example.Com.:8080/x"], "a.example.com:8080", id="port"),
        pytest.param(["http://日本.jp/", "https://xn--wgv71a.jp/"], "xn--wgv71a.jp", id="idn"),
        pytest.param(["http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/"], "[::1]", id="ipv6"),
        pytest.param(["http://u@A..b/"], "a..b", id="no host for sure"),
    ],
)
def test_one_host_has_one_key(urls: list[str], key: str) -> None:
    assert {host_key(url) for url in urls} == {key}
