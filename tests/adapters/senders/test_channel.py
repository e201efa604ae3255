"""The channel: what is sent arrives whole and in order, however the bytes are cut."""

import asyncio
import socket
from typing import Any

import pytest

from myscheduler.adapters.senders.channel import Channel

pytestmark = pytest.mark.anyio

VALUES: list[Any] = [("日本語", 1), [], b"x" * 300_000, {"a": None}, 2.5, "\udcff"]


class _Written:
    """What a transport is given."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def written() -> bytes:
    transport, channel = _Written(), Channel(lambda _: None, lambda: None)
    channel.connection_made(transport)  # type: ignore[arg-type] # no more of it is used
    for value in VALUES:
        channel.send(value)
    return transport.data


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1_000, 65_536, 10_000_000])
async def test_values_arrive_however_they_are_cut(size: int) -> None:
    got: list[Any] = []
    channel, data = Channel(got.append, lambda: None), written()
    for start in range(0, len(data), size):
        channel.data_received(data[start : start + size])
    assert got == VALUES


async def test_both_ends_talk_and_each_learns_that_the_other_is_gone() -> None:
    loop, one, other = asyncio.get_running_loop(), *socket.socketpair()
    for end in (one, other):
        end.setblocking(False)
    got: asyncio.Queue[Any] = asyncio.Queue()
    lost = asyncio.Event()
    _, ours = await loop.create_unix_connection(lambda: Channel(got.put_nowait, lost.set), sock=one)
    _, its = await loop.create_unix_connection(lambda: Channel(ours.send, lambda: None), sock=other)
    its.send("hello")
    assert await got.get() == "hello"
    its.close()
    await lost.wait()
    ours.send("to nobody")  # is lost, and raises nothing
