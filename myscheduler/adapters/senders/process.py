"""Starts a sender process, connected to this one by a pair of sockets."""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from myscheduler.adapters.senders.channel import Channel

MODULE = "myscheduler.sending"
END_SEC = 2.0
"""How long a sender may take to end by itself once its channel is closed."""


class SenderProcess:
    """A process that runs, or has ended."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self._process = process
        self.channel = channel

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As `kill -9`: it sends nothing more."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> int:
        """Have it end, and return its exit code; below zero, it is the number of the signal that ended it."""
        self.channel.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SEC):
                return await self._process.wait()
        self.kill()
        return await self._process.wait()


async def start_sender(received: Callable[[Any], None], lost: Callable[[], None]) -> SenderProcess:
    """Start one. `received` is called with each value that it sends, `lost` when it has closed its end.

    It ends when this process closes the channel, or ends in whatever way. Raises `OSError` if it can't be started.
    """
    ours, its = socket.socketpair()
    with its:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # a file of the working directory must not take the place of a library
                "-m",
                MODULE,
                str(its.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
                start_new_session=True,  # the terminal's Ctrl-C is for this process, which drains
            )
        except BaseException:
            ours.close()
            raise
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(lambda: Channel(received, lost), sock=ours)
    return SenderProcess(process, channel)
