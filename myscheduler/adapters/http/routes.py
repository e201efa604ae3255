"""Resolves names in separate threads, and refuses connections to link-local addresses.

The address that is connected to is checked. So neither a name for such an address helps, nor a name that resolves to
another address at each lookup (DNS rebinding).
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from myscheduler.core.calls.link_local import Address, Reach, address_in

LOOKUPS = 128
"""The most lookups at once. Each has a thread, for up to half a minute if the name server does not answer."""

_AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[str | int, ...]]


class LinkLocalError(OSError):
    """A connection to an address that jobs may not call."""

    def __init__(self, address: Address) -> None:
        super().__init__("the address is link-local")  # the same for every address: aiohappyeyeballs joins the texts
        self.address = address


class SocketMaker:
    """Makes the socket of each connection; raises `LinkLocalError` if its address may not be called."""

    def __init__(self, reach: Callable[[], Reach]) -> None:
        """`reach` is called for each connection."""
        self._reach = reach

    def __call__(self, info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, place = info
        address = address_in(str(place[0]))
        if address is None:  # the system would resolve it again, and the result would not be checked
            raise OSError(f"{place[0]!r} is not an address")
        if not self._reach().allows(address):
            raise LinkLocalError(address)
        return socket.socket(family, kind, protocol)


class Resolver(AbstractResolver):
    """Asks the system for the addresses of a name, and leaves out those that may not be called.

    The event loop's own resolver has few threads: names whose server does not answer would hold up all others.
    """

    def __init__(self, reach: Callable[[], Reach]) -> None:
        self._reach = reach
        self._free = asyncio.Semaphore(LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises `socket.gaierror`, or `LinkLocalError` if the name has no other addresses than link-local ones."""
        async with self._free:
            found = await _in_thread(lambda: _look_up(host, port, family))
        reach = self._reach()
        allowed = [one for one in found if (address := address_in(one["host"])) is None or reach.allows(address)]
        if found and not allowed and (address := address_in(found[0]["host"])) is not None:
            raise LinkLocalError(address)
        return allowed

    async def close(self) -> None:
        """Lookups in progress end by themselves."""


def _look_up(host: str, port: int, family: int) -> list[ResolveResult]:
    infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=socket.getnameinfo(place, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0],  # with its zone
            port=port,
            family=found_family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for found_family, _, protocol, _, place in infos
        if found_family in {socket.AF_INET, socket.AF_INET6}
    ]


async def _in_thread(work: Callable[[], list[ResolveResult]]) -> list[ResolveResult]:
    """Like `asyncio.to_thread`, but in a new daemon thread: neither other work nor the process's end waits for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[ResolveResult]] = loop.create_future()

    def settle(found: list[ResolveResult], error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(found)
        else:
            done.set_exception(error)

    def run() -> None:
        found: list[ResolveResult] = []
        trouble: Exception | None = None
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            trouble = error
        with suppress(RuntimeError):  # the loop is closed by now
            loop.call_soon_threadsafe(settle, found, trouble)

    threading.Thread(target=run, name="lookup", daemon=True).start()
    return await done
