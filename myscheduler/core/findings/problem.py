"""A problem in a file or request: its location, the rule that it breaks, and a message that says what to write."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from myscheduler.core.bounds import LONGEST_MESSAGE, MOST_IN_REPORT, MOST_PROBLEMS
from myscheduler.core.findings.masking import LOOKED_AT, MASK, field_of, masked_text
from myscheduler.messages.message import Message, coded, said

Loc = tuple[str | int, ...]
"""The keys and list indexes that lead to a value of a document; empty for the document itself."""
LONGEST_SHOWN = 60
"""The most characters of a value that a message shows."""


_BARE_USERINFO = re.compile(r"[^\s:/@]+:(?!//)[^\s@]+@")
"""`user:password@` without a scheme before it."""


def shown(value: object) -> str:
    """The value as a message shows it: text in quotes and with escapes, shortened if it is long.

    Anything that looks like a credential is masked, as one may be in any field by mistake. Of lists and objects only
    the type is shown.
    """
    match value:
        case dict():
            return said("an-object")
        case list() | tuple():
            return said("a-list")
        case str():
            text, end = repr(_BARE_USERINFO.sub(f"{MASK}@", masked_text(value[:LOOKED_AT]))), "…'"
        case _:
            text, end = repr(value), "…"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - len(end)]}{end}"


def cut(text: str, length: int = LONGEST_MESSAGE) -> str:
    """The text, shortened to `length` characters."""
    if len(text) <= length:
        return text
    short = f"{text[: length - 1]}…"
    return Message(short, text.code, text.params) if isinstance(text, Message) else short


def printable(text: str) -> str:
    """The text in one line, with escapes for characters that could control a terminal or forge a line of a log."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """`: did you mean 'POST'?` if a known word is similar to what was written, otherwise an empty text."""
    words = {word.lower(): word for word in known}
    close = get_close_matches(written[:LONGEST_SHOWN].lower(), words, n=1)
    return said("did-you-mean", word=words[close[0]]) if close else ""


def has_control(text: str) -> bool:
    """Whether the text has a control character, such as a line break."""
    return not text.isprintable() and any(unicodedata.category(char) == "Cc" for char in text)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding. Problems sort by location, so that a report has the order of the files."""

    path: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    field: str
    """The dotted name of the field, such as `cron.hour`; empty for the document."""
    rule: str
    """The id of the rule that is broken, a key of `RULES`, such as `unknown-key`."""
    message: str
    severity: Severity = Severity.ERROR
    job_id: str = dataclass_field(default="", compare=False)
    """The job that the problem is about; empty if it is not known."""
    related: Place | None = dataclass_field(default=None, compare=False)
    """The place in another file that the problem contradicts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", cut(self.message))

    def __str__(self) -> str:
        named = f"{self.field}: " if self.field else ""
        line = f"{self.path}:{self.line}:{self.column}: {self.severity}: {named}{self.whole} [{self.rule}]"
        return printable(line)

    @property
    def whole(self) -> str:
        """The message, with the related place if there is one."""
        return f"{self.message} (see {self.related})" if self.related is not None else self.message

    def as_json(self) -> dict[str, Any]:
        found = {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "message_coded": coded(self.message),
        }
        if self.related is not None:
            found["related"] = {"path": self.related.path, "line": self.related.line, "column": self.related.column}
        return found


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem in a declaration, before its file and line are known; with these it becomes a `Problem`."""

    loc: Loc
    """The path to the value: `("cron", "hour")`."""
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    at_key: bool = False
    """Whether the key is wrong, not its value."""
    at: int | None = None
    """The index of the character in the text at `loc` at which the problem is; `None` if it is all of the value."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", cut(self.message))

    @property
    def field(self) -> str:
        return field_of(self.loc)


_Found = TypeVar("_Found", Problem, Complaint)


def enough(problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems of one file, at most `MOST_PROBLEMS`; if there are more, a last one says so."""
    listed = worst(problems, MOST_PROBLEMS + 1)
    if len(listed) <= MOST_PROBLEMS:
        return tuple(listed)
    message = said("more-problems", most=MOST_PROBLEMS)
    return (*listed[:-1], replace(listed[-1], field="", rule="more-problems", message=message, job_id=""))


def reported(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of all files, sorted, at most `MOST_IN_REPORT`; if there are more, the last one says how many."""
    files: dict[str, list[Problem]] = {}
    for problem in problems:
        files.setdefault(problem.path, []).append(problem)
    found = [problem for of_file in files.values() for problem in enough(of_file)]
    listed = sorted(worst(found, MOST_IN_REPORT))
    if len(found) > MOST_IN_REPORT:
        message = said("more-problems-elsewhere", count=len(found) - MOST_IN_REPORT + 1)
        listed[-1] = replace(listed[-1], field="", rule="more-problems", message=message, job_id="")
    return tuple(listed)


def worst(found: list[_Found], count: int) -> list[_Found]:
    """At most `count` of the findings. All of them keep their order; if there are more, errors come before warnings."""
    if len(found) <= count:
        return found
    return sorted(found, key=lambda one: one.severity is not Severity.ERROR)[:count]
