"""A few lines of a file of the source, for a screen that shows them beside a problem or a job."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from myscheduler.core.access.tokens import without_secrets
from myscheduler.core.findings.problem import cut
from myscheduler.core.source.snapshot import SourceFile

LONGEST_LINE = 500
"""Characters of a line that an excerpt has."""
MOST_AROUND = 100
"""The most lines on each side of the one that is asked for."""
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""Where YAML ends a line: the lines of problems are counted by it."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file. API tokens of this service are masked, and long lines cut."""

    first_line: int
    """The number of the first of them, from 1."""
    lines: tuple[str, ...]
    line_count: int
    """How many lines the file has."""


def excerpt(file: SourceFile, line: int, *, before: int, after: int) -> Excerpt:
    """The lines around `line`, as far as there are any; bytes that are not UTF-8 are replaced.

    The line after the last one counts: the end of a file may be what is wrong with it.
    """
    text = file.content.decode("utf-8-sig", errors="replace")
    first = max(1, line - before)
    wanted = tuple(_shown(one) for one in islice(_lines(text), first - 1, line + after))
    return Excerpt(first, wanted, sum(1 for _ in _lines(text)))


def _lines(text: str) -> Iterator[str]:
    """The lines of a text; none follows the break at its end."""
    start = 0
    for found in _BREAK.finditer(text):
        yield text[start : found.start()]
        start = found.end()
    if start < len(text):
        yield text[start:]


def _shown(line: str) -> str:
    return cut(without_secrets(line), LONGEST_LINE)
