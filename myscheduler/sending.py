"""The composition root of a sender process: `python -m myscheduler.sending FD`, which `serve` starts.

It ends when the main process closes the channel or ends in whatever way, and by no other signal than SIGKILL: what it
has begun, the main process waits for, or cancels.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

import uvloop

from myscheduler import log
from myscheduler.adapters.http.own_places import OwnPlaces
from myscheduler.adapters.senders.channel import Channel
from myscheduler.core import caching
from myscheduler.errors import SettingError
from myscheduler.machine import memory
from myscheduler.service.dispatch.calling import open_local_caller
from myscheduler.service.gitops.guard_in_force import GuardInForce
from myscheduler.service.senders.messages import Setup
from myscheduler.service.senders.sending import Sending

logger = logging.getLogger("myscheduler.sending")
"""This module runs as `__main__`."""


def main(descriptor: int) -> None:
    """Send until the channel is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a service manager may send them to all processes
        signal.signal(number, signal.SIG_IGN)
    memory.settle()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_send(socket.socket(fileno=descriptor)))
        except SettingError as error:
            logger.error("a sender ends: %s", error)  # noqa: TRY400 - its stack trace says no more
        except Exception:
            logger.exception("a bug ended a sender")
        sys.exit(1)


async def _send(connection: socket.socket) -> None:
    connection.setblocking(False)
    messages: asyncio.Queue[Any] = asyncio.Queue()
    _, channel = await asyncio.get_running_loop().create_unix_connection(
        lambda: Channel(messages.put_nowait, _end), sock=connection
    )
    setup: Setup = await messages.get()
    log.configure(setup.log_level, setup.calls.zone, setup.log_format)
    sending = Sending(channel.send)
    guard = GuardInForce(
        lambda: sending.rules,
        api_may_call_private=setup.api_may_call_private,
        is_own=OwnPlaces(setup.own_ports),
    )
    async with open_local_caller(
        setup.calls,
        guard=guard,
        rules=lambda: sending.rules,
        certificate_seen=sending.certificate_seen,
    ) as caller:
        memory.keep()
        sending.begin()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(memory.keep_small(caching.forget))
            while True:
                sending.take(await messages.get(), caller)


def _end() -> None:
    """End at once, with all calls in progress: nobody waits for them any more."""
    threading.Thread(target=_end_anyway, daemon=True).start()
    logging.shutdown()
    os._exit(0)


def _end_anyway() -> None:
    """Where nobody reads the log, writing its last lines takes for ever."""
    time.sleep(log.FLUSH_SEC)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
