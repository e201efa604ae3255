"""Sets of HTTP statuses, as manifests write them: `[408, 429, "500-599"]`."""

import re
from collections.abc import Sequence

LOWEST, HIGHEST = 200, 999
"""1xx are not the status of a complete response; some servers answer 600 or 999."""

Statuses = tuple[tuple[int, int], ...]
"""Ranges with both ends in them."""

_RANGE = re.compile(r"([0-9]{3})-([0-9]{3})")


def read_status(written: object) -> tuple[int, int] | None:
    """A status, or a range of them as text; `None` if it is neither."""
    if isinstance(written, int) and not isinstance(written, bool):
        first = last = written
    elif isinstance(written, str) and (found := _RANGE.fullmatch(written)):
        first, last = int(found[1]), int(found[2])
    else:
        return None
    return (first, last) if LOWEST <= first <= last <= HIGHEST else None


def read_statuses(written: Sequence[object]) -> Statuses:
    """Those entries that are valid."""
    return tuple(found for one in written if (found := read_status(one)))


def write_statuses(statuses: Statuses) -> list[int | str]:
    """The inverse of `read_statuses`."""
    return [first if first == last else f"{first}-{last}" for first, last in statuses]


def is_among(statuses: Statuses, status: int) -> bool:
    for first, last in statuses:  # noqa: SIM110 - each call asks, and a generator takes three times as long
        if first <= status <= last:
            return True
    return False
