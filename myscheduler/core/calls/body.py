"""Puts the query and the body of a request together."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

from myscheduler.core.header_values import FORM, PARTS, content_type, is_json, media_type
from myscheduler.core.job.payload import Binary, Form, Multipart, Pairs, Part, Payload, Text, plain, texts_of_pairs
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.references import encoded_around, resolve

_BINARY = "application/octet-stream"


def with_query(url: str, query: Pairs) -> str:
    """The URL with the parameters added to its query, before its fragment."""
    encoded = partial(encoded_around, encode=partial(quote, safe=""))
    added = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in texts_of_pairs(query))
    address, mark, fragment = url.partition("#")
    join = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{join}{added}{mark}{fragment}"


def body_of(spec: JobSpec) -> bytes | None:
    """The body of a job's requests. That of a form with files is empty: see `multipart_body`."""
    match spec.payload:
        case None:
            return None if spec.body is None else _json_body(spec)
        case Form(fields):
            return _as_form(texts_of_pairs(fields))
        case Text(text):
            return text.encode()
        case Binary(text):
            return b64decode("".join(text.split()))
        case Multipart():
            return b""


def type_of(payload: Payload, execution_id: str) -> str:
    """The `Content-Type` of a payload; the boundary of a form with files is taken from the id of the execution."""
    match payload:
        case Form():
            return FORM
        case Text():
            return "text/plain; charset=utf-8"
        case Binary():
            return _BINARY
        case Multipart():
            return f"{PARTS}; boundary={_boundary(execution_id)}"


def multipart_body(
    payload: Multipart, execution_id: str, values: Mapping[str, str], files: Mapping[str, bytes]
) -> bytes:
    """The body of a form with files (RFC 7578); `values` are those of the secrets, `files` what is in the files."""
    boundary = _boundary(execution_id).encode()
    pieces: list[bytes] = []
    for part in payload.parts:
        content = files[part.file] if part.file is not None else resolve(part.value or "", values).encode()
        pieces += [b"--", boundary, b"\r\n", _head_of(part).encode(), b"\r\n\r\n", content, b"\r\n"]
    return b"".join([*pieces, b"--", boundary, b"--\r\n"])


def _boundary(execution_id: str) -> str:
    """It must not occur in a file: no file that exists before the execution can contain the id of the execution."""
    return f"myscheduler-{execution_id}"


def _head_of(part: Part) -> str:
    lines = [f'Content-Disposition: form-data; name="{_quoted(part.name)}"']
    if part.file is not None:
        lines[0] += f'; filename="{_quoted(part.filename or part.file.rpartition("/")[2])}"'
    kind = part.content_type or (_BINARY if part.file is not None else None)
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join(lines)


def _quoted(text: str) -> str:
    """As browsers write names (HTML, 4.10.21.8). A name in a job has no line breaks."""
    return text.replace('"', "%22")


def _json_body(spec: JobSpec) -> bytes:
    written = content_type(spec.headers)
    if isinstance(spec.body, str) and not is_json(written):
        return spec.body.encode()
    if written is not None and media_type(written) == FORM and (fields := form_fields(spec.body)) is not None:
        return _as_form(fields)
    return json.dumps(spec.body, ensure_ascii=False, separators=(",", ":")).encode()


def _as_form(fields: list[tuple[str, str]]) -> bytes:
    encoded = partial(encoded_around, encode=quote_plus)
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in fields).encode()


def form_fields(body: Any) -> list[tuple[str, str]] | None:
    """A mapping as (name, value) fields of a form; a list becomes several fields. `None` if a form can't express it."""
    if not isinstance(body, Mapping):
        return None
    fields = list(_fields(body))
    return [(name, plain(value)) for name, value in fields] if all(map(_is_plain, fields)) else None


def _fields(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, list | tuple):
            yield from ((name, one) for one in value)
        else:
            yield name, value


def _is_plain(field: tuple[str, Any]) -> bool:
    return not isinstance(field[1], Mapping | list | tuple)
