"""The `Host` values under which the service accepts requests.

A page of any site can make its own name resolve to this machine (DNS rebinding). The browser then treats its requests
as same-origin, and only their `Host` header still shows which site they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

from myscheduler.core.caching import cached
from myscheduler.core.calls.hosts import Host, HostPattern, parse_host_pattern

ANY = "*"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that are allowed. Loopback names always are: no other site can have them."""

    patterns: tuple[HostPattern, ...] = ()
    any_name: bool = False
    any_address: bool = False
    """Allow every IP address, for those of nodes and proxies: no site can make an address resolve elsewhere."""

    @classmethod
    def of(cls, entries: str, bound: Sequence[str] = ()) -> Self:
        """Parse entries separated by commas, such as `jobs.example.com, *.internal:8003`.

        `bound` are the addresses and names that the service listens on, which are allowed, too; the unspecified
        addresses (0.0.0.0, ::) allow every address. Raises `ValueError` that names a wrong entry.
        """
        written = [entry for part in entries.split(",") if (entry := part.strip())]
        patterns = [pattern for entry in written if entry != ANY for pattern in _patterns(entry)]
        addresses = [address for name in bound if (address := address_of(name))]
        return cls(
            (*patterns, *(HostPattern(_spelled(name)) for name in bound if name)),
            any_name=ANY in written,
            any_address=any(address.is_unspecified for address in addresses),
        )

    def admits(self, host: Host) -> bool:
        """Whether a request with this `Host` is accepted."""
        if self.any_name or is_loopback(host.name) or any(pattern.fits(host) for pattern in self.patterns):
            return True
        return self.any_address and address_of(host.name) is not None


@cached(256)  # few, as clients may send any names
def address_of(name: str) -> Address | None:
    """The IP address in the text, with an IPv4-mapped IPv6 address as IPv4; `None` for a name."""
    try:
        address = ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _patterns(entry: str) -> list[HostPattern]:
    """The patterns of one entry. As in other tools, `.example.com` is the domain and everything below it."""
    if entry.startswith("."):
        return [parse_host_pattern(entry[1:]), parse_host_pattern(f"*{entry}")]
    return [parse_host_pattern(entry if entry.count(":") < 2 or "[" in entry else f"[{entry}]")]


def _spelled(name: str) -> str:
    address = address_of(name)
    return str(address) if address else name.lower().removesuffix(".")


def is_loopback(name: str) -> bool:
    """Whether a host name, or an address, is always this machine."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: never looked up outside
        return True
    address = address_of(name)
    return address is not None and address.is_loopback
