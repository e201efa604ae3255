"""Masks what targets repeat of the literal credentials that a job sends, for callers who may not see those.

Values of `${secret:NAME}` are removed when a response arrives (see `redaction`). Literal credentials are not, because
editors of the job may read them anyway. So they are masked when the history is shown to others.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from myscheduler.core.caching import cached
from myscheduler.core.findings.masking import MASK, masked_text
from myscheduler.core.job.sent import sent_fields
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.literals import masked
from myscheduler.core.secrets.redaction import Secret, redact_start

SHORTEST_PART = 3
"""The fewest characters of a part of a credential, such as the value of a cookie, that is masked on its own."""
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
_PARTS = re.compile(r"[;,&\s]+")

_QUOTED = ": it began with "
"""What follows in an error are the first bytes of an answer."""

MOST = 40
"""The most credentials of a job, those that are parts of others included, that are searched for."""
LARGEST = 4_096
"""Characters of all of them together. A text with special characters has many forms: each counts 8."""


def literals_of(spec: JobSpec) -> tuple[Secret, ...] | None:
    """The literal credentials that a request of the job has, in all forms in which a target may return them.

    `None` if they are too many, or too long together, to be searched for.
    """
    sent = sent_fields(spec)
    hidden = masked(sent)
    if hidden == sent:
        return ()
    found = (form for text in _hidden(sent, hidden) for form in _meanings(text))
    texts: dict[str, None] = {}
    size = 0
    for text in found:
        size += 0 if text in texts else len(text) * (1 if _PLAIN.fullmatch(text) else 8)
        texts[text] = None
        if len(texts) > MOST or size > LARGEST:
            return None
    return tuple(Secret.of("", text) for text in texts)


def error_without_echoes(error: str, literals: tuple[Secret, ...] | None) -> str:
    """The error of an execution without these credentials; `None` if it is not known what it sent.

    The first bytes of an answer, which an error may quote, are shown only if the execution sent no credentials.
    """
    before, quoted, _ = error.partition(_QUOTED)
    if quoted and literals != ():
        return f"{before}{quoted}{MASK}"
    return without_echoes(error, literals or (), whole=True)


def without_echoes(text: str, literals: tuple[Secret, ...], *, whole: bool) -> str:
    """The text with these credentials, and everything that looks like one, replaced by `MASK`.

    `whole` says that the text is complete; otherwise its end may be the beginning of a credential.
    """
    if literals:
        text = redact_start(text, literals, len(text), whole=whole, by=MASK)
    return _masked(text)


_masked = cached(4_096)(masked_text)


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    """The parts of a value that are masked in `shown`."""
    match value, shown:
        case str(), str():
            yield from _replaced(value, shown)
        case Mapping(), Mapping():
            for key, part in value.items():
                yield from _hidden(part, shown[key])
        case list() | tuple(), list():
            for part, one in zip(value, shown, strict=True):
                yield from _hidden(part, one)
        case Mapping() | list() | tuple(), _:  # nested too deeply to be searched
            yield json.dumps(value, ensure_ascii=False)
        case _ if value != shown:
            yield json.dumps(value)


def _replaced(text: str, shown: str) -> Iterator[str]:
    """The pieces of a text for which `shown` has `MASK`."""
    if text == shown:
        return
    first, *others = shown.split(MASK)
    place = len(first)
    for number, piece in enumerate(others, 1):
        is_last = number == len(others)
        if not piece and not is_last:
            continue
        end = max(len(text) - len(piece), place) if is_last else text.find(piece, place)
        yield text[place : end if end >= 0 else None]
        place = end + len(piece) if end >= 0 else len(text)


def _meanings(text: str) -> Iterator[str]:
    """A credential as it is written in a job, and what a target may take it for."""
    if len(text) > LARGEST:  # too long in any form
        yield text
        return
    written = (text, *(part for part in _values_in(text) if len(part) >= SHORTEST_PART))
    for one in written:
        for form in (one, one.strip(), unquote(one), unquote_plus(one), _unescaped(one), _password_in(one)):
            if form:
                yield form


def _values_in(text: str) -> Iterator[str]:
    """The values of `name=value` pairs, as cookies have them."""
    for part in _PARTS.split(text):
        value = part.partition("=")[2].strip("=\"'")
        if value:
            yield value


def _unescaped(text: str) -> str:
    """The text as a JSON string that has it between its quotes means it."""
    try:
        return str(json.loads(f'"{text}"')) if "\\" in text else ""
    except ValueError:
        return ""


def _password_in(text: str) -> str:
    """The password, if the text is `user:password` in base64."""
    try:
        return base64.b64decode(text.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
