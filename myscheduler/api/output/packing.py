"""Compresses long lists with gzip (RFC 1952), a part at a time, in threads.

Parts that stay the same are compressed once: each is a whole number of DEFLATE blocks (RFC 1951), so that parts can be
joined in any order.

Each answer contains a file name of random length, as Django's do: the length of an answer then tells less about a
secret in it (BREACH). Answers with headers and bodies of jobs are never compressed.
"""

import asyncio
import re
import secrets
import struct
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from threading import Lock

LEVEL = 3
"""The highest level that takes about as long as level 1; level 4 takes twice as long, and saves hardly anything."""
LEAST = 4_096
"""Bytes. Shorter answers are sent as they are."""
MOST_PADDING = 100
"""The most random bytes in front of the data."""
KEPT_BYTES = 2 * 1024**2
"""The most bytes of compressed parts that are kept."""
_ACCEPTED = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)
_HEAD = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"
"""Magic, DEFLATE, a file name follows, no time, no particular system."""
_LAST_BLOCK = b"\x03\x00"


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` names gzip and does not rule it out with `q=0`."""
    match = _ACCEPTED.search(header)
    return match is not None and (match[1] is None or match[1].strip("0.") != "")


class Packer:
    """Compresses lists, and keeps the compressed parts that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        """By hash and length; a part that only seems to be the same would be noticed by the checksum at the end."""
        self._size = 0
        self._lock = Lock()

    async def packed(self, parts: Iterable[Sequence[bytes]]) -> AsyncIterator[bytes]:
        """The gzip file of all parts; each part is given in pieces."""
        checksum, length = 0, 0
        yield _HEAD + b"0" * secrets.randbelow(MOST_PADDING + 1) + b"\x00"
        for pieces in parts:
            packed, checksum, size = await asyncio.to_thread(self._pack, pieces, checksum)
            length += size
            yield packed
        yield _LAST_BLOCK + struct.pack("<II", checksum, length & 0xFFFFFFFF)

    def _pack(self, pieces: Sequence[bytes], checksum: int) -> tuple[bytes, int, int]:
        """The compressed part, the checksum of all data up to its end, and its size in bytes."""
        whole = b"".join(pieces)
        key = hash(tuple(pieces)), len(whole)
        packed = self._kept.get(key)
        if packed is None:
            packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            packed = packer.compress(whole) + packer.flush(zlib.Z_FULL_FLUSH)
        self._keep(key, packed)
        return packed, zlib.crc32(whole, checksum), len(whole)

    def _keep(self, key: tuple[int, int], packed: bytes) -> None:
        with self._lock:
            self._size += len(packed) - len(self._kept.pop(key, b""))
            self._kept[key] = packed
            while self._size > KEPT_BYTES:
                self._size -= len(self._kept.popitem(last=False)[1])
