"""Resolves names in separate threads, and refuses connections to addresses that a call may not be connected to.

The address that is connected to is checked. So neither a name for such an address helps, nor a name that resolves to
another address at each lookup (DNS rebinding).
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from myscheduler.adapters.http.opening import OPENING, address_text
from myscheduler.core.calls.link_local import address_in
from myscheduler.core.policy.guard import NO_PERMIT, Permit, Refusal

LOOKUPS = 128
"""The most lookups at once. Each has a thread, for up to half a minute if the name server does not answer."""

_AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[str | int, ...]]

PERMIT: ContextVar[Permit] = ContextVar("PERMIT", default=NO_PERMIT)
"""The permit of the call in this context. Connections are shared by all calls, but not by what they may call."""


class RefusedError(OSError):
    """A connection to an address that the call may not be connected to."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("the address is refused")  # the same for every address: aiohappyeyeballs joins the texts
        self.refusal = refusal


def make_socket(info: _AddressInfo) -> socket.socket:
    """The socket of a connection; raises `RefusedError` if the call may not be connected to its address."""
    family, kind, protocol, _, place = info
    address = address_in(str(place[0]))
    if address is None:  # the system would resolve it again, and the result would not be checked
        raise OSError(f"{place[0]!r} is not an address")
    if refusal := PERMIT.get().refusal(address, int(place[1])):
        raise RefusedError(refusal)
    if (opening := OPENING.get()) is not None:
        opening.address = address_text(place)
    return socket.socket(family, kind, protocol)


class Resolver(AbstractResolver):
    """Asks the system for the addresses of a name.

    The event loop's own resolver has few threads: names whose server does not answer would hold up all others.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises `socket.gaierror`."""
        async with self._free:
            return await _in_thread(lambda: _look_up(host, port, family))

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
