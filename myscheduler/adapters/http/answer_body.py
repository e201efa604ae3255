"""What is recorded of a response: status, size, and an excerpt, the beginning of its body as text without secrets."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Any

from myscheduler.adapters.http.answers import Body
from myscheduler.adapters.http.expectations import CHECKED_BYTES, lack_of_body
from myscheduler.adapters.http.extraction import extracted
from myscheduler.adapters.http.unpacking import unpacked
from myscheduler.adapters.http.whole_answers import Whole
from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.job.expect import USUAL_EXPECT, Expect
from myscheduler.core.secrets.redaction import Secret, redact_start
from myscheduler.core.statuses import is_among
from myscheduler.messages.message import said

RESPONSE_LIMIT = 10 * 1024 * 1024
"""The most bytes of a response body that are read."""

SHOWN_BYTES = 60
"""The most bytes shown of data that is not an HTTP response."""

LETTER_BYTES = 4
"""The most bytes of one character, in the charsets that responses use."""

_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*[\"']?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)

_LONGEST_TYPE = 1_000
"""The characters of a `Content-Type` that are searched for a charset."""

LONGEST_RETRY_AFTER = 100
_ASKS_TO_WAIT = frozenset({429, 503})
_CODECS = frozenset({*aliases, *aliases.values(), "utf_8_sig"})


@dataclass(slots=True)
class Answer:
    """The part of a response that has arrived so far, and the outcome that follows from it."""

    secrets: tuple[Secret, ...]
    """Those of the request; they are removed from the excerpt."""
    expect: Expect = USUAL_EXPECT
    extract: tuple[tuple[str, str], ...] = ()
    """The values that are handed on: names, and places in the JSON of the answer."""
    is_read: bool = False
    """Whether the body is wanted, as far as it is checked, whatever is expected of it."""
    keeps_start: bool = True
    """Whether the outcome has an excerpt."""
    lack: str | None = None
    """Why no connection can be opened just now (too many open files), else `None`."""
    status: int | None = None
    body: Body | Whole | None = None
    charset: str | None = None
    coding: str = ""
    """The `Content-Encoding`, in lower case."""
    size: int = 0
    """Bytes of the body that were read."""
    head: bytearray = field(default_factory=bytearray)
    """The beginning of the body, as much as the excerpt and the expectations need."""
    retry_after: str | None = None
    """The header of a 429 or a 503, cut to `LONGEST_RETRY_AFTER` characters."""
    complete: bool = False
    """The body was read to its end."""

    def begin(self, status: int, body: Body | Whole) -> None:
        self.status = status
        self.body = body
        self.charset = _declared_charset(body.content_type)
        self.coding = body.coding.lower()
        if status in _ASKS_TO_WAIT and body.retry_after:
            self.retry_after = body.retry_after[:LONGEST_RETRY_AFTER].decode("ascii", "replace")

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        most = max(CHECKED_BYTES, self._window) if self._needs_body else self._window
        self.head += chunk[: max(0, most - len(self.head))]

    @property
    def _needs_body(self) -> bool:
        return self.is_read or self.expect.reads_body or bool(self.extract)

    def outcome(self, failure: Failure | None, error: str | None) -> Outcome:
        """An outcome with this failure, and with what has arrived."""
        if self.status is None:
            return Outcome(failure=failure, error=error)
        return Outcome(self.status, failure, error, self.size, self._excerpt())

    @property
    def is_endless(self) -> bool:
        """The end of the body can't be determined, so it is read until the timeout, which is then no failure."""
        return self.body is not None and self.body.is_endless

    def verdict(self, where: str, exchange: Exchange) -> Outcome:
        """The outcome of the whole answer, with the values that are handed on."""
        outcome = self._judged(where, exchange)
        return replace(outcome, extracted=self._extracted()) if self.extract else outcome

    def _extracted(self) -> Mapping[str, Any]:
        data, is_whole = self._checked()
        return extracted(_text(data, self.charset, whole=True), self.extract, self.secrets) if is_whole else {}

    def _judged(self, where: str, exchange: Exchange) -> Outcome:
        """The outcome by the status code, of which 2xx is usually a success, and by what else is expected.

        `where` is the target's `host:port`.

        Deviations from HTTP are reported in `error`, but do not turn a success into a failure: the target has processed
        the request.
        """
        excerpt = self._excerpt()
        oddities = self.body.oddities if self.body is not None else ()
        odd = said("odd", where=where, odd=list(oddities)) if oddities else None
        status = self.status or 0
        if not is_among(self.expect.statuses, status):
            error = _refusal(status, odd)
            after, failure = self.retry_after, Failure.HTTP_ERROR
            return Outcome(self.status, failure, error, self.size, excerpt, retry_after=after, exchange=exchange)
        if self.expect is not USUAL_EXPECT and (lack := self._lack(exchange.total_ms)):
            return Outcome(status, Failure.EXPECTATION, lack, self.size, excerpt, exchange=exchange)
        return Outcome(status, None, odd, self.size, excerpt, exchange=exchange)

    def _lack(self, took_ms: float) -> str | None:
        """What the answer lacks of what is expected beside the status, or `None`."""
        expect = self.expect
        if expect.reads_body:
            data, is_whole = self._checked()
            if lack := lack_of_body(expect, _text(data, self.charset, whole=is_whole), self.secrets, is_whole=is_whole):
                return lack
        took = round(took_ms)
        if expect.max_duration_ms is not None and took > expect.max_duration_ms:
            return said("expect-too-slow", took=took, most=expect.max_duration_ms)
        return None

    def _checked(self) -> tuple[bytes, bool]:
        """The body as far as it is checked, unpacked; and whether it is whole."""
        is_whole = self.complete and self.size <= len(self.head)
        if self.coding in {"", "identity"}:
            return bytes(self.head), is_whole
        found = unpacked(bytes(self.head), self.coding, CHECKED_BYTES, is_all=is_whole)
        return found.data or b"", found.is_whole

    @property
    def content(self) -> bytes:
        """The beginning of the body, unpacked; more than the excerpt only if it `is_read`."""
        return self._checked()[0]

    @property
    def _window(self) -> int:
        """Bytes that are searched for secrets: the excerpt, and the longest rest of a secret that begins in it."""
        if not self.secrets:
            return EXCERPT_BYTES
        return EXCERPT_BYTES + max(LETTER_BYTES * secret.longest for secret in self.secrets)

    def _excerpt(self) -> str | None:
        if not self.keeps_start:
            return None
        whole = self.complete and self.size <= len(self.head)
        if not self.head or self.coding in {"", "identity"}:
            start = bytes(self.head[: self._window])
            return self._shown(start, whole=whole and len(start) == len(self.head))
        found = unpacked(bytes(self.head), self.coding, self._window, is_all=whole)
        if found.odd and self.body is not None:
            self.body.oddities.append(found.odd)
        return None if found.data is None else self._shown(found.data, whole=found.is_whole)

    def _shown(self, data: bytes, *, whole: bool) -> str:
        """The excerpt as text. It is cut after secrets are removed, so that no part of one remains at its end."""
        kept = _text(data[:EXCERPT_BYTES], self.charset, whole=whole and len(data) <= EXCERPT_BYTES)
        if not self.secrets:
            return kept
        text = _text(data, self.charset, whole=whole)
        return redact_start(text, self.secrets, len(kept), whole=whole)[:EXCERPT_BYTES]


