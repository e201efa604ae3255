"""References to secrets, `${secret:NAME}`: where they may stand, what stands in their places, and who may use them.

A job holds references only; values are looked up for one call and are never part of a job. `$${` is a literal `${`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from myscheduler.core.bounds import REFERENCE
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.header_values import HeaderValue, texts_of
from myscheduler.core.job.spec import JobSpec

MARK = REFERENCE
"""Text without it is itself, and holds no reference."""
VARIABLE_PREFIX = "MYSCHEDULER_SECRET_"

_NAME = r"(?!\.\})(?!\.\.)[A-Za-z0-9._-]{1,253}"
"""What the key of a Kubernetes Secret may be, so that it always names a file of the folder."""
_MARKS = re.compile(rf"\$\$\{{|\$\{{secret:({_NAME})\}}|\$\{{")
"""A literal `${`, a reference, or what is neither."""


def is_name(text: str) -> bool:
    """The text may be the name of a secret."""
    return _MARKS.fullmatch(f"${{secret:{text}}}") is not None


def variable_of(name: str) -> str:
    """The environment variable that holds the secret where no file does."""
    return VARIABLE_PREFIX + re.sub(r"[-.]", "_", name).upper()


def references(value: Any) -> frozenset[str]:
    """The names of the secrets that a text, or the texts of a JSON value, refer to."""
    return frozenset(name for _, text in _texts(value, ()) for name in _names(text))


def references_of(spec: JobSpec) -> frozenset[str]:
    """The names of all secrets that a call of the job needs."""
    return frozenset(name for _, name in places_of(spec))


def places_of(spec: JobSpec) -> Iterator[tuple[Loc, str]]:
    """Each field in which a job refers to a secret, and the secret's name."""
    if not _mentions([spec.target_url, *spec.headers.values(), spec.body]):
        return
    for loc, text in _templates(spec.target_url, spec.headers, spec.body):
        for name in _names(text):
            yield loc, name


def resolve(text: str, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
    """The text with values, each as `encode` writes it, in the places of the references; `KeyError` for one without.

    What is neither a reference nor a literal stays: only a job that was stored before there were secrets can hold it.
    """

    def replaced(mark: re.Match[str]) -> str:
        if mark[1] is not None:
            return encode(values[mark[1]])
        return MARK if mark[0] == "$${" else mark[0]

    return _MARKS.sub(replaced, text) if MARK in text else text


def encoded_around(text: str, encode: Callable[[str], str]) -> str:
    """The text as `encode` writes it, but for its references, whose values are encoded when they are there."""
    parts, place = [], 0
    for mark in _MARKS.finditer(text):
        parts += [encode(text[place : mark.start()]), mark[0] if mark[1] is not None else encode(MARK)]
        place = mark.end()
    return "".join([*parts, encode(text[place:])])


def reference_faults(target_url: str, headers: Mapping[str, HeaderValue], body: Any) -> Iterator[Complaint]:
    """What is wrong with the references of a job."""
    if not _mentions([target_url, *headers.values(), body]):
        return
    for loc, text in _templates(target_url, headers, body):
        if fault := _fault(text):
            yield Complaint(loc, "invalid-reference", fault)
    for loc, key in _keys(body):
        if any(_names(key)):
            message = "a reference can't stand in a key, only in a value: write the key itself"
            yield Complaint(loc, "invalid-reference", message, at_key=True)
    if is_in_host(target_url):
        message = (
            "a secret can't stand in the scheme, host or port: write these themselves, "
            "so that everybody sees where the call goes"
        )
        yield Complaint(("target_url",), "secret-in-host", message)


def is_in_host(target_url: str) -> bool:
    """What decides where the call goes is not written out."""
    return MARK in _fixed_part(target_url)


def _mentions(left: list[Any]) -> bool:
    """Whether a `${` stands somewhere in JSON values. Most jobs have none, and pay for no more than this."""
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
    """Never quotes the text: what stands in the wrong place may be the secret itself."""
    wrong = next((mark for mark in _MARKS.finditer(text) if mark[0] == MARK), None) if MARK in text else None
    if wrong is None:
        return None
    if not text.startswith("${secret:", wrong.start()):
        return "${ begins a reference, and the only kind is ${secret:NAME}: write that, or $${ for a literal ${"
    if "}" not in text[wrong.end() :]:
        return "a reference is not closed: write ${secret:NAME}, or $${ for a literal ${"
    return (
        "a reference names no possible secret: a name has letters, digits, -, _ and . only, at most 253 of them, "
        "and does not begin with .."
    )


def _templates(target_url: str, headers: Mapping[str, HeaderValue], body: Any) -> Iterator[tuple[Loc, str]]:
    """The texts of a job in which references have a meaning, by their fields."""
    yield ("target_url",), target_url
    yield from ((("headers", *loc), text) for loc, text in texts_of(headers))
    yield from _texts(body, ("body",))


def _texts(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    return ((at, one) for at, one in _walk(value, loc) if isinstance(one, str))


def _keys(value: Any) -> Iterator[tuple[Loc, str]]:
    for loc, one in _walk(value, ("body",)):
        if isinstance(one, dict):
            yield from (((*loc, key), key) for key in one)


def _walk(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    """A JSON value and all values in it, in their order. Bodies may lie deeper than Python calls."""
    left = [(loc, value)]
    while left:
        at, one = left.pop()
        yield at, one
        if isinstance(one, dict):
            left += [((*at, key), inner) for key, inner in reversed(one.items())]
        elif isinstance(one, list | tuple):
            left += reversed([((*at, place), inner) for place, inner in enumerate(one)])


def _fixed_part(url: str) -> str:
    """Scheme, host and port of a URL, as they stand before references are resolved."""
    scheme, _, rest = url.partition("//")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}//{authority.rpartition('@')[2]}"
