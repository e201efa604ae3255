"""Secrets in what a target answers: found as they are and in the usual encodings (see `spellings`), and taken out.

A target that writes a secret in some other way (reversed, hashed, in hexadecimal) is not seen through.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from myscheduler.core.secrets.encodings import CORE, cores_of, forms_of

REDACTED = "[redacted]"

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_%\\-]")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that was looked up for a call, with the ways in which it may come back. Its `repr` doesn't tell it."""

    name: str
    value: str = field(repr=False)
    forms: tuple[str, ...] = field(repr=False, compare=False)
    """The value in its encodings."""
    cores: tuple[str, ...] = field(repr=False, compare=False)
    """What base64 makes of it amid other bytes, such as `user:password`, without the characters at its ends."""

    @classmethod
    def of(cls, name: str, value: str) -> "Secret":
        return cls(name, value, tuple(sorted(forms_of(value))), tuple(sorted(cores_of(value))))

    @property
    def longest(self) -> int:
        """Characters of the longest form."""
        return max(map(len, (*self.forms, *self.cores)))


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """The text without the secrets."""
    return redact_start(text, secrets, len(text), whole=True)


def redact_start(text: str, secrets: Iterable[Secret], cut: int, *, whole: bool) -> str:
    """The first `cut` characters of the text without the secrets; one across the cut goes as a whole.

    `whole` says that the text ends here. Else its last characters may be the beginning of a secret, and go too.
    """
    kept, place = [], 0
    for start, end in _merged(_spans(text, secrets, cut, whole=whole)):
        if start >= cut:
            break
        kept += [text[place:start], REDACTED]
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
    """The end of the text, where `form` begins there and at least so many of its characters are left."""
    start = text.find(form[:least], max(0, len(text) - len(form) + 1), cut + least)
    while start >= 0:
        if form.startswith(text[start:]):
            yield start, len(text)
            return
        start = text.find(form[:least], start + 1, cut + least)


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole word of base64 around a piece of it."""
    behind = _NOT_BASE64.search(text, end)
    before = _NOT_BASE64.search(text[:start][::-1])
    return start - before.start() if before else 0, behind.start() if behind else len(text)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """In order, and those that touch each other as one."""
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
