"""A problem in what people wrote: where it is, and what to write instead."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from enum import StrEnum

from myscheduler.core.credentials import LOOKED_AT, MASK, field_of, masked_text

LONGEST_SHOWN = 60
"""Characters of a value in a message."""


_BARE_USERINFO = re.compile(r"[^\s:/@]+:(?!//)[^\s@]+@")
"""`user:password@` where no scheme stands before it."""


def shown(value: object) -> str:
    """The value as a message repeats it: in quotes where it is text, with escapes, and cut where it is long.

    What looks like a credential is masked: it may stand in any field by a slip. Of lists and objects only the kind is
    told.
    """
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            text, end = repr(_BARE_USERINFO.sub(f"{MASK}@", masked_text(value[:LOOKED_AT]))), "…'"
        case _:
            text, end = repr(value), "…"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - len(end)]}{end}"


def printable(text: str) -> str:
    """The text in one line, with escapes for what a terminal or the reader of a log could take for a command."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """`: did you mean 'POST'?` where a known word is close to what was written, else nothing."""
    words = {word.lower(): word for word in known}
    close = get_close_matches(written[:LONGEST_SHOWN].lower(), words, n=1)
    return f": did you mean {words[close[0]]!r}?" if close else ""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding, with its address. Sorts by address, so a report reads like the files."""

    path: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    field: str
    """The dotted name of the field, such as `cron.hour`; empty for the document."""
    rule: str
    """A stable name of what was checked, one of `RULES`, such as `unknown-key`."""
    message: str
    severity: Severity = Severity.ERROR
    job_id: str = dataclass_field(default="", compare=False)
    """The job that it is about; empty where the document doesn't say which."""

    def __str__(self) -> str:
        named = f"{self.field}: " if self.field else ""
        line = f"{self.path}:{self.line}:{self.column}: {self.severity}: {named}{self.message} [{self.rule}]"
        return printable(line)

    def as_json(self) -> dict[str, str | int]:
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem of a declaration that doesn't know yet in which file it stands."""

    loc: tuple[str | int, ...]
    """The way to the value: `("cron", "hour")`."""
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    at_key: bool = False
    """The key is what is wrong, not its value."""

    @property
    def field(self) -> str:
        return field_of(self.loc)
