"""Link-local addresses, which jobs may call only if the policy allows it.

In a cloud, the metadata service at such an address returns the credentials of the machine to any caller on it. The
addresses are recognised in every spelling, and within IPv6 addresses that embed an IPv4 address.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

import idna

from myscheduler.core.caching import cached
from myscheduler.messages.message import said

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LINK_LOCAL: tuple[Network, ...] = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
"""RFC 3927 and RFC 4291, 2.5.6."""
METADATA: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure's wire server, which hands out certificates and secrets of extensions
        "192.0.0.192",  # Oracle Cloud, the older generation
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS, credentials of pods
        "fd20:ce::254",  # Google Cloud
        "fd00:42::42",  # Scaleway
    )
)
"""Addresses outside of the link-local networks that clouds use for the same purpose."""

AS_IPV4 = (  # IPv6 networks that end in an IPv4 address, to which all packets for them are delivered
    IPv6Network("::/96"),  # IPv4-compatible
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 2765)
    IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052)
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""RFC 8215. The operator of a network chooses the length of the prefix: 48, 56, 64 or 96 bits."""
_NAT64_BYTES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
_DOTS = str.maketrans("。．｡", "...")
_DIGITS = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Reach:
    """The link-local networks that jobs may call."""

    networks: tuple[Network, ...] = ()

    def allows(self, address: Address) -> bool:
        """Whether a job may call the address. Addresses that are not link-local are always allowed."""
        return self._holds(address) or all(self._holds(found) for found in link_local_parts(address))

    def _holds(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


NOWHERE = Reach()
EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


@lru_cache(maxsize=1_024)  # many jobs call few addresses
def link_local_parts(address: Address) -> tuple[Address, ...]:
    """The link-local ones among the address itself and the IPv4 addresses that it embeds."""
    return tuple(one for one in (address, *embedded(address)) if _is_link_local(one))


def _is_link_local(address: Address) -> bool:
    return address in METADATA or any(address in network for network in _LINK_LOCAL)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses to which a packet for the address may be delivered."""
    if isinstance(address, IPv4Address):
        return
    packed = address.packed
    if any(address in network for network in AS_IPV4) or packed[8:12] in _ISATAP:
        yield IPv4Address(packed[12:])
    elif address in _LOCAL_NAT64:
        yield from (IPv4Address(bytes(packed[index] for index in indexes)) for indexes in _NAT64_BYTES)
    elif address in _6TO4:
        yield IPv4Address(packed[2:6])
    elif address in _TEREDO:
        yield IPv4Address(packed[4:8])  # the server
        yield IPv4Address(bytes(byte ^ 0xFF for byte in packed[12:]))  # the client


@cached(16_384)  # thousands of jobs are checked often
def called_address(url: str) -> Address | None:
    """The IP address that is the host of the URL, however it is spelled; `None` if the host is a name."""
    try:
        return address_in(urlsplit(url).hostname or "")
    except ValueError:
        return None


@cached(1_024)  # many URLs have few hosts
def address_in(host: str) -> Address | None:
    """The IP address that is written as a host, in any spelling that some client accepts; `None` for a name."""
    text = _plain(unquote(host)).partition("%")[0]  # after % comes the zone of an IPv6 address
    if ":" not in text:
        return _ipv4(text.rstrip("."))
    try:
        return IPv6Address(text)
    except ValueError:
        return None


def _plain(host: str) -> str:
    """The host in ASCII where possible: full-width digits and the dots of IDNA become plain ones."""
    if host.isascii():
        return host
    try:
        host = idna.uts46_remap(host, std3_rules=False)
    except idna.IDNAError:
        host = unicodedata.normalize("NFKC", host)
    return host.translate(_DOTS)


def _ipv4(text: str) -> IPv4Address | None:
    """The address as `inet_aton` reads it: one to four numbers, decimal, octal or hexadecimal.

    The last number fills the remaining bytes.
    """
    parts = text.split(".", 4)
    if len(parts) > 4 or not all(_DIGITS.fullmatch(part) for part in parts):
        return None
    try:
        *leading, last = (_number(part) for part in parts)
    except ValueError:
        return None
    if any(one > 0xFF for one in leading) or last >= 1 << 8 * (4 - len(leading)):
        return None
    return IPv4Address(sum(one << 8 * (3 - index) for index, one in enumerate(leading)) + last)


def _number(text: str) -> int:
    if len(text) > 32:
        raise ValueError("longer than any number of an address")
    if text[:2] in {"0x", "0X"}:
        return int(text[2:] or "0", 16)
    return int(text, 8 if text[0] == "0" else 10)


def read_network(text: str) -> Network:
    """Parse an entry of a list of networks. Raises `ValueError` with what to write instead."""
    try:
        return ip_network(text)
    except ValueError:
        message = said("no-address-or-network", value=text[:80])
        raise ValueError(message) from None


def shown_address(address: Address) -> str:
    """The address, with the link-local address that it embeds, if there is one."""
    meant = [one for one in link_local_parts(address) if one != address]
    if not meant:
        return str(address)
    return said("address-embedded", address=str(address), meant=str(meant[0]))


def advice(address: Address) -> str:
    """The message for a call of a link-local address that is not allowed: why, and what to do."""
    parts = link_local_parts(address)
    wanted = parts[0] if parts else address
    return said("link-local", address=shown_address(address), wanted=str(wanted))
