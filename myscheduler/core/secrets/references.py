"""References to secrets, `${secret:NAME}`: finds them in a job, checks them, and replaces them by values.

A job contains references only: values are looked up for one call and are never part of a job. `$${` is a literal `${`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from myscheduler.core.bounds import REFERENCE
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.job.sent import sent_fields
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.job.transport import transport_texts
from myscheduler.messages.message import said

MARK = REFERENCE
"""The beginning of every reference. Text without it contains no reference and needs no replacement."""
VARIABLE_PREFIX = "MYSCHEDULER_SECRET_"

_NAME = r"(?!\.\})(?!\.\.)[A-Za-z0-9._-]{1,253}"
"""The same characters as in the key of a Kubernetes Secret, so that a name is always a valid file name."""
_MARKS = re.compile(rf"\$\$\{{|\$\{{secret:({_NAME})\}}|\$\{{")
"""A literal `${`, a reference, or a `${` that is neither and therefore invalid."""


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """A reference to a secret, with its location."""

    name: str
    field: str
    line: int
    column: int


def is_name(text: str) -> bool:
    """Whether the text is a valid name of a secret."""
    return _MARKS.fullmatch(f"${{secret:{text}}}") is not None


def variable_of(name: str) -> str:
    """The environment variable that is read if no file holds the secret."""
    return VARIABLE_PREFIX + re.sub(r"[-.]", "_", name).upper()


def references(value: Any) -> frozenset[str]:
    """The names of the secrets to which a text, or the texts in a JSON value, refer."""
    return frozenset(name for _, name in places_in(value, ()))


def references_of(spec: JobSpec) -> frozenset[str]:
    """The names of all secrets that a call of the job needs."""
    return frozenset(name for _, name in places_of(spec))


def places_of(spec: JobSpec) -> Iterator[tuple[Loc, str]]:
    """Each reference of a job: the location of the value that contains it, and the name of the secret."""
    yield from ((loc, name) for loc, text in transport_texts(spec.transport) for name in _names(text))
    sent = sent_fields(spec)
    if _mentions([sent]):
        yield from ((loc, name) for loc, text in _templates(sent) for name in _names(text))


def places_in(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Each reference in the texts of a JSON value that is at `loc`, as in `places_of`."""
    return ((at, name) for at, text in _texts(value, loc) for name in _names(text))


def resolve(text: str, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
    """The text with each reference replaced by its value, encoded with `encode`. Raises `KeyError` for a missing value.

    A `${` that is neither a reference nor a literal stays; only jobs stored before secrets existed can contain it.
    """

    def replaced(mark: re.Match[str]) -> str:
        if mark[1] is not None:
            return encode(values[mark[1]])
        return MARK if mark[0] == "$${" else mark[0]

    return _MARKS.sub(replaced, text) if MARK in text else text


def encoded_around(text: str, encode: Callable[[str], str]) -> str:
    """The text encoded with `encode`, except for its references, whose values are encoded when they are inserted."""
    parts, index = [], 0
    for mark in _MARKS.finditer(text):
        parts += [encode(text[index : mark.start()]), mark[0] if mark[1] is not None else encode(MARK)]
        index = mark.end()
    return "".join([*parts, encode(text[index:])])


def reference_faults(sent: Mapping[str, Any]) -> Iterator[Complaint]:
    """A complaint for each invalid or misplaced reference of a job; `sent` are its fields of `SENT`."""
    if not _mentions([dict(sent)]):
        return
    for loc, text in _templates(sent):
        if fault := _fault(text):
            yield Complaint(loc, "invalid-reference", fault)
    for loc, key in _keys(sent):
        if any(_names(key)):
            message = said("reference-in-key")
            yield Complaint(loc, "invalid-reference", message, at_key=True)
    if is_in_host(sent.get("target_url") or ""):
        message = said("secret-in-host")
        yield Complaint(("target_url",), "secret-in-host", message)


def faults_in(texts: Iterable[tuple[Loc, str]]) -> Iterator[Complaint]:
    """A complaint for each text with an invalid reference."""
    return (Complaint(loc, "invalid-reference", fault) for loc, text in texts if (fault := _fault(text)))


def is_in_host(target_url: str) -> bool:
    """Whether there is a reference in the scheme, host or port of the URL."""
    return MARK in _fixed_part(target_url)


def _mentions(left: list[Any]) -> bool:
    """Whether any text in the JSON values contains `${`: a cheap check, as most jobs have no references."""
    while left:
        one = left.pop()
        if isinstance(one, str):
            if MARK in one:
                return True
        elif isinstance(one, dict):
            left += one
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one
    return False


def _names(text: str) -> Iterator[str]:
    if MARK in text:
        yield from (mark[1] for mark in _MARKS.finditer(text) if mark[1] is not None)


def _fault(text: str) -> str | None:
    """The message for an invalid reference. It never quotes the text, which may be the secret itself by mistake."""
    wrong = next((mark for mark in _MARKS.finditer(text) if mark[0] == MARK), None) if MARK in text else None
    if wrong is None:
        return None
    if not text.startswith("${secret:", wrong.start()):
        return said("not-a-reference")
    if "}" not in text[wrong.end() :]:
        return said("reference-not-closed")
    return said("reference-without-name")


def _templates(sent: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """The texts of a job in which references are replaced, with their locations."""
    return (found for name, value in sent.items() if name != "base64" for found in _texts(value, (name,)))


def _texts(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    return ((at, one) for at, one in _walk(value, loc) if isinstance(one, str))


def _keys(sent: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """The keys below the fields, except the names of headers, which can't be valid with a reference."""
    for name, value in sent.items():
        if name == "headers":
            continue
        for loc, one in _walk(value, (name,)):
            if isinstance(one, dict):
                yield from (((*loc, key), key) for key in one)


def _walk(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    """A JSON value and all values in it, in order. Not recursive: bodies may be nested deeper than Python's stack."""
    left = [(loc, value)]
    while left:
        at, one = left.pop()
        yield at, one
        if isinstance(one, dict):
            left += [((*at, key), inner) for key, inner in reversed(one.items())]
        elif isinstance(one, list | tuple):
            left += reversed([((*at, index), inner) for index, inner in enumerate(one)])


def _fixed_part(url: str) -> str:
    """The scheme, host and port of a URL as they are written, before references are resolved."""
    scheme, _, rest = url.partition("//")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}//{authority.rpartition('@')[2]}"
