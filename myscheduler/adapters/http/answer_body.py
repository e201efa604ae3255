"""What is kept of an answer: status, size, and the beginning of its body as text."""

import codecs
import re
from dataclasses import dataclass, field
from encodings import normalize_encoding
from encodings.aliases import aliases

import aiohttp

from myscheduler.adapters.http.answers import Body
from myscheduler.adapters.http.unpacking import unpacked
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.secrets.redaction import Secret, redact_start

RESPONSE_LIMIT = 10 * 1024 * 1024
"""Bytes of a response that are read at most."""

SHOWN_BYTES = 60
"""Of what came instead of an answer."""

LETTER_BYTES = 4
"""Bytes of a character at the most, in the charsets that answers come in."""

_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*[\"']?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)

_LONGEST_TYPE = 1_000
"""Characters of a `Content-Type` that are looked at."""

_CODECS = frozenset({*aliases, *aliases.values(), "utf_8_sig"})


@dataclass(slots=True)
class Answer:
    """What has arrived so far."""

    secrets: tuple[Secret, ...]
    lack: str | None = None
    """Why we wait for a file at this moment."""
    status: int | None = None
    body: Body | None = None
    charset: str | None = None
    coding: str = ""
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    complete: bool = False

    def begin(self, status: int, body: aiohttp.StreamReader) -> None:
        self.status = status
        if isinstance(body, Body):  # as always, in the session of `open_sender`
            self.body = body
            self.charset = _declared_charset(body.content_type)
            self.coding = body.coding.lower()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.head += chunk[: max(0, self._window - len(self.head))]

    def outcome(self, failure: Failure | None, error: str | None) -> Outcome:
        if self.status is None:
            return Outcome(failure=failure, error=error)
        return Outcome(self.status, failure, error, self.size, self._excerpt())

    @property
    def is_endless(self) -> bool:
        """It was read as long as there was time, since nobody can say where it ends."""
        return self.body is not None and self.body.is_endless

    def verdict(self, where: str) -> Outcome:
        """By the status. What else is odd is told, and makes no failure of a success: the request was acted on."""
        excerpt = self._excerpt()
        odd = self.body is not None and self.body.oddities and f"{where} {' and '.join(self.body.oddities)}"
        if self.status is not None and 200 <= self.status < 300:
            return Outcome(self.status, None, odd or None, self.size, excerpt)
        redirect = "redirects are not followed" if self.status in {301, 302, 303, 307, 308} else None
        error = "; ".join(part for part in (f"answered {self.status}", redirect, odd) if part)
        return Outcome(self.status, Failure.HTTP_ERROR, error, self.size, excerpt)

    @property
    def _window(self) -> int:
        """Bytes to look through: the excerpt, and behind it as much as the secret may need that begins in it."""
        return EXCERPT_BYTES + max((LETTER_BYTES * secret.longest for secret in self.secrets), default=0)

    def _excerpt(self) -> str | None:
        whole = self.complete and self.size <= len(self.head)
        if not self.head or self.coding in {"", "identity"}:
            return self._shown(bytes(self.head), whole=whole)
        found = unpacked(bytes(self.head), self.coding, self._window, is_all=whole)
        if found.odd and self.body is not None:
            self.body.oddities.append(found.odd)
        return None if found.data is None else self._shown(found.data, whole=found.is_whole)

    def _shown(self, data: bytes, *, whole: bool) -> str:
        """What is kept: cut only when the secrets are out, so that none leaves a part of itself behind."""
        kept = _text(data[:EXCERPT_BYTES], self.charset, whole=whole and len(data) <= EXCERPT_BYTES)
        if not self.secrets:
            return kept
        text = _text(data, self.charset, whole=whole)
        return redact_start(text, self.secrets, len(kept), whole=whole)[:EXCERPT_BYTES]


def _text(data: bytes, charset: str | None, *, whole: bool) -> str:
    """Text that every database can hold; a character that the cut goes through is left out."""
    try:
        text = codecs.getincrementaldecoder(_charset(charset))("replace").decode(data, final=whole)
    except UnicodeError:  # UTF-16 without its mark
        text = data.decode("utf-8", "replace")
    # NUL is refused by PostgreSQL; half a surrogate pair, which UTF-7 yields, by everyone.
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _declared_charset(content_type: str) -> str | None:
    """The charset of a `Content-Type`. aiohttp asks Python's parser of mail, which needs seconds for some headers."""
    found = _CHARSET.search(content_type[:_LONGEST_TYPE])
    return found[1] if found else None


def _charset(declared: str | None) -> str:
    """The declared charset where it is one; Python also has codecs of other kinds (`hex`, `idna`, `unicode_escape`)."""
    if declared is None or normalize_encoding(declared).lower() not in _CODECS:
        return "utf-8"  # Python would search its path for other names, and remember each of them for ever
    try:
        name = codecs.lookup(declared).name
        b" ".decode(name, "replace")
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in {"idna", "punycode"} or "escape" in name else name