def _refusal(status: int, odd: str | None) -> str:
    """The error of a status that is no success."""
    if 200 <= status < 300:
        return said("answered-unexpectedly", status=status)
    code = "answered-redirect" if status in {301, 302, 303, 307, 308} else "answered"
    return said(code, status=status) if odd is None else said(f"{code}-oddly", status=status, odd=odd)


def _text(data: bytes, charset: str | None, *, whole: bool) -> str:
    """The bytes as text that every database can store; unless they are `whole`, a partial last character is dropped."""
    if charset is None and data.isascii() and b"\x00" not in data:  # what is below finds the same
        return data.decode("ascii")
    try:
        text = codecs.getincrementaldecoder(_charset(charset))("replace").decode(data, final=whole)
    except UnicodeError:  # UTF-16 without a byte order mark
        text = data.decode("utf-8", "replace")
    # PostgreSQL refuses NUL; every database refuses half a surrogate pair, which UTF-7 can yield.
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _declared_charset(content_type: str) -> str | None:
    """The charset of a `Content-Type`. aiohttp uses Python's mail parser, which takes seconds for some headers."""
    found = _CHARSET.search(content_type[:_LONGEST_TYPE])
    return found[1] if found else None


def _charset(declared: str | None) -> str:
    """The declared charset if it is one, else UTF-8. Python also has codecs that are no charsets, such as `hex`."""
    if declared is None or normalize_encoding(declared).lower() not in _CODECS:
        return "utf-8"  # for other names, Python would search its path, and cache each of them for ever
    try:
        name = codecs.lookup(declared).name
        b" ".decode(name, "replace")
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in {"idna", "punycode"} or "escape" in name else name
