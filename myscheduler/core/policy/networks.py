"""The networks of a policy, and the addresses that are public.

An IPv6 address may stand for an IPv4 address, or a packet for it may be delivered to one. So an address is judged by
all its faces.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from myscheduler.core.calls.link_local import AS_IPV4, Address, Network, embedded
from myscheduler.messages.message import said

_PUBLIC = IPv6Network("2000::/3")
"""The only part of IPv6 from which public addresses are assigned."""
_SPECIAL: tuple[Network, ...] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.0.2.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("224.0.0.0/3"),  # multicast, reserved and broadcast
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)
"""Of IANA's registries of special-purpose addresses, those that are not of the internet. `ipaddress.is_global` differs
between versions of Python, and calls multicast, and NAT64 and 6to4 of private addresses, global."""


@lru_cache(maxsize=1_024)  # many jobs call few addresses
def faces(address: Address) -> tuple[Address, ...]:
    """The addresses by which an address is judged: itself, and the IPv4 addresses that it embeds.

    One that merely stands for an IPv4 address has no face of its own.
    """
    if address.is_loopback or address.is_unspecified:  # ::1 and :: look as if they stood for an IPv4 address
        return (address,)
    is_other = any(address in network for network in AS_IPV4)
    return (*(() if is_other else (address,)), *embedded(address))


@lru_cache(maxsize=1_024)
def private_faces(address: Address) -> tuple[Address, ...]:
    """Those that are not public: loopback, private, link-local, multicast, reserved."""
    return tuple(face for face in faces(address) if not _is_public(face))


def _is_public(address: Address) -> bool:
    is_assigned = isinstance(address, IPv4Address) or address in _PUBLIC
    return is_assigned and not is_within(address, _SPECIAL)


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def all_within(address: Address, judged: Collection[Address], networks: Collection[Network]) -> bool:
    """Whether networks that are allowed contain the address, or else all of its faces that are judged."""
    return is_within(address, networks) or all(is_within(face, networks) for face in judged)


def shown_as(address: Address, face: Address) -> str:
    """The address, with the one that it stands for."""
    return str(address) if face == address else said("address-embedded", address=str(address), meant=str(face))
