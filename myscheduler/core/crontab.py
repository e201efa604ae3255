"""Crontabs as Debian's and Red Hat's cron read them: which line runs what, when, and with which variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from myscheduler.core.bounds import LONGEST_CRONTAB_LINE, MOST_CRONTAB_JOBS, MOST_CRONTAB_SETTINGS
from myscheduler.core.crontab_credentials import is_telling

_SET = re.compile(r"\s*([A-Za-z_]\w*|\"[^\"]+\"|'[^']+')\s*=\s*(.*?)\s*", re.ASCII)
_TIMES = re.compile(r"(@\S+|\S+(?:\s+\S+){4})\s+(.*)")
_HEADER = re.compile(r"\W*m(in|inute)?\W+h(our)?\W.*", re.IGNORECASE)
"""The comment that names the columns."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that runs a command."""

    line: int
    """From 1."""
    times: str
    """Five fields, or a word such as `@daily`."""
    command: str
    stdin: str | None
    """What the command is given to read: what stands behind the first `%`."""
    comment: str | None
    """What the line directly above says; nothing where a line of that comment may hold a credential."""
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Crontab:
    entries: tuple[Entry, ...]
    faults: tuple[tuple[int, str], ...]
    """Lines that are none, and why."""


def read_crontab(text: str, *, has_users: bool = False) -> Crontab:
    """Read a crontab; with `has_users` a user stands before each command, as in `/etc/crontab`."""
    entries: list[Entry] = []
    faults: list[tuple[int, str]] = []
    variables: dict[str, str] = {}
    said: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if len(line) > LONGEST_CRONTAB_LINE:
            faults.append((number, f"is longer than {LONGEST_CRONTAB_LINE:,} characters"))
            said = []
            continue
        if stripped.startswith("#"):
            said += _said(stripped)
            continue
        if found := _SET.fullmatch(line):
            variables = variables | {_unquoted(found[1]): _unquoted(found[2])}
            if len(variables) > MOST_CRONTAB_SETTINGS:
                faults.append((number, f"is one variable more than {MOST_CRONTAB_SETTINGS:,}: here the reading ends"))
                break
        elif found := _TIMES.fullmatch(stripped):
            command, stdin = _split_at_percent(_without_user(found[2]) if has_users else found[2])
            if command and len(entries) == MOST_CRONTAB_JOBS:
                faults.append((number, f"is one job more than {MOST_CRONTAB_JOBS:,}: import the rest on its own"))
                break
            if command:
                entries.append(Entry(number, found[1], command, stdin, _comment(said), variables))
            else:
                faults.append((number, "no command stands behind the user: --system is for crontabs with users"))
        elif stripped:
            faults.append((number, "is neither a setting nor five fields and a command"))
        said = []
    return Crontab(tuple(entries), tuple(faults))


def _without_user(command: str) -> str:
    return " ".join(command.split(maxsplit=1)).partition(" ")[2]


def _comment(said: list[str]) -> str | None:
    """The last line; what one line begins, such as a command or the name of a credential, the next may go on with."""
    return said[-1] if said and not any(map(is_telling, said)) else None


def _said(comment: str) -> list[str]:
    """The words of a comment; none where it only draws a line, names the columns, or was a job once."""
    text = comment.strip("#=-*~ \t")
    if not re.search(r"\w", text) or _HEADER.fullmatch(text) or re.match(r"(@\w+|[\d*/,-]+(\s+[\d*/,-]+){2})\s", text):
        return []
    return ["".join(char if char.isprintable() else " " for char in text)]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _split_at_percent(command: str) -> tuple[str, str | None]:
    """A `%` without a backslash ends the command; further ones are line breaks of what it reads."""
    first, *rest = re.split(r"(?<!\\)%", command)
    lines = [part.replace("\\%", "%") for part in rest]
    return first.replace("\\%", "%").strip(), "\n".join(lines) + "\n" if lines else None
