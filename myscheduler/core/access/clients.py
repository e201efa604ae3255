"""Which address a request really comes from, and whether it may call at all.

A proxy appends the address of its caller to `X-Forwarded-For`. So the header is read from the end, and only as far as
trusted proxies wrote it: everything before was sent by the caller, who can write anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from myscheduler.core.access.allowed_hosts import Address, address_of
from myscheduler.messages.message import said

Network = IPv4Network | IPv6Network
_MAPPED_BITS = 96


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of networks."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: str) -> Self:
        """Parse networks and addresses separated by commas: `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`.

        `ValueError` names a wrong one. A network with host bits, such as 10.0.0.1/8, is one: it is not clear what is
        meant.
        """
        return cls(tuple(_network(entry) for part in entries.split(",") if (entry := part.strip())))

    def __bool__(self) -> bool:
        return bool(self.networks)

    def has(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _network(entry: str) -> Network:
    try:
        return _as_compared(ip_network(entry))
    except ValueError:
        try:
            meant = ip_network(entry, strict=False)
        except ValueError:
            message = said("not-a-network", value=entry[:60])
            raise ValueError(message) from None
        raise ValueError(said("bits-after-prefix", value=entry, meant=meant)) from None


def _as_compared(network: Network) -> Network:
    """IPv4 where it is written as IPv6 (::ffff:10.0.0.0/104), as addresses are, too; without a zone such as %eth0."""
    if isinstance(network, IPv4Network):
        return network
    mapped = network.network_address.ipv4_mapped
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return IPv6Network((int(network.network_address), network.prefixlen))


NO_NETWORKS = Networks()


@dataclass(frozen=True, slots=True)
class ClientRules:
    """The proxies that are trusted to name their callers, and the addresses that may call."""

    trusted_proxies: Networks = NO_NETWORKS
    allowed: Networks = NO_NETWORKS
    """Empty: all."""

    def trusts(self, peer: str) -> bool:
        """Whether headers such as `X-Forwarded-User` from this peer count."""
        address = address_of(peer)
        return address is not None and self.trusted_proxies.has(address)

    def client_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of the caller: of the peer, or the last one in `X-Forwarded-For` that no trusted proxy has.

        `forwarded_for` has the values of the header in their order. A part that is not an address ends the search.
        """
        client = peer
        for part in reversed([part.strip() for value in forwarded_for for part in value.split(",")]):
            if not self.trusts(client):
                break
            address = _forwarded(part)
            if address is None:
                break
            client = str(address)
        return client

    def admits(self, client: str) -> bool:
        """Whether this address may call. A caller without an address, on a Unix socket, may."""
        address = address_of(client)
        return not self.allowed or address is None or self.allowed.has(address)


EVERYBODY = ClientRules()
"""No proxy is trusted, and every address may call."""


def _forwarded(part: str) -> Address | None:
    """The address in a part of `X-Forwarded-For`, which some proxies write with the port; never with a zone (%eth0)."""
    if "%" in part:
        return None
    if part.startswith("["):
        part = part[1:].partition("]")[0]
    elif part.count(":") == 1:
        part = part.partition(":")[0]
    return address_of(part)
