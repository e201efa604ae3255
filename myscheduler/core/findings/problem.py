"""A problem in what people wrote: where it is, and what to write instead."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from myscheduler.core.bounds import LONGEST_MESSAGE, MOST_IN_REPORT, MOST_PROBLEMS
from myscheduler.core.findings.masking import LOOKED_AT, MASK, field_of, masked_text

Loc = tuple[str | int, ...]
"""The keys and the places in lists that lead to a value of a document; empty for the document itself."""
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


def cut(text: str, length: int = LONGEST_MESSAGE) -> str:
    """The text, or as much of it as is told."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", cut(self.message))

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

    loc: Loc
    """The way to the value: `("cron", "hour")`."""
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    at_key: bool = False
    """The key is what is wrong, not its value."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", cut(self.message))

    @property
    def field(self) -> str:
        return field_of(self.loc)


_Found = TypeVar("_Found", Problem, Complaint)


def enough(problems: list[Problem]) -> tuple[Problem, ...]:
    """As many problems of a file as are told; the last one says when there are more."""
    told = worst(problems, MOST_PROBLEMS + 1)
    if len(told) <= MOST_PROBLEMS:
        return tuple(told)
    message = f"has more problems than these {MOST_PROBLEMS}: mend them first"
    return (*told[:-1], replace(told[-1], field="", rule="more-problems", message=message, job_id=""))


def reported(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As many problems of all files as one report tells, sorted; the last one says when there are more."""
    files: dict[str, list[Problem]] = {}
    for problem in problems:
        files.setdefault(problem.path, []).append(problem)
    found = [problem for of_file in files.values() for problem in enough(of_file)]
    told = sorted(worst(found, MOST_IN_REPORT))
    if len(found) > MOST_IN_REPORT:
        message = f"and {len(found) - MOST_IN_REPORT + 1:,} more problems, here and in other files: mend these first"
        told[-1] = replace(told[-1], field="", rule="more-problems", message=message, job_id="")
    return tuple(told)


def worst(found: list[_Found], count: int) -> list[_Found]:
    """So many of them, in their order; where there are more, errors before warnings."""
    if len(found) <= count:
        return found
    return sorted(found, key=lambda one: one.severity is not Severity.ERROR)[:count]
