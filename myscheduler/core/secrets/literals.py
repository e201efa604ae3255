"""Finds literal credentials in a job, that is, credentials written out in it, and masks them in the job's JSON."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, unquote_plus, urlsplit

from myscheduler.core.findings.masking import (
    MASK,
    PARAMETER,
    REFERENCE,
    field_of,
    is_credential_name,
    key_shown,
    masked_text,
    without_literals,
    words_of,
)
from myscheduler.core.findings.problem import Loc
from myscheduler.core.header_values import texts_of
from myscheduler.core.job.sent import sent_beside, sent_fields, with_sent
from myscheduler.core.job.spec import JobSpec
from myscheduler.messages.message import said

DEEPEST = 50
"""Levels of a body beyond this depth are neither searched nor shown."""

_SPOKEN = ("passcode", "passwd", "password", "passwort", "pwd", "secret")
"""Endings of names whose value may be a credential even if it is a number; `tokens: 5` is a count."""

_HIDDEN = re.compile(r"(?:(?:[A-Za-z][\w.-]{0,30}(?:\s+|[=:]))*\"?(?<!\$)\$\{secret:[^{}\s]{1,300}\}\"?[\s:;,&]*)+")
"""A text of references only, with words before them such as a scheme or the name of a cookie."""

_WHOLE = re.compile(r"\s*(?:Bearer|Basic)\s+\S+\s*", re.IGNORECASE)
"""A header's value that is a credential, whatever the name of the header."""


_NAMED = {"sign": "secret"}
"""Fields whose texts are credentials, whatever the names below them."""


def literal_credentials(spec: JobSpec) -> Iterator[tuple[Loc, str]]:
    """The location of each literal credential in the spec, with a description such as `the header Authorization`.

    The description never contains the value.
    """
    for loc, text in texts_of(spec.headers):
        if _masked_header(str(loc[0]), text) != text:
            yield ("headers", *loc), said("the-header", header=key_shown(str(loc[0])))
    yield from ((("target_url",), what) for what in _in_url(spec.target_url))
    yield from _in_body(spec.body, ("body",), "")
    for field, value in sent_beside(spec).items():
        yield from _in_body(value, (field,), _NAMED.get(field, ""))
    for name, value in spec.labels.items():
        if masked_text(value) != value:
            yield ("labels", name), said("the-label", label=key_shown(name))


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a spec, or some of its fields, with each literal credential replaced by `MASK`."""
    return {name: _masked_field(name, value) for name, value in values.items()}


def masked_spec(spec: JobSpec) -> JobSpec:
    """The spec with each literal credential replaced by `MASK`."""
    shown = masked(sent_fields(spec) | {"name": spec.name, "labels": spec.labels})
    return replace(with_sent(spec, shown), name=shown["name"], labels=shown["labels"])


def _masked_field(name: str, value: Any) -> Any:
    match name, value:
        case "headers", Mapping():
            return {header: _masked_headers(header, texts) for header, texts in value.items()}
        case "labels", Mapping():  # their names don't count: `secret: none` is not a credential
            return {label: masked_text(text) for label, text in value.items()}
        case "body" | "query" | "form" | "text" | "multipart" | "auth" | "sign", _:
            return _masked_body(value, _NAMED.get(name, ""), 0)
        case "target_url" | "name", str():
            return masked_text(value)
        case _:
            return value


def _masked_headers(name: str, value: Any) -> Any:
    """Several values of one header are a list."""
    return _masked_header(name, value) if isinstance(value, str) else [_masked_header(name, one) for one in value]


def _masked_header(name: str, value: str) -> str:
    if _WHOLE.fullmatch(value) and not _HIDDEN.fullmatch(value.strip()):
        return without_literals(value)
    return _masked_named(name, value)


def _masked_body(value: Any, name: str, depth: int) -> Any:
    """The value with credentials masked; `name` is the name by which it counts as a credential or not."""
    match value:
        case str():
            return _masked_named(name, value)
        case Mapping() | list() | tuple() if depth >= DEEPEST:
            return "…"
        case Mapping():
            return {key: _masked_body(part, under, depth + 1) for key, part, under in _parts(value, name)}
        case list() | tuple():
            return [_masked_body(one, name, depth + 1) for one in value]
        case _:
            return MASK if _is_spoken(name, value) else value


def _parts(values: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any, str]]:
    """The keys and values of a mapping, each with the name by which the value counts as a credential or not.

    The name of a credential applies to everything below it.
    """
    for key, part in values.items():
        other = values.get("name", values.get("key")) if key == "value" else None  # {name: password, value: …}
        named = other if isinstance(other, str) else key
        if isinstance(part, Mapping) and words_of(named)[-1:] == ("auth",):
            named = name  # an object `auth` has keys that name what they hold
        yield key, part, name if is_credential_name(name) and not is_credential_name(named) else named


def _is_spoken(name: str, value: Any) -> bool:
    """Whether the value is a number that is a credential; booleans and `None` never are."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_credential_name(name):
        return False
    return any(word.removesuffix("s").endswith(_SPOKEN) for word in words_of(name))


def _masked_named(name: str, value: str) -> str:
    return without_literals(value) if _is_literal(name, value) else masked_text(value)


def _is_literal(name: str, value: str) -> bool:
    """Whether the name is that of a credential, and the value is not made of references only."""
    if not is_credential_name(name):
        return False
    return bool(value.strip()) and not _HIDDEN.fullmatch(value.strip())


def _in_url(url: str) -> Iterator[str]:
    if masked_text(url) == url:
        return
    parts = urlsplit(REFERENCE.sub("", url))
    is_named = False
    for what in _named_in_url(url, parts):
        is_named = True
        yield what
    if not is_named:
        yield said("part-of-url")


def _named_in_url(url: str, parts: SplitResult) -> Iterator[str]:
    """A description of each literal credential in a URL; `parts` are those of the URL without its references."""
    if parts.password:
        yield said("password-in-url")
    elif parts.username and not REFERENCE.search(url.split("@", maxsplit=1)[0]):
        yield said("user-in-url")
    for found in PARAMETER.finditer(parts.query):
        if is_credential_name(unquote_plus(found["name"])):
            yield said("parameter-of-url", name=unquote_plus(found["name"]))


def _in_body(value: Any, loc: Loc, name: str) -> Iterator[tuple[Loc, str]]:
    match value:
        case Mapping() | list() | tuple() if len(loc) > DEEPEST:
            return
        case Mapping():
            for key, part, under in _parts(value, name):
                yield from _in_body(part, (*loc, key), under)
        case list() | tuple():
            for index, one in enumerate(value):
                yield from _in_body(one, (*loc, index), name)
        case _ if value != _masked_body(value, name, 0):
            yield loc, field_of(loc)
