"""The hosts that jobs call, in a normalised spelling, and the host patterns of a policy.

The host that is checked here is the host that the sender calls, as it also reads URLs with `urlsplit` and names with
`looked_up`. A URL that two parsers may read differently has no certain host.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from sys import intern
from urllib.parse import SplitResult, urlsplit

import idna

from myscheduler.core.caching import cached
from myscheduler.core.calls.link_local import address_in
from myscheduler.core.findings.problem import shown
from myscheduler.core.header_values import HeaderValue, pairs
from myscheduler.messages.message import said

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
"""A `Host` header that every server reads alike."""
_ORIGIN = re.compile(r"[^:/?#]*:(?://[^/?#]*)?")
"""The scheme and authority of a URL, which decide which host it calls."""
LONGEST_LABEL = 63
LONGEST_HOST = 253
LONGEST_HEADER = 300
"""The most characters of a `Host` header; the name in it has at most `LONGEST_HOST`."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host and the port that is called on it. Its `str` shows the port only if it isn't the default of the scheme."""

    name: str
    """In ASCII and lower case, without a trailing dot; an IPv6 address is in its compressed form, without brackets."""
    port: int
    is_default: bool
    """Whether the port is the default of the scheme."""

    def __str__(self) -> str:
        return self._shown if self.is_default else self.with_port

    @property
    def with_port(self) -> str:
        """The host with its port in any case: `api.example.com:443`."""
        return f"{self._shown}:{self.port}"

    @property
    def _shown(self) -> str:
        return f"[{self.name}]" if ":" in self.name else self.name


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A pattern of a policy that hosts match.

    `api.example.com` matches that host on every port, `localhost:8080` on one, and `*.example.com` every subdomain.
    """

    name: str
    port: int | None = None
    below: bool = False

    def fits(self, host: Host) -> bool:
        if self.port is not None and self.port != host.port:
            return False
        return host.name.endswith(f".{self.name}") if self.below else host.name == self.name


def called_host(url: str) -> Host | None:
    """The host that the URL calls; `None` if it is not certain."""
    if " " in url or not url.isprintable():  # no other white space is printable
        return None
    origin = _ORIGIN.match(url)
    return _host_at(origin[0] if origin else url)


@cached(4_096)  # thousands of jobs call few hosts, and are checked often
def _host_at(origin: str) -> Host | None:
    return _read(origin)


def host_key(url: str) -> str:
    """The host of a URL as a key: URLs with the same key share the capacity of one target.

    `https://API.example.com:443/` and `https://api.example.com./` both have the key `api.example.com`. Limits per host,
    the forecast and the policy count by it. If the host is not certain, the key is the host as it is written.
    """
    host = called_host(url)
    key = str(host) if host else urlsplit(url).netloc.rpartition("@")[2].lower()
    return intern(key)  # all jobs together have few of them


@cached(256)  # most callers send the same header; the cache is small, as a caller may send anything
def host_in_header(scheme: str, value: str) -> Host | None:
    """The host that a `Host` header names, with the default port of the scheme; `None` if it is not certain."""
    if len(value) > LONGEST_HEADER or not is_plain(value):
        return None
    return _read(f"{scheme}://{value}")


def is_plain(value: str) -> bool:
    """Whether every server reads the value of a `Host` header alike."""
    return bool(_PLAIN.fullmatch(value))


def _read(url: str) -> Host | None:
    try:
        parts = urlsplit(url)
        port, name = parts.port, _canonical(parts)
    except ValueError:
        return None
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not name or port == 0:
        return None
    return Host(name, default if port is None else port, port in {None, default})


def hosts_in_headers(url: str, headers: Mapping[str, HeaderValue]) -> list[tuple[str, Host | None]]:
    """The name of each `Host` header as it is written, and the host that it names; `None` if that is not certain.

    A server that hosts several sites chooses the site by this header, not by the URL.
    """
    return [
        (name, host_in_header(url.partition(":")[0], value)) for name, value in pairs(headers) if name.lower() == "host"
    ]


@cached(4_096)
def parse_host_pattern(text: str) -> HostPattern:
    """Parse one entry of an allow-list. Raises `ValueError` with what to write instead."""
    if "/" in text:
        raise ValueError(said("more-than-a-host", value=shown(text), meant=_host_in(text)))
    below = text.startswith("*.")
    try:
        parts = urlsplit(f"//{text.removeprefix('*.')}")
        port, name = parts.port, _canonical(parts)
    except ValueError:
        name = ""
    if not name or port == 0 or "@" in text or "*" in name or not text.isprintable() or " " in text:
        raise ValueError(said("not-a-host", value=shown(text)))
    return HostPattern(name, port, below)


def looked_up(name: str) -> str:
    """The host name as it is looked up in the DNS, with international names encoded.

    Raises `ValueError` (`idna.IDNAError`) for an invalid international name, encoded (`xn--`) or not.
    """
    if not name.isascii():
        return idna.encode(name, uts46=True).decode("ascii")
    if "xn--" in name:
        idna.decode(name)
    return name


def _canonical(parts: SplitResult) -> str:
    """The normalised host; empty if parsers may read it differently. Raises `ValueError` if it is not valid."""
    written = parts.hostname or ""
    if "\\" in parts.netloc or "%" in written:
        return ""
    if ":" in written:
        return IPv6Address(written).compressed
    name = looked_up(written).removesuffix(".")
    return name if all(name.split(".")) else ""


_NAME = re.compile(r"[A-Za-z0-9._-]*")
_NUMBERS = re.compile(r"[0-9.]+")
_SCHEME_TWICE = re.compile(r"https?://https?(?::/|//)", re.IGNORECASE)
_EXAMPLE = "such as https://api.example.com/run"


@cached(16_384)
def host_fault(url: str) -> str | None:
    """Why the host of a URL can never be called, and what to write; `None` if it may be. `urlsplit` accepts the URL."""
    written = urlsplit(url).hostname or ""
    if _SCHEME_TWICE.match(url):
        return said("scheme-twice", example=_EXAMPLE)
    if ":" in written or urlsplit(url).netloc.rpartition("@")[2].startswith("["):
        return None if _is_ipv6(written) else said("brackets-without-ipv6", ipv6=_IPV6)
    try:
        name = looked_up(written)
    except ValueError:
        return said("no-domain", example=_EXAMPLE)
    if odd := sorted(set(_NAME.sub("", name))):
        found = " ".join(odd[:5])
        return said("host-with-signs", signs=found, example=_EXAMPLE)
    if len(name.removesuffix(".")) > LONGEST_HOST or not all(
        0 < len(label) <= LONGEST_LABEL for label in name.removesuffix(".").split(".")
    ):
        return said("host-parts", most=LONGEST_LABEL, most_in_all=LONGEST_HOST, example=_EXAMPLE)
    if name.startswith("-"):
        return said("host-begins-with-dash", example=_EXAMPLE)
    if _NUMBERS.fullmatch(name) and not _is_ipv4(name):
        address = address_in(written)
        meant = f"write {address}" if address else said("four-numbers")
        return said("host-no-address", host=name, advice=meant)
    return None


_IPV6 = "such as http://[::1]:8080/"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _host_in(url: str) -> str:
    """The host pattern to write instead of the URL, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "api.example.com"
