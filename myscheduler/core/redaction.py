"""Secrets in what a target answers: found as they are and in the usual encodings, and taken out.

A target that writes a secret in some other way (reversed, hashed, in hexadecimal) is not seen through.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"

_CORE = 4
"""Characters of base64 from which on a piece counts as one of the secret."""
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_%\\-]")
_ESCAPE = re.compile(r"%[0-9A-F]{2}|\\u[0-9a-f]{4}")


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
        return cls(name, value, tuple(sorted(_forms(value))), tuple(sorted(_cores(value))))

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
            for start, end in [*_found(text, core), *(() if whole else _begun(text, core, cut, _CORE))]:
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


def _forms(value: str) -> set[str]:
    plain = {value, value.strip(), value.replace("\n", "\r\n"), html.escape(value), html.escape(value, quote=False)}
    plain |= {line.strip() for line in value.splitlines() if len(line.strip()) >= 8}
    plain |= {repr(value)[1:-1], value.replace("'", "&#39;")}
    data = value.encode()
    encoded = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    escaped = {
        *(quote(value, safe=safe) for safe in ("", "/", "!'()*", "/:@!$&'()*+,;=-._~")),
        "".join(letter if letter.isascii() else quote(letter) for letter in value),
        quote_plus(value),
        *(quote(one, safe="") for one in encoded),
    }
    once = plain | encoded | escaped
    in_json = {form for one in once for form in _json_forms(one)}
    twice = {form for one in _json_forms(value) for form in _json_forms(one)}  # a body that is echoed as text in JSON
    found = once | in_json | twice
    return {form for one in found for form in (one, _other_case(one))} - {""}


def _json_forms(text: str) -> set[str]:
    """As the usual writers of JSON do it: some escape slashes, or what has a meaning in HTML, or all but ASCII."""
    escaped = {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)}
    for_html = {_escaped(one, letters) for one in escaped for letters in ("<>&", "<>&'", "<>&'+", "<>&'+`")}
    quotes = {one.replace('\\"', "\\u0022") for one in for_html}
    return escaped | for_html | quotes | {one.replace("/", "\\/") for one in escaped}


def _escaped(text: str, letters: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" if letter in letters else letter for letter in text)


def _other_case(text: str) -> str:
    """With the hexadecimal digits of its escapes in the other case."""
    return _ESCAPE.sub(lambda found: found[0].lower() if found[0][0] == "%" else f"\\u{found[0][2:].upper()}", text)


def _cores(value: str) -> set[str]:
    """The characters of base64 that the value alone determines, for each of the three places where it may begin."""
    data = value.encode()
    cores = set()
    for shift in range(3):
        start, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            cores.add(encode(b"\0" * shift + data).decode()[start:end])
    cores |= {form for core in cores for form in (core.replace("/", "\\/"), quote(core, safe=""))}
    return {core for core in cores if len(core) >= _CORE}
