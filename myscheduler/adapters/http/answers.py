"""A lenient parser of HTTP/1 responses: one whose status can be read counts as a response.

Other deviations from HTTP are reported together with the status, and the connection is not reused. aiohttp's own parser
is strict, which is right for a proxy. Here the target has processed the request by then: to treat the call as failed
and repeat it would do more harm.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from aiohttp import ClientError
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from myscheduler.messages.message import said

MOST_HEAD = 256 * 1024
"""The most bytes of a status line with its headers; curl accepts 300 kB."""
MOST_LINE = 32 * 1024
"""The most bytes of a line with a chunk size, and of the trailer."""
MOST_INTERIM = 1_000
"""The most interim responses (1xx) before the final one: one each 3.6 s during an hour of work."""

_STATUS = re.compile(rb"HTTP/(\d{1,3}(?:\.\d{1,3})?)[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r?\n")
_FIELD = re.compile(
    rb"(?im)^(content-(?:length|type|encoding)|transfer-encoding|connection|keep-alive|location|retry-after)"
    rb"[ \t]*:([^\n]*)"
)
_NO_FIELD = re.compile(rb"^[^:\n]*$", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]+")
MOST_DIGITS = 18
_NUMBER = re.compile(rb"\+?0*(\d{1,%d})" % MOST_DIGITS)
_CHUNK_SIZE = re.compile(rb"[ \t]*0*([0-9a-f]{1,15})[ \t]*(?:;.*)?", re.IGNORECASE | re.DOTALL)
_CHUNK_END = re.compile(rb"\r?\n")
_IDLE = re.compile(rb"(?:^|[,;\s])timeout[ \t]*=[ \t]*\"?(\d{1,6})", re.IGNORECASE)
_NO_MORE = re.compile(rb"(?:^|[,;\s])max[ \t]*=[ \t]*\"?0+(?!\d)", re.IGNORECASE)
_IDLE_FIELDS = frozenset({b"connection", b"keep-alive"})
_EMPTY = frozenset({101, 204, 304})
_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate"})


class UnreadableError(ClientError):
    """The data is not an HTTP response. The text follows the name of the target in a message."""

    def __init__(self, why: str, beginning: bytes) -> None:
        super().__init__(why)
        self.beginning = beginning
        """The first bytes that arrived. They may contain anything, secrets too."""


class FloodError(ClientError):
    """A response exceeds a limit. The text follows the name of the target in a message."""


class Body(StreamReader):
    """The body of a response, with the deviations from HTTP of the whole response."""

    __slots__ = ("coding", "content_type", "is_cut", "is_endless", "location", "oddities", "retry_after")

    def __init__(
        self, protocol: BaseProtocol, limit: int, loop: asyncio.AbstractEventLoop, content_type: str, coding: str
    ) -> None:
        super().__init__(protocol, limit, loop=loop)
        self.content_type = content_type
        self.coding = coding
        """The `Content-Encoding`."""
        self.retry_after = b""
        self.location: list[bytes] = []
        self.oddities: list[str] = []
        """Each follows the name of the target in a message."""
        self.is_cut = False
        """The body is incomplete, as far as we know."""
        self.is_endless = False
        """The headers that say where the body ends are not valid, so it is read until the connection is closed."""


class Receiver(Protocol):
    """The callbacks of an `AnswerReader`."""

    def begin(self, status: int, content_type: str, coding: str) -> Body:
        """The head was read. Returns the body to fill."""

    def finish(self, idle_sec: float | None) -> None:
        """The body is complete. The target keeps the connection for `idle_sec`: `None` if it does not say so, 0 if the
        connection can't be reused.
        """


class AnswerReader:
    """An incremental parser of one response: interim responses, the head, the body.

    A state machine: `_step` is the method that parses the next data and returns the rest of it.
    """

    def __init__(self, receiver: Receiver, *, is_head: bool) -> None:
        """`is_head`: the request was HEAD, so the response has no body."""
        self._receiver = receiver
        self.is_head = is_head
        self._step: Callable[[AnswerReader, bytes], bytes] = AnswerReader._read_head
        """Not a bound method: that would be a reference cycle, which is collected late."""
        self._kept = b""
        """The beginning of a head or line that is still incomplete."""
        self._is_more = False
        self._interim = 0
        self._body: Body | None = None
        self._status = 0
        self._is_chunked = False
        self._is_open = False
        """The body ends when the connection is closed."""
        self._left = 0
        """Bytes of the body, or of the chunk, that have not arrived yet."""
        self._size = 0
        self._length = 0
        self._idle_sec: float | None = None
        self.is_done = False

    def feed(self, data: bytes, *, is_more: bool) -> None:
        """Parse data; `is_more`: more of it has arrived. Raises `UnreadableError` or `FloodError` if there is no status
        yet; later deviations are recorded in the body.
        """
        self._is_more = is_more
        while data and not self.is_done:
            data = self._step(self, data)

    def end(self, error: BaseException | None) -> None:
        """The connection was closed. Raises `UnreadableError` if the data before was not a response, and `FloodError`
        if it was cut off in an interim one.
        """
        if self.is_done:
            return
        self._is_more = False
        if self._body is None:
            if not self._kept:
                return
            self._begin_cut(self._kept, said("odd-headers-broken-off"))
        elif not self._is_open or error is not None:
            length = {} if self._is_open or self._is_chunked else {"length": self._length}
            self._cut(said("odd-broken-off-of" if length else "odd-broken-off", size=self._size, **length))
        else:
            self._finish()

    def give_up(self, why: str) -> bool:
        """End the response here, with `why` as a deviation. Returns false if not even the status was read."""
        if self._body is None:
            return False
        if not self.is_done:
            self._cut(why)
        return True

    # --- the head -------------------------------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> bytes:
        seen = max(0, len(self._kept) - 2)
        head = self._kept + data if self._kept else data.lstrip(b"\r\n")
        found = _HEAD_END.search(head, seen)
        if found is not None:
            self._kept = b""
            rest = head[found.end() :]
            self._begin(head, found.start())
            if self._body is None or self._left or self._is_chunked or self._is_open:
                return rest
            self._finish(rest)
            return b""
        self._kept = head
        if len(head) > MOST_HEAD:
            self._begin_cut(head, said("odd-many-headers", kib=MOST_HEAD >> 10))
        elif not _may_become_a_status(head):
            raise _unreadable(head)
        return b""

    def _begin_cut(self, head: bytes, why: str) -> None:
        self._begin(head, head.rfind(b"\n") if b"\n" in head else len(head))
        if self._body is None:  # an interim answer
            raise FloodError(why)
        self._cut(why)

    def _begin(self, head: bytes, end: int) -> None:
        start = _STATUS.match(head, 0, end)
        if start is None:
            raise _unreadable(head)
        head, status = head[:end], int(start[2])
        if 100 <= status < 200 and status != 101:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise FloodError(said("odd-many-interim", most=MOST_INTERIM))
            return
        if b"\n " in head or b"\n\t" in head:
            head = _FOLD.sub(b" ", head)
        fields: dict[bytes, list[bytes]] = {}
        for name, value in _FIELD.findall(head):
            fields.setdefault(name.lower(), []).append(value.strip())
        self._status = status
        coding, oddities = self._framing(fields)
        is_endless = self._is_open and bool(oddities)
        if (end := head.find(b"\n")) > 0 and _NO_FIELD.search(head, end + 1):
            oddities.append(said("odd-line-without-colon"))
        content_type = _text(fields.get(b"content-type", [b""])[0])
        self._idle_sec = _idle_of(float(start[1]), fields)
        codings = fields.get(b"content-encoding", [coding])
        self._body = self._receiver.begin(status, content_type, _text(b",".join(codings)))
        self._body.oddities, self._body.is_endless = oddities, is_endless
        self._body.retry_after, self._body.location = fields.get(b"retry-after", [b""])[0], fields.get(b"location", [])

    def _framing(self, fields: dict[bytes, list[bytes]]) -> tuple[bytes, list[str]]:
        """Set how the end of the body is found. Returns the compression by `Transfer-Encoding`, and the deviations."""
        lengths, oddities = _lengths(fields.get(b"content-length", []))
        self._step = AnswerReader._read_length
        if self.is_head or self._status in _EMPTY:
            return b"", []
        codings = _words(fields.get(b"transfer-encoding", []))
        codings = [coding for coding in codings if coding != b"identity"]
        if codings:
            return self._coded(codings, oddities, has_length=bool(fields.get(b"content-length")))
        if lengths:
            self._left = self._length = min(lengths)
        else:
            self._step, self._is_open = AnswerReader._read_to_the_end, True
        return b"", oddities

    def _coded(self, codings: list[bytes], oddities: list[str], *, has_length: bool) -> tuple[bytes, list[str]]:
        others = [coding for coding in codings if coding != b"chunked"]
        self._is_chunked = b"chunked" in codings
        self._is_open = not self._is_chunked
        self._step = AnswerReader._read_chunk_size if self._is_chunked else AnswerReader._read_to_the_end
        if has_length:
            oddities = [said("odd-length-and-encoding")]
        if len(codings) - len(others) > 1:
            oddities.append(said("odd-chunked-twice"))
        if len(others) > 1 or not _CODINGS.issuperset(others):
            oddities.append(said("odd-encoding"))
        return b",".join(others), oddities

    # --- the body -------------------------------------------------------------------------------------------------

    def _read_length(self, data: bytes) -> bytes:
        part = data[: self._left]
        self._add(part)
        self._left -= len(part)
        if not self._left:
            self._finish(data[len(part) :])
        return b""

    def _read_to_the_end(self, data: bytes) -> bytes:
        self._add(data)
        return b""

    def _read_chunk_size(self, data: bytes) -> bytes:
        """Parse all complete chunks in `data` at once: some servers send very small ones."""
        data, self._kept = self._kept + data, b""
        parts: list[bytes] = []
        place, find = 0, data.find
        while True:
            end = find(b"\n", place)
            if end < 0:
                break
            found = _CHUNK_SIZE.fullmatch(data, place, end - 1 if data[end - 1 : end] == b"\r" else end)
            if found is None:
                return self._garbled(parts)
            size = int(found[1], 16)
            if size == 0:
                self._add(b"".join(parts))
                self._step = AnswerReader._read_trailer
                return b"\n" + data[end + 1 :]
            close = end + 1 + size
            stop = _CHUNK_END.match(data, close)
            if stop is None and len(data) > close + 1:
                return self._garbled([*parts, data[end + 1 : close]])
            if stop is None:
                self._add(b"".join([*parts, data[end + 1 : close]]))
                self._left = max(0, close - len(data))
                self._step = AnswerReader._read_chunk
                return data[close:]
            parts.append(data[end + 1 : close])
            place = stop.end()
        self._add(b"".join(parts))
        self._kept = data[place:]
        return self._garbled([]) if len(self._kept) > MOST_LINE else b""

    def _read_chunk(self, data: bytes) -> bytes:
        if self._left:
            part = data[: self._left]
            self._add(part)
            self._left -= len(part)
            return data[len(part) :]
        data, self._kept = self._kept + data, b""
        stop = _CHUNK_END.match(data)
        if stop is not None:
            self._step = AnswerReader._read_chunk_size
            return data[stop.end() :]
        if data != b"\r":
            return self._garbled([])
        self._kept = data
        return b""

    def _read_trailer(self, data: bytes) -> bytes:
        """`data` begins with the line break of the last chunk's line, so an empty line ends the trailer."""
        data = self._kept + data
        found = _HEAD_END.search(data)
        if found is not None:
            self._finish(data[found.end() :])
        elif len(data) > MOST_LINE:
            self._cut(said("odd-many-trailers", kib=MOST_LINE >> 10))
        else:
            self._kept = data
        return b""

    def _add(self, data: bytes) -> None:
        if data and self._body is not None:
            self._size += len(data)
            self._body.feed_data(data)

    def _garbled(self, parts: list[bytes]) -> bytes:
        self._add(b"".join(parts))
        self._cut(said("odd-chunks"))
        return b""

    def _cut(self, why: str) -> None:
        self._is_more = False
        if self._body is not None:
            self._body.oddities.append(why)
            self._body.is_cut = True
        self._finish()

    def _finish(self, rest: bytes = b"") -> None:
        self.is_done = True
        if self._body is None:
            return
        if rest or self._is_more:
            self._body.oddities.append(self._excess())
        is_kept = not (self._body.oddities or self._is_open or self._status == 101)
        self._receiver.finish(self._idle_sec if is_kept else 0)
        self._body.feed_eof()

    def _excess(self) -> str:
        if self._is_chunked:
            return said("odd-after-chunks")
        if self.is_head:
            return said("odd-head-body")
        if self._status in _EMPTY:
            return said("odd-status-body", status=self._status)
        return said("odd-excess", length=self._length)


