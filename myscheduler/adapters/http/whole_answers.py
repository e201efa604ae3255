"""Responses that arrive in one piece, with nothing unusual in them: they need no reader that goes on with the rest.

Whatever is not certain here is left to `AnswerReader`, which finds the same of a response that is taken here.
"""

import re

_STATUS = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: .*)?")
_TOLD = frozenset({b"content-length", b"content-type", b"content-encoding", b"location", b"retry-after", b"connection"})
_UNUSUAL = frozenset({b"transfer-encoding", b"keep-alive"})
_EMPTY = frozenset({204, 304})
MOST_DIGITS = 7


class Whole:
    """A response that arrived in one piece; with the attributes of a `Body`."""

    __slots__ = ("coding", "content", "content_type", "location", "oddities", "retry_after", "status")

    is_cut = False
    is_endless = False

    def __init__(self, status: int, fields: dict[bytes, bytes], content: bytes) -> None:
        find = fields.get
        self.status = status
        self.content = content
        self.content_type = find(b"content-type", b"").decode("utf-8", "surrogateescape")
        self.coding = find(b"content-encoding", b"").decode("utf-8", "surrogateescape")
        self.retry_after = find(b"retry-after", b"")
        self.location = [fields[b"location"]] if b"location" in fields else []
        self.oddities: list[str] = []

    def is_eof(self) -> bool:
        return True


def whole_answer(data: bytes) -> Whole | None:
    """The response to a request other than HEAD, if `data` is all of it, it says exactly where it ends, and its
    connection is kept; else `None`.
    """
    head, end, content = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    start = _STATUS.fullmatch(first)
    if start is None or not end or head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or b" " in name or b"\t" in name:
            return None
        name = name.lower()
        if name in _UNUSUAL or name in fields:
            return None
        if name in _TOLD:
            fields[name] = value.strip()
    status = int(start[1])
    length = b"0" if status in _EMPTY else fields.get(b"content-length", b"")
    is_whole = length.isdigit() and len(length) <= MOST_DIGITS and len(content) == int(length)
    is_kept = fields.get(b"connection", b"").lower() in {b"", b"keep-alive"}
    return Whole(status, fields, content) if is_whole and is_kept else None
