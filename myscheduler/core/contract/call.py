"""What a job sends, as far as it is known before a call: templates and secrets leave holes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from myscheduler.core.calls.body import form_fields, type_of
from myscheduler.core.header_values import FORM, content_type, is_json, media_type, pairs
from myscheduler.core.job.payload import Form, Multipart, Text, texts_of_pairs
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.references import MARK, references, resolve
from myscheduler.core.templates.places import each_text
from myscheduler.core.templates.syntax import Expression, has_template, parse

HOLE = "\ue000"
"""Stands in a text for what is known only at a call; a character of the private use area."""


class Unknown(Enum):
    """Stands for a value that is known only at a call."""

    VALUE = auto()
    """A text, a number or a boolean."""
    TEXT = auto()
    NO_JSON = auto()
    """The body isn't JSON, or is none that is known."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a job. Texts have `HOLE` where they are not known."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, tuple[str, ...]]
    """By name in lower case; only those that the job sets."""
    content_type: str | None
    """`None` without a body."""
    body: Any
    """The JSON value that is sent, with `Unknown` in places, or `Unknown.NO_JSON`."""
    fields: frozenset[str] | None
    """The names of the fields of a form; `None` if no form is sent."""
    has_credentials: bool
    """Whether it is authenticated: by `auth`, by its header Authorization, or by a user in its URL."""


def call_of(spec: JobSpec) -> Call:
    def holed(text: str) -> str:
        return with_holes(text, is_template=spec.templates)

    url = urlsplit(holed(spec.target_url))
    query = [*parse_qsl(url.query, keep_blank_values=True), *texts_of_pairs(spec.query)]
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in pairs(spec.headers):
        headers[name.lower()] = (*headers.get(name.lower(), ()), holed(value))
    written = content_type(spec.headers)
    kind = _type(spec, None if written is None else holed(written))
    return Call(
        spec.method,
        url.path or "/",
        tuple((name, holed(value)) for name, value in query),
        headers,
        kind,
        _json(spec, kind),
        _fields(spec, kind),
        spec.auth is not None or "authorization" in headers or "@" in url.netloc,
    )


def with_holes(text: str, *, is_template: bool) -> str:
    """The text with `HOLE` in place of each expression of a template and each reference to a secret."""
    pieces = list(parse(text)) if is_template and has_template(text) else [text]
    return "".join(HOLE if isinstance(piece, Expression) else _without_secrets(piece) for piece in pieces)


def _without_secrets(text: str) -> str:
    return resolve(text, dict.fromkeys(references(text), HOLE)) if MARK in text else text


def _type(spec: JobSpec, written: str | None) -> str | None:
    if spec.payload is None and spec.body is None:
        return None
    return written or ("application/json" if spec.payload is None else type_of(spec.payload, ""))


def _json(spec: JobSpec, kind: str | None) -> Any:
    if kind is None or not is_json(kind):
        return Unknown.NO_JSON
    if spec.payload is None:
        return each_text(spec.body, lambda text, _: _value(text, is_template=spec.templates), ())
    text = with_holes(spec.payload.text, is_template=spec.templates) if isinstance(spec.payload, Text) else HOLE
    if HOLE in text:
        return Unknown.NO_JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return Unknown.NO_JSON


def _value(text: str, *, is_template: bool) -> Any:
    """The text, or what is known of it: one expression alone may yield a number or a boolean."""
    pieces = list(parse(text)) if is_template and has_template(text) else [text]
    if len(pieces) == 1 and isinstance(pieces[0], Expression):
        return Unknown.VALUE
    found = with_holes(text, is_template=is_template)
    return Unknown.TEXT if HOLE in found else found


def _fields(spec: JobSpec, kind: str | None) -> frozenset[str] | None:
    match spec.payload:
        case Form(fields):
            return frozenset(name for name, _ in fields)
        case Multipart(parts):
            return frozenset(part.name for part in parts)
        case None if kind is not None and media_type(kind) == FORM and spec.body is not None:
            fields_of = form_fields(spec.body)
            return None if fields_of is None else frozenset(name for name, _ in fields_of)
        case _:
            return None
