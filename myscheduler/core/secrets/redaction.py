"""Removes secrets from what a target returns, both as they are and in the usual encodings (see `encodings`).

A secret in any other form (reversed, hashed, in hexadecimal) is not recognised.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from myscheduler.core.secrets.encodings import CORE, cores_of, forms_of

REDACTED = "[redacted]"

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_%\\-]")


@dataclass(frozen=True, slots=True)
class Secret:
    """The value of a secret, looked up for a call, and the forms in which a target may return it.

    Its `repr` doesn't contain the value.
    """

    name: str
    value: str = field(repr=False)
    forms: tuple[str, ...] = field(repr=False, compare=False)
    """The value in its encodings."""
    cores: tuple[str, ...] = field(repr=False, compare=False)
    """The base64 of the value within other bytes, such as `user:password`, without the characters shared with them."""

    @classmethod
    def of(cls, name: str, value: str) -> "Secret":
        return cls(name, value, tuple(sorted(forms_of(value))), tuple(sorted(cores_of(value))))

    @property
    def longest(self) -> int:
        """The length of the longest form, in characters."""
        return max(map(len, (*self.forms, *self.cores)))


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """The text with each occurrence of a secret replaced by `REDACTED`."""
    return redact_start(text, secrets, len(text), whole=True)


def redact_start(text: str, secrets: Iterable[Secret], cut: int, *, whole: bool, by: str = REDACTED) -> str:
    """The first `cut` characters of the text, with secrets replaced, including one that extends beyond the cut.

    `whole` says that the text is complete. If it is not, its last characters may be the start of a secret; if so, they
    are replaced too.
    """
    kept, place = [], 0
    for start, end in _merged(_spans(text, secrets, cut, whole=whole)):
        if start >= cut:
            break
        kept += [text[place:start], by]
        place = end
    return "".join([*kept, text[place:cut]])


def _spans(text: str, secrets: Iterable[Secret], cut: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    for secret in secrets:
        for form in secret.forms:
            yield from _found(text, form)
            if not whole:
                yield from _begun(text, form, cut, 1)
        for core in secret.cores:
            for start, end in [*_found(text, core), *(() if whole else _begun(text, core, cut, CORE))]:
                yield _around(text, start, end)


def _found(text: str, form: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _begun(text: str, form: str, cut: int, least: int) -> Iterator[tuple[int, int]]:
    """The span at the end of the text that is the beginning of `form`, if at least `least` characters of it match."""
    start = text.find(form[:least], max(0, len(text) - len(form) + 1), cut + least)
    while start >= 0:
        if form.startswith(text[start:]):
            yield start, len(text)
            return
        start = text.find(form[:least], start + 1, cut + least)


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole word of base64 around a piece of it."""
    after = _NOT_BASE64.search(text, end)
    before = _NOT_BASE64.search(text[:start][::-1])
    return start - before.start() if before else 0, after.start() if after else len(text)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans in order, with overlapping and adjacent ones merged."""
    current: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if current is None or start > current[1]:
            if current is not None:
                yield current
            current = (start, end)
        else:
            current = (current[0], max(current[1], end))
    if current is not None:
        yield current
