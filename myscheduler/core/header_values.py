"""The headers of a job: one value a name, or several; and what its `Content-Type` says about the body."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

HeaderValue: TypeAlias = str | tuple[str, ...]

SINGLE = frozenset({"authorization", "content-type", "host", "idempotency-key", "user-agent"})
"""Headers of which a request has one."""
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
"""A form in parts, which only text can be."""
_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*[\"']?([^\s;\"']+)", re.IGNORECASE)


def texts_of(
    headers: Mapping[str, HeaderValue] | Mapping[str, Sequence[str]],
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each text with the way to it: the name and, where there are several, its place."""
    for name, value in headers.items():
        if isinstance(value, str):
            yield (name,), value
        else:
            yield from (((name, place), one) for place, one in enumerate(value))


def pairs(headers: Mapping[str, HeaderValue]) -> Iterator[tuple[str, str]]:
    """One for each line."""
    return ((str(loc[0]), text) for loc, text in texts_of(headers))


def content_type(headers: Mapping[str, HeaderValue]) -> str | None:
    """What the job says, as it is written."""
    return next((text for name, text in pairs(headers) if name.lower() == "content-type"), None)


def media_type(written: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return written.partition(";")[0].strip().lower()


def is_json(written: str | None) -> bool:
    """By the media type; without a `Content-Type`, a body is sent as JSON. Lines of JSON are no JSON."""
    if written is None:
        return True
    kind = media_type(written)
    return kind in {"application/json", "text/json"} or kind.endswith("+json")


def charset(written: str) -> str | None:
    found = _CHARSET.search(written)
    return found[1].lower() if found else None
