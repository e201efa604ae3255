"""Decompresses the beginning of a body that came compressed, although the request asks for an uncompressed one."""

import zlib
from dataclasses import dataclass

from myscheduler.messages.message import said

_GZIP = frozenset({"gzip", "x-gzip"})
_ANY_HEADER = zlib.MAX_WBITS | 32
"""A `wbits` value of zlib: a header of gzip or of zlib."""
_NO_HEADER = -zlib.MAX_WBITS
"""A `wbits` value of zlib: raw deflate, which some servers send for `deflate`; curl reads it, too."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    data: bytes | None
    """`None` if nothing can be decompressed."""
    is_whole: bool = False
    """`data` is the whole body."""
    odd: str | None = None
    """What is wrong with the body; a text that follows the name of the target in a message."""


def unpacked(packed: bytes, coding: str, most: int, *, is_all: bool) -> Unpacked:
    """Decompress to at most `most` bytes, so that a decompression bomb stays small.

    `coding` is the `Content-Encoding` in lower case; `is_all` says that `packed` is the whole body. A body may have
    several gzip members, one after another, as `cat a.gz b.gz` makes them.
    """
    if coding not in _GZIP and coding != "deflate":
        return Unpacked(None, odd=said("odd-coding-unsupported", coding=coding[:40]))
    data, rest = b"", packed
    while rest and len(data) < most:
        member = _member(rest, coding, most - len(data))
        if member is None and not data:
            return Unpacked(None, odd=said("odd-coding-wrong", coding=coding))
        if member is None:
            return Unpacked(data, odd=said("odd-after-coding", coding=coding))
        part, unpacker = member
        data += part
        if not unpacker.eof:
            is_cut = is_all and len(data) < most
            return Unpacked(data, odd=said("odd-coding-broken-off", coding=coding) if is_cut else None)
        rest = unpacker.unused_data.lstrip(b"\0")  # files from tapes are padded with zeros
    return Unpacked(data, is_whole=is_all and not rest)


def _member(packed: bytes, coding: str, most: int) -> "tuple[bytes, zlib._Decompress] | None":
    for header in (_ANY_HEADER, *([_NO_HEADER] if coding == "deflate" else [])):
        unpacker = zlib.decompressobj(wbits=header)
        try:
            return unpacker.decompress(packed, most), unpacker
        except zlib.error:
            continue
    return None
