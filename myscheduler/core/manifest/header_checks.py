"""Checks the headers of a job; each complaint has the location of its header."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from myscheduler.core.bounds import LARGEST_HEADERS
from myscheduler.core.calls.hosts import is_plain
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Complaint, Severity, shown
from myscheduler.core.header_values import SINGLE, texts_of

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADERS_OF_THE_CLIENT = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"}
)


def check_headers(written: Any, headers: Mapping[str, str | list[str]]) -> Iterator[Complaint]:
    """All complaints about headers. `written` is the field in any shape, `headers` its entries of the right shape."""
    for name, value in headers.items():
        yield from _check_name(name)
        yield from _check_value(name, value)
    if isinstance(written, Mapping):
        yield from _check_spellings(name for name in written if isinstance(name, str))
    if sum(len(str(loc[0])) + len(text) for loc, text in texts_of(headers)) > LARGEST_HEADERS:
        message = f"hold more than {LARGEST_HEADERS // 1024} KiB together, which servers refuse: send less"
        yield Complaint(("headers",), "too-large", message)


def _check_spellings(names: Iterable[str]) -> Iterator[Complaint]:
    """Header names ignore case: `x-a` and `X-A` are duplicates."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name and _NAME.fullmatch(name):
            message = f"is the same header as {other}: remove one; write several values as a list under one name"
            yield Complaint(("headers", name), "duplicate-key", message, at_key=True)


def _check_name(name: str) -> Iterator[Complaint]:
    loc = ("headers", name)
    if not name:
        message = "the name of a header is empty: write it, or remove the line"
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif not _NAME.fullmatch(name):
        message = f"{shown(key_shown(name))} is not a header name: use ASCII letters, digits and -"  # cut at a colon
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif name.lower() in HEADERS_OF_THE_CLIENT:
        message = f"{name} is set by the HTTP client: leave it out"
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif name.lower().startswith("x-myscheduler-"):
        message = f"{name} is set by the scheduler, this value is never sent"
        yield Complaint(loc, "reserved-header", message, Severity.WARNING, at_key=True)


def _check_value(name: str, value: str | list[str]) -> Iterator[Complaint]:
    if not isinstance(value, str) and name.lower() in SINGLE:
        yield Complaint(("headers", name), "invalid-header", f"{name} takes one value, not a list: write it as text")
    elif isinstance(value, str) and name.lower() == "host" and "${" not in value and not is_plain(value):
        message = (
            "is not a host that all servers read the same way: write one such as api.example.com or localhost:8080"
        )
        yield Complaint(("headers", name), "invalid-header", message)
        return
    for loc, text in texts_of({name: value}):
        if any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
            message = "a header value can't hold line breaks or other control characters: remove them"
            yield Complaint(("headers", *loc), "invalid-header", message)
