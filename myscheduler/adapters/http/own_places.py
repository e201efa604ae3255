"""Where the service itself listens."""

import socket
from collections.abc import Collection

from myscheduler.core.calls.link_local import Address
from myscheduler.core.policy.networks import faces


class OwnPlaces:
    """The ports of this service, on every address of this machine."""

    def __init__(self, ports: Collection[int]) -> None:
        self._ports = frozenset(ports)

    def __call__(self, address: Address, port: int) -> bool:
        return port in self._ports and any(_is_of_this_machine(face) for face in faces(address))


def _is_of_this_machine(address: Address) -> bool:
    """Asks the kernel for the way to the address: to one of its own, it takes that address itself. Nothing is sent."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return str(probe.getsockname()[0]) == str(address)
    except OSError:  # there is no way to it
        return False
