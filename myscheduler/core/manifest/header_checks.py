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
from myscheduler.messages.message import said

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
        message = said("headers-too-large", kib=LARGEST_HEADERS // 1024)
        yield Complaint(("headers",), "too-large", message)


def _check_spellings(names: Iterable[str]) -> Iterator[Complaint]:
    """Header names ignore case: `x-a` and `X-A` are duplicates."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name and _NAME.fullmatch(name):
            message = said("header-twice", other=other)
            yield Complaint(("headers", name), "duplicate-key", message, at_key=True)


def _check_name(name: str) -> Iterator[Complaint]:
    loc = ("headers", name)
    if not name:
        message = said("header-name-empty")
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif not _NAME.fullmatch(name):
        message = said("header-name-invalid", name=shown(key_shown(name)))  # cut at a colon
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif name.lower() in HEADERS_OF_THE_CLIENT:
        message = said("header-of-client", header=name)
        yield Complaint(loc, "invalid-header", message, at_key=True)
    elif name.lower().startswith("x-myscheduler-"):
        message = said("header-of-scheduler", header=name)
        yield Complaint(loc, "reserved-header", message, Severity.WARNING, at_key=True)


def _check_value(name: str, value: str | list[str]) -> Iterator[Complaint]:
    if not isinstance(value, str) and name.lower() in SINGLE:
        yield Complaint(("headers", name), "invalid-header", said("header-single", header=name))
    elif isinstance(value, str) and name.lower() == "host" and "${" not in value and not is_plain(value):
        message = said("host-header-unclear")
        yield Complaint(("headers", name), "invalid-header", message)
        return
    for loc, text in texts_of({name: value}):
        if any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
            message = said("header-value-with-control")
            yield Complaint(("headers", *loc), "invalid-header", message)
