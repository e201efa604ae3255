"""The headers of a job, where a name has one value or several, and the parts of its `Content-Type`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

HeaderValue: TypeAlias = str | tuple[str, ...]

SINGLE = frozenset({"authorization", "content-type", "host", "idempotency-key", "user-agent"})
"""Headers that a request may have only once, in lower case."""
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
"""A multipart form: a job has to write such a body as text."""
_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*[\"']?([^\s;\"']+)", re.IGNORECASE)


def texts_of(
    headers: Mapping[str, HeaderValue] | Mapping[str, Sequence[str]],
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each value with its path: the header name and, if there are several values, the index of this one."""
    for name, value in headers.items():
        if isinstance(value, str):
            yield (name,), value
        else:
            yield from (((name, place), one) for place, one in enumerate(value))


def pairs(headers: Mapping[str, HeaderValue]) -> Iterator[tuple[str, str]]:
    """Name and value of each header line."""
    return ((str(loc[0]), text) for loc, text in texts_of(headers))


def content_type(headers: Mapping[str, HeaderValue]) -> str | None:
    """The `Content-Type` that the job sets, as it is written, or `None`."""
    return next((text for name, text in pairs(headers) if name.lower() == "content-type"), None)


def media_type(written: str) -> str:
    """The media type without parameters: `application/json` for `Application/JSON; charset=utf-8`."""
    return written.partition(";")[0].strip().lower()


def is_json(written: str | None) -> bool:
    """Whether a `Content-Type` means JSON. Without one a body is sent as JSON; JSON Lines doesn't count as JSON."""
    if written is None:
        return True
    kind = media_type(written)
    return kind in {"application/json", "text/json"} or kind.endswith("+json")


def charset(written: str) -> str | None:
    """The `charset` parameter of a `Content-Type` in lower case, or `None`."""
    found = _CHARSET.search(written)
    return found[1].lower() if found else None
