"""The guard: which hosts and addresses calls may be connected to, by the policy and by who declared the job.

Manifests are reviewed, so their jobs may call private addresses. Whoever has a token of the API could otherwise use the
service to reach everything that it reaches; so jobs of the API may call only public addresses, except where the policy
or the operator's switch allows others, and never the service itself.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import NamedTuple, TypeAlias

from myscheduler.core.calls.hosts import Host, HostPattern, called_host
from myscheduler.core.calls.link_local import EVERYWHERE, NOWHERE, Address, Network, Reach, advice, called_address
from myscheduler.core.policy.networks import all_within, private_faces, shown_as
from myscheduler.core.policy.policy import NO_POLICY, Policy, denied_host_fault, host_fault, network_fault
from myscheduler.messages.message import said

_LOOPBACK = IPv4Address("127.0.0.1")
_LOCALHOST = re.compile(r"(^|\.)localhost$")
"""RFC 6761: such names lead to this machine only."""
MOST_KNOWN = 4_096
"""Addresses whose judgement is remembered."""

IsOwn: TypeAlias = Callable[[Address, int], bool]
"""Whether the service itself listens on this address and port."""


class Refusal(NamedTuple):
    """Why a call may not be made."""

    rule: str
    why: str


class Permit:
    """Which addresses a call may be connected to. There are few of them, so they are compared by identity."""

    __slots__ = ("_is_own", "_known", "_policy", "_private", "_reach")

    def __init__(self, policy: Policy, reach: Reach, private: tuple[Network, ...], is_own: IsOwn | None) -> None:
        """`private` are the networks of addresses that are not public which may be called."""
        self._policy = policy
        self._reach = reach
        self._private = private
        self._is_own = is_own
        self._known: dict[Address, Refusal | None] = {}

    def refusal(self, address: Address, port: int) -> Refusal | None:
        """Why the address may not be connected to; `None` if it may."""
        if self._is_own is not None and self._is_own(address, port):
            return Refusal("target-not-allowed", said("own-port", address=str(address), port=port))
        try:
            return self._known[address]
        except KeyError:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[address] = self._judged(address)
            return found

    def _judged(self, address: Address) -> Refusal | None:
        if not self._reach.allows(address):
            return Refusal("policy-link-local", advice(address))
        if why := network_fault(address, self._policy):
            return Refusal("policy-network", why)
        private = private_faces(address)
        if private and not all_within(address, private, self._private):
            why = said("private-address", address=shown_as(address, private[0]), wanted=str(private[0]))
            return Refusal("target-not-allowed", why)
        return None


class Guard:
    """The permits under one policy."""

    def __init__(
        self,
        policy: Policy = NO_POLICY,
        reach: Reach = NOWHERE,
        *,
        api_may_call_private: bool = False,
        is_own: IsOwn | None = None,
    ) -> None:
        """`reach` are the link-local addresses that may be called. `api_may_call_private` is the operator's switch."""
        self._policy = policy
        self._names_hosts = bool(policy.deny_hosts or policy.api_private_hosts)
        self._admitted: dict[tuple[Host, bool, bool], Permit | Refusal] = {}
        """What was decided before. Each connection is judged by its address nevertheless."""
        allowed = EVERYWHERE if api_may_call_private else policy.api_private_networks
        self._of_manifests = Permit(policy, reach, EVERYWHERE, None)
        self._of_api = Permit(policy, reach, allowed, is_own)
        self._of_named_hosts = Permit(policy, reach, EVERYWHERE, is_own)

    def admit(
        self, host: Host | None, address: Address | None, port: int, *, of_api: bool, is_declared: bool = True
    ) -> Permit | Refusal:
        """The permit to connect to a host of which `address` is the literal address, if it is one.

        `host` is `None` if it is not certain. `is_declared`: the policy's `allow_hosts` was checked when the job was
        declared, as it is for its URL, but not for where a redirect leads.
        """
        if address is None and is_declared and not self._names_hosts:
            return self._of_api if of_api else self._of_manifests
        if host is None:
            return self._judged(host, address, port, of_api=of_api, is_declared=is_declared)
        key = (host, of_api, is_declared)
        found = self._admitted.get(key)
        if found is None:
            if len(self._admitted) >= MOST_KNOWN:
                self._admitted.clear()
            found = self._judged(host, address, port, of_api=of_api, is_declared=is_declared)
            self._admitted[key] = found
        return found

    def _judged(
        self, host: Host | None, address: Address | None, port: int, *, of_api: bool, is_declared: bool
    ) -> Permit | Refusal:
        if why := denied_host_fault(host, self._policy) if is_declared else host_fault(host, self._policy):
            return Refusal("policy-host", why)
        permit = self._permit(host, of_api=of_api)
        return permit if address is None else permit.refusal(address, port) or permit

    def refusal_of_api(self, url: str) -> Refusal | None:
        """Why jobs of the API may not call the URL, as far as it is known before its host is looked up."""
        host = called_host(url)
        address = _LOOPBACK if host is not None and _LOCALHOST.search(host.name) else called_address(url)
        if host is None or address is None:
            return None
        return self._permit(host, of_api=True).refusal(address, host.port)

    def _permit(self, host: Host | None, *, of_api: bool) -> Permit:
        if not of_api:
            return self._of_manifests
        return self._of_named_hosts if _fits(host, self._policy.api_private_hosts) else self._of_api


def _fits(host: Host | None, patterns: tuple[tuple[str, HostPattern], ...]) -> bool:
    return host is not None and any(pattern.fits(host) for _, pattern in patterns)


USUAL_GUARD = Guard()
"""That of a source without a policy."""
NO_PERMIT = Permit(Policy(allow_networks=()), NOWHERE, (), None)
"""Allows no address: for a call that forgot to ask the guard."""
EVERY_PERMIT = Permit(NO_POLICY, Reach(EVERYWHERE), EVERYWHERE, None)