def _may_become_a_status(start: bytes) -> bool:
    return _STATUS.match(start) is not None or (b"\n" not in start and b"HTTP/".startswith(start[:5].upper()))


def _unreadable(start: bytes) -> UnreadableError:
    return UnreadableError("did not answer in HTTP", start)


def _lengths(values: list[bytes]) -> tuple[set[int], list[str]]:
    """The values of `Content-Length` that are numbers, and the deviations from HTTP."""
    if not values:
        return set(), []
    if len(values) == 1 and values[0].isdigit() and len(values[0]) <= MOST_DIGITS:  # the usual case
        return {int(values[0])}, []
    words = _words(values)
    found = [match for word in words if (match := _NUMBER.fullmatch(word))]
    lengths = {int(match[1]) for match in found}
    oddities: list[str] = []
    if len(found) < max(1, len(words)):
        is_huge = any(word.isdigit() and not _NUMBER.fullmatch(word) for word in words)
        oddities.append(said("odd-length-too-large" if is_huge else "odd-length-no-number"))
    elif any(word.startswith(b"+") for word in words):
        oddities.append(said("odd-length-signed"))
    if len(lengths) > 1:
        oddities.append(said("odd-lengths", lengths=sorted(lengths)[:3]))
    elif len(found) > 1:
        oddities.append(said("odd-length-twice"))
    return lengths, oddities


def _words(values: list[bytes]) -> list[bytes]:
    if not values:
        return []
    return [word for value in values for part in value.lower().split(b",") if (word := part.strip())]


def _idle_of(version: float, fields: dict[bytes, list[bytes]]) -> float | None:
    """Seconds for which the target keeps the connection; `None` if it does not say so, 0 if it closes it."""
    if version >= 1.1 and fields.keys().isdisjoint(_IDLE_FIELDS):
        return None
    options = _words(fields.get(b"connection", []))
    if b"close" in options or (version < 1.1 and b"keep-alive" not in options):
        return 0
    value = b",".join(fields.get(b"keep-alive", []))
    if not value:
        return None
    if _NO_MORE.search(value):
        return 0
    found = _IDLE.search(value)
    return float(found[1]) if found else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
