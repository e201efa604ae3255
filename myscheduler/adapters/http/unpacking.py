"""The beginning of a body that came compressed, although we ask for plain ones."""

import zlib
from dataclasses import dataclass

_GZIP = frozenset({"gzip", "x-gzip"})
_ANY_HEADER = zlib.MAX_WBITS | 32
"""That of gzip or of zlib."""
_NO_HEADER = -zlib.MAX_WBITS
"""Raw deflate, as some servers send it for `deflate`; curl reads it, too."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    data: bytes | None
    """`None` where nothing can be read."""
    is_whole: bool = False
    odd: str | None = None
    """What was odd; it goes on behind the name of the target."""


def unpacked(packed: bytes, coding: str, most: int, *, is_all: bool) -> Unpacked:
    """Unpack up to `most` bytes, so that a bomb stays small; `is_all`: nothing of the body is left out.

    A body may have several members, one behind the other, as `cat a.gz b.gz` makes them.
    """
    if coding not in _GZIP and coding != "deflate":
        return Unpacked(None, odd=f"sent a body in {coding[:40]}, which is not unpacked here, so no excerpt is kept")
    data, rest = b"", packed
    while rest and len(data) < most:
        member = _member(rest, coding, most - len(data))
        if member is None and not data:
            return Unpacked(None, odd=f"sent a body that is no {coding}")
        if member is None:
            return Unpacked(data, odd=f"sent something behind its {coding}")
        part, unpacker = member
        data += part
        if not unpacker.eof:
            is_cut = is_all and len(data) < most
            return Unpacked(data, odd=f"broke off its {coding}" if is_cut else None)
        rest = unpacker.unused_data.lstrip(b"\0")  # tapes are padded
    return Unpacked(data, is_whole=is_all and not rest)


def _member(packed: bytes, coding: str, most: int) -> "tuple[bytes, zlib._Decompress] | None":
    for header in (_ANY_HEADER, *([_NO_HEADER] if coding == "deflate" else [])):
        unpacker = zlib.decompressobj(wbits=header)
        try:
            return unpacker.decompress(packed, most), unpacker
        except zlib.error:
            continue
    return None
