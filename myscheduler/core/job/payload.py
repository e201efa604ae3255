"""What a call sends besides its headers: the query of the URL, and a body that is not plain JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from myscheduler.core.header_values import HeaderValue

Scalar: TypeAlias = str | int | float | bool | None
Pairs: TypeAlias = tuple[tuple[str, HeaderValue], ...]
"""Names, each with its value or with several values, as texts."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of an HTML form, sent as `application/x-www-form-urlencoded`."""

    fields: Pairs


@dataclass(frozen=True, slots=True)
class Text:
    """A text, sent as UTF-8, and as `text/plain` unless the job's headers say otherwise."""

    text: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes, written in base64, sent as `application/octet-stream` unless the job's headers say otherwise."""

    base64: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart form (RFC 7578): a value, or a file of the source."""

    name: str
    value: str | None = None
    file: str | None = None
    """The path of the file in the source; it is read for each call."""
    filename: str | None = None
    """The name under which the file is sent; by default the last part of its path."""
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Multipart:
    """A form with files, sent as `multipart/form-data`."""

    parts: tuple[Part, ...]


Payload: TypeAlias = Form | Text | Binary | Multipart
"""What is sent in place of `body`."""

PAYLOADS = ("form", "text", "base64", "multipart")
"""The fields of a manifest that declare a payload; a job has one of them, or `body`, or none."""


def payload_to_json(payload: Payload) -> dict[str, Any]:
    """The payload as the field of a manifest that declares it."""
    match payload:
        case Form(fields):
            return {"form": pairs_to_json(fields)}
        case Text(text):
            return {"text": text}
        case Binary(text):
            return {"base64": text}
        case Multipart(parts):
            return {"multipart": [_part_to_json(one) for one in parts]}


def _part_to_json(part: Part) -> dict[str, str]:
    written = {
        "name": part.name,
        "value": part.value,
        "file": part.file,
        "filename": part.filename,
        "content_type": part.content_type,
    }
    return {name: value for name, value in written.items() if value is not None}


def payload_from_json(stored: Mapping[str, Any]) -> Payload | None:
    """The payload that these fields of a job declare, or `None`."""
    if "form" in stored:
        return Form(pairs_from_json(stored["form"]))
    if "text" in stored:
        return Text(stored["text"])
    if "base64" in stored:
        return Binary(stored["base64"])
    if "multipart" in stored:
        return Multipart(tuple(Part(**one) for one in stored["multipart"]))
    return None


def pairs_to_json(pairs: Pairs) -> dict[str, str | list[str]]:
    """The pairs as an object, in which several values of a name are a list."""
    return {name: value if isinstance(value, str) else list(value) for name, value in pairs}


def pairs_from_json(written: Mapping[str, Scalar | Sequence[Scalar]]) -> Pairs:
    """The inverse of `pairs_to_json`; numbers and booleans are written as in JSON, and null as an empty text."""
    return tuple(
        (name, tuple(map(plain, value)) if isinstance(value, list | tuple) else plain(value))
        for name, value in written.items()
    )


def plain(value: Any) -> str:
    """Text as it is, `None` as an empty text, numbers and booleans as in JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def texts_of_pairs(pairs: Pairs) -> list[tuple[str, str]]:
    """Each name with each of its values."""
    return [(name, one) for name, value in pairs for one in ((value,) if isinstance(value, str) else value)]
