"""Reads bodies with manifests: `{"files": {PATH: TEXT, …}}`, or `{"manifest": TEXT}`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import read_object
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.manifest.given import path_fault
from myscheduler.messages.message import said

MANIFEST = "manifest.yaml"
"""The path of the text in problems."""
MOST_FILES = 1_000
MOST_PARTS = 30_000
"""Lines and commas of all texts together: each value of YAML needs one of them. It takes a hundred times its text in
memory, and while one document is composed, the event loop waits."""


@dataclass(frozen=True, slots=True)
class GivenSource:
    """The manifests of a request."""

    files: Mapping[str, str]
    is_whole: bool
    """Whether they are the whole source, so that manifest jobs that are in none of them are to be deleted."""


async def read_source(request: Request) -> GivenSource:
    """Raises `InvalidInputError` for a body of another shape, or with too much in it."""
    body = await read_object(request, is_job=False)
    if complaints := [*_faults(body)]:
        raise InvalidInputError(complaints)
    if "manifest" in body:
        return GivenSource({MANIFEST: body["manifest"]}, is_whole=False)
    return GivenSource(body["files"], is_whole=True)


def _faults(body: Mapping[str, Any]) -> Iterator[Complaint]:
    for key in body.keys() - {"files", "manifest"}:
        yield Complaint((key,), "unknown-key", said("unknown-key-of-files", key=key_shown(key)))
    if len(body.keys() & {"files", "manifest"}) != 1:
        yield Complaint((), "missing-field", said("files-or-manifest-missing"))
        return
    if "manifest" in body:
        yield from _text_faults(("manifest",), body["manifest"])
        texts = [body["manifest"]]
    elif not isinstance(body["files"], dict):
        yield Complaint(("files",), "invalid-type", said("files-not-an-object"))
        return
    else:
        yield from _file_faults(body["files"])
        texts = list(body["files"].values())
    parts = sum(text.count("\n") + text.count(",") for text in texts if isinstance(text, str))
    if parts > MOST_PARTS:
        message = said("texts-too-large", count=parts, most=MOST_PARTS)
        yield Complaint((), "too-large", message)


def _file_faults(files: Mapping[str, Any]) -> Iterator[Complaint]:
    if not 1 <= len(files) <= MOST_FILES:
        yield Complaint(("files",), "invalid-value", said("files-count", most=MOST_FILES))
        return
    for path, text in files.items():
        if fault := path_fault(path):
            yield Complaint(("files", key_shown(path)), "invalid-value", fault)
        yield from _text_faults(("files", key_shown(path)), text)


def _text_faults(loc: tuple[str, ...], text: Any) -> Iterator[Complaint]:
    if not isinstance(text, str):
        yield Complaint(loc, "invalid-type", said("needs-text"))
