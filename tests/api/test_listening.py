"""How callers are accepted."""

import asyncio
import socket
from contextlib import ExitStack

import uvloop

from myscheduler.api.listening import ACCEPTED_AT_ONCE, acceptors, listen
from tests.support.patience import PATIENCE


class Accepted(asyncio.Protocol):
    def __init__(self, turns: list[int], turn: list[int]) -> None:
        self._turns, self._turn = turns, turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._turns.append(self._turn[0])
        transport.abort()  # type: ignore[attr-defined] # of a stream


def test_many_callers_are_accepted_in_a_turn_of_the_loop() -> None:
    """Counted in turns: as many at once as there may be, where uvloop alone takes one."""
    callers = 10 * ACCEPTED_AT_ONCE
    turns: list[int] = []
    turn = [0]

    async def run(stack: ExitStack) -> None:
        listener = listen("127.0.0.1", 0)
        for _ in range(callers):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(lambda: Accepted(turns, turn), sock=one) for one in acceptors(listener)]
        async with asyncio.timeout(PATIENCE):
            while len(turns) < callers:
                turn[0] += 1
                await asyncio.sleep(0)
        for server in servers:
            server.close()

    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(stack))
    assert turns[-1] - turns[0] < 2 * callers // ACCEPTED_AT_ONCE
