"""Turns `query`, `form`, `text`, `base64` and `multipart` into what they declare."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from myscheduler.core.findings.problem import Complaint, Loc, has_control, shown
from myscheduler.core.header_values import FORM, content_type, media_type
from myscheduler.core.job.payload import PAYLOADS, Payload, payload_from_json
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.payload_fields import PartFields
from myscheduler.messages.message import said

_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[\x20-\x7e\t]*)?")
_BODIES = ("body", *PAYLOADS)


def payload_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with these fields beyond the shapes of their values."""
    yield from _pairs_faults("query", fields.query)
    yield from _pairs_faults("form", fields.form)
    given = [name for name in _BODIES if getattr(fields, name) is not None]
    for name in given[1:]:
        yield Complaint((name,), "schedule", said("one-body", name=name, other=given[0]), at_key=True)
    yield from _type_faults(fields)
    if fields.base64 is not None and not _is_base64(fields.base64):
        yield Complaint(("base64",), "invalid-value", said("base64-forms"))
    for index, part in enumerate(fields.multipart or ()):
        yield from _part_faults(("multipart", index), part)


def declared_payload(fields: JobFields) -> Payload | None:
    """What is sent in place of `body`; `fields` have no fault."""
    written = fields.model_dump(include=set(PAYLOADS), exclude_none=True)
    return payload_from_json(written)


def _pairs_faults(field: str, pairs: dict[str, Any] | None) -> Iterator[Complaint]:
    for name, value in (pairs or {}).items():
        values = value if isinstance(value, list) else [value]
        if not name:
            yield Complaint((field, name), "invalid-value", said("parameter-without-name"), at_key=True)
        elif not values or any(isinstance(one, dict | list) or one is None for one in values):
            yield Complaint((field, name), "invalid-type", said("parameter-forms"))


def _type_faults(fields: JobFields) -> Iterator[Complaint]:
    """A form says its type itself: another one in the headers would contradict it."""
    written = content_type({name: _first(value) for name, value in (fields.headers or {}).items()})
    if written is None:
        return
    name = next(name for name in fields.headers or {} if name.lower() == "content-type")
    if fields.multipart is not None or (fields.form is not None and media_type(written) != FORM):
        field = "form" if fields.multipart is None else "multipart"
        yield Complaint(("headers", name), "schedule", said("type-of-form", field=field), at_key=True)


def _first(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


def _is_base64(text: str) -> bool:
    """Whether it is base64; line breaks and blanks between the letters are allowed, as YAML folds long texts."""
    try:
        b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _part_faults(loc: Loc, part: PartFields) -> Iterator[Complaint]:
    if (part.value is None) == (part.file is None):
        yield Complaint(loc, "schedule", said("part-forms"))
    if part.filename is not None and part.file is None:
        message = said("belongs-to", field="filename", needed="file")
        yield Complaint((*loc, "filename"), "schedule", message, at_key=True)
    for name in ("name", "filename"):
        if has_control(getattr(part, name) or ""):
            yield Complaint((*loc, name), "invalid-value", said("part-with-control"))
    if part.file is not None and not is_path_below(part.file):
        yield Complaint((*loc, "file"), "invalid-value", said("file-outside", path=shown(part.file)))
    if part.content_type is not None and not _TYPE.fullmatch(part.content_type):
        yield Complaint((*loc, "content_type"), "invalid-value", said("not-a-type", value=shown(part.content_type)))


def is_path_below(path: str) -> bool:
    """Whether a path of a file stays below the folder that it starts from, whatever symlinks there are."""
    parts = path.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in path or has_control(path))
