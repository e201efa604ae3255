"""The hosts that a call names, in one spelling, and patterns that are compared with them.

What is judged here is what the sender calls: it reads URLs with `urlsplit` and names with `looked_up`, too. A URL of
which two readers may think differently calls no host for sure.
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

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
"""A `Host` header that every server reads alike."""
_ORIGIN = re.compile(r"[^:/?#]*:(?://[^/?#]*)?")
"""All of a URL that decides where it calls."""
LONGEST_LABEL = 63
LONGEST_HOST = 253
LONGEST_HEADER = 300
"""Characters of a `Host` header: a name has 253 at the most."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host and the port that is called on it."""

    name: str
    """In ASCII and lower case, without a trailing dot; an IPv6 address is short and has no brackets."""
    port: int
    is_default: bool
    """The port is that of the scheme."""

    def __str__(self) -> str:
        return self._shown if self.is_default else self.with_port

    @property
    def with_port(self) -> str:
        """`api.example.com:443`."""
        return f"{self._shown}:{self.port}"

    @property
    def _shown(self) -> str:
        return f"[{self.name}]" if ":" in self.name else self.name


@dataclass(frozen=True, slots=True)
class HostPattern:
    """`api.example.com` is a host on every port, `localhost:8080` on one; `*.example.com` is each host below it."""

    name: str
    port: int | None = None
    below: bool = False

    def fits(self, host: Host) -> bool:
        if self.port is not None and self.port != host.port:
            return False
        return host.name.endswith(f".{self.name}") if self.below else host.name == self.name


def called_host(url: str) -> Host | None:
    """What the URL calls, or `None` where that can't be told for sure."""
    if " " in url or not url.isprintable():  # no other white space is printable
        return None
    origin = _ORIGIN.match(url)
    return _host_at(origin[0] if origin else url)


@cached(4_096)  # thousands of jobs call few hosts, and are judged again and again
def _host_at(origin: str) -> Host | None:
    return _read(origin)


def host_key(url: str) -> str:
    """The host that shares the capacity of one target, in one spelling, however the URL writes it.

    `https://API.example.com:443/` and `https://api.example.com./` are both `api.example.com`. Limits for each host, the
    forecast and the policy count by it. Of a URL that calls no host for sure it is what stands there.
    """
    host = called_host(url)
    key = str(host) if host else urlsplit(url).netloc.rpartition("@")[2].lower()
    return intern(key)  # of which a fleet has few


@cached(256)  # most callers write the same; few are kept, as anybody may send anything
def host_in_header(scheme: str, value: str) -> Host | None:
    """What a `Host` header names under a scheme, `None` where that can't be told for sure."""
    if len(value) > LONGEST_HEADER or not is_plain(value):
        return None
    return _read(f"{scheme}://{value}")


def is_plain(value: str) -> bool:
    """Whether every server reads a `Host` header alike."""
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
    """What each `Host` header names, `None` where that can't be told for sure; beside it the header as it is spelled.

    Where many sites share one server, it is this header by which it chooses, whatever the URL says.
    """
    return [
        (name, host_in_header(url.partition(":")[0], value)) for name, value in pairs(headers) if name.lower() == "host"
    ]


@cached(4_096)
def parse_host_pattern(text: str) -> HostPattern:
    """Read one entry of an allow-list. A `ValueError` says what to write instead."""
    if "/" in text:
        raise ValueError(f"{shown(text)} is more than a host: write {_host_in(text)!r}")
    below = text.startswith("*.")
    try:
        parts = urlsplit(f"//{text.removeprefix('*.')}")
        port, name = parts.port, _canonical(parts)
    except ValueError:
        name = ""
    if not name or port == 0 or "@" in text or "*" in name or not text.isprintable() or " " in text:
        raise ValueError(f"{shown(text)} is no host: write api.example.com, localhost:8080, [::1] or *.example.com")
    return HostPattern(name, port, below)


def looked_up(name: str) -> str:
    """The host name as it is looked up; raises `ValueError` (`idna.IDNAError`).

    What looks like an international name has to be one.
    """
    if not name.isascii():
        return idna.encode(name, uts46=True).decode("ascii")
    if "xn--" in name:
        idna.decode(name)
    return name


def _canonical(parts: SplitResult) -> str:
    """Empty where there is no name that every reader understands alike; `ValueError` where it is none at all."""
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
    """Why the host of a URL that can be read can never be called, with what to write; `None` where it may be."""
    written = urlsplit(url).hostname or ""
    if _SCHEME_TWICE.match(url):
        return f"has its scheme twice: write it once, {_EXAMPLE}"
    if ":" in written or urlsplit(url).netloc.rpartition("@")[2].startswith("["):
        return None if _is_ipv6(written) else f"has brackets around what is no IPv6 address: write one, {_IPV6}"
    try:
        name = looked_up(written)
    except ValueError:
        return f"names a host that no domain can have: write the name as it is registered, {_EXAMPLE}"
    if odd := sorted(set(_NAME.sub("", name))):
        found = " ".join(odd[:5])
        return f"names a host with {found} in it, which no host has: write its name in place of that, {_EXAMPLE}"
    if len(name.removesuffix(".")) > LONGEST_HOST or not all(
        0 < len(label) <= LONGEST_LABEL for label in name.removesuffix(".").split(".")
    ):
        return (
            f"names a host with a part that is empty or longer than {LONGEST_LABEL} characters, or with more than "
            f"{LONGEST_HOST} in all: write the name as it is registered, {_EXAMPLE}"
        )
    if name.startswith("-"):
        return f"names a host that begins with -, which nobody looks up: write the name as it is registered, {_EXAMPLE}"
    if _NUMBERS.fullmatch(name) and not _is_ipv4(name):
        address = address_in(written)
        meant = f"write {address}" if address else "it takes four numbers up to 255, such as 127.0.0.1"
        return f"has {name} for a host, which is no address that can be called: {meant}"
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
    """What a pattern for the URL would be, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "api.example.com"
