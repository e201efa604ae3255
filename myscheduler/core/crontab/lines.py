"""Crontabs as Debian's and Red Hat's cron read them: which line runs what, when, and with which variables."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from myscheduler.core.bounds import LONGEST_CRONTAB_LINE, MOST_CRONTAB_JOBS, MOST_CRONTAB_SETTINGS
from myscheduler.core.crontab.credentials import is_telling
from myscheduler.core.crontab.wrappers import CALLERS

_BLANKS = " \t\r"
"""What cron takes for white space. (A file that comes from Windows has a `\r` at the end of each line.)"""
_BYTE_ORDER_MARK = "\ufeff"
_SET = re.compile(r"([A-Za-z_]\w*|\"[^\"]+\"|'[^']+')[ \t]*=(.*)", re.ASCII)
_TIMES = re.compile(
    r"(?!\w*TZ[ \t]*=)-?(@every[ \t]+[^ \t]+|@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4})[ \t]+(.*)", re.IGNORECASE
)
"""Some crons keep a line out of their log that begins with `-`."""
_ZONE_IN_FRONT = re.compile(r"(?:CRON_)?TZ[ \t]*=[ \t]*[^ \t]+[ \t]+(?:@[a-z]|[^ \t]+(?:[ \t]+[^ \t]+){4}[ \t])")
"""Go's cron knows that; for others the whole line is the zone."""
_MORE_TIMES = re.compile(r"[\d*][\d*/,-]*")
_WORD = re.compile(r"[^ \t]+")
_FLAGS = re.compile(r"(?:-[nqs]+[ \t]+)+")
"""How BSD's crons mail, log and lock a command; they stand in front of it."""
_NO_TEXT = re.compile(r"[\ue000-\ue003]")
"""Characters that only mark something here while a line is read."""
_HEADER = re.compile(r"\W*m(in|inute)?\W+h(our)?\W.*", re.IGNORECASE)
"""The comment that names the columns."""


@dataclass(frozen=True, slots=True)
class CrontabEntry:
    """A line that runs a command."""

    line: int
    """From 1."""
    times: str
    """Five fields, a word such as `@daily`, or `@every 5m`."""
    command: str
    stdin: str | None
    """What the command is given to read: what stands behind the first `%`."""
    comment: str | None
    """What the line directly above says; nothing where a line of that comment may hold a credential."""
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Crontab:
    entries: tuple[CrontabEntry, ...]
    faults: tuple[tuple[int, str], ...]
    """Lines that are none, and why."""


def read_crontab(text: str, *, has_users: bool = False) -> Crontab:
    """Read a crontab; with `has_users` a user stands before each command, as in `/etc/crontab`."""
    entries: list[CrontabEntry] = []
    faults: list[tuple[int, str]] = []
    variables: dict[str, str] = {}
    said: list[str] = []
    for number, written in enumerate(text.split("\n"), start=1):
        line = written.lstrip(_BYTE_ORDER_MARK).strip(_BLANKS)  # one stands within where files were put together
        if len(line) > LONGEST_CRONTAB_LINE:
            faults.append((number, f"is longer than {LONGEST_CRONTAB_LINE:,} characters"))
            said = []
            continue
        if line.startswith("#"):
            said += _said(line)
            continue
        if (found := _SET.fullmatch(line)) and not _ZONE_IN_FRONT.match(line):
            variables = variables | {_unquoted(found[1]): _unquoted(found[2].strip(_BLANKS))}
            if len(variables) > MOST_CRONTAB_SETTINGS:
                faults.append((number, f"is one variable more than {MOST_CRONTAB_SETTINGS:,}: here the reading ends"))
                break
        elif (found := _TIMES.fullmatch(line)) and not _NO_TEXT.search(line):
            user, command = _parted(found[2]) if has_users else ("", found[2])
            command, stdin = _split_at_percent(_FLAGS.sub("", command, count=1) if command[:1] == "-" else command)
            if command and len(entries) == MOST_CRONTAB_JOBS:
                faults.append((number, f"is one job more than {MOST_CRONTAB_JOBS:,}: import the rest on its own"))
                break
            if fault := _fault(user, command, has_users=has_users):
                faults.append((number, fault))
            else:
                entries.append(CrontabEntry(number, found[1], command, stdin, _comment(said), variables))
        elif line:
            faults.append((number, _what_it_is(line)))
        said = []
    return Crontab(tuple(entries), tuple(faults))


def _parted(command: str) -> tuple[str, str]:
    """The user, and the command behind it."""
    user = _WORD.match(command)
    return (user[0], command[user.end() :].strip(_BLANKS)) if user else ("", "")


def _fault(user: str, command: str, *, has_users: bool) -> str | None:
    """Why there is no command that can be run."""
    if user.rpartition("/")[2] in CALLERS:
        return "has no user in front of its command: leave out --system"
    if not command:
        return (
            "no command stands behind the user: --system is for crontabs with users" if has_users else "has no command"
        )
    if (word := _WORD.match(user or command)) and _MORE_TIMES.fullmatch(word[0]):
        return "has more than five fields of times: those with seconds are no crontab's"
    if (len(command) - len(command.rstrip("\\"))) % 2:
        return "ends with a \\, but cron knows no line that goes on in the next: write it as one line"
    return None


def _what_it_is(line: str) -> str:
    """Why a line is neither a setting nor a job."""
    if _NO_TEXT.search(line):
        return "holds characters that stand for nothing (of Unicode's private use)"
    if _ZONE_IN_FRONT.match(line):
        return "has its zone in front of its times: cron wants CRON_TZ on a line of its own"
    if strange := next((char for char in line if char.isspace() and char not in _BLANKS), None):
        name = unicodedata.name(strange, f"U+{ord(strange):04X}").lower()
        article = "an" if name[0] in "aeiou" else "a"
        return f"is neither a setting nor five fields and a command: it has {article} {name}, which cron takes for text"
    return "is neither a setting nor five fields and a command"


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


_PIECES = re.compile(r"\\.|%|[^%\\]+|\\", re.DOTALL)


def _split_at_percent(command: str) -> tuple[str, str | None]:
    """A `%` without a backslash ends the command; further ones are line breaks of what it reads.

    Only a backslash in front of a `%` goes away. Two that stand together are a pair, and the second one quotes nothing.
    """
    parts = [""]
    for piece in _PIECES.findall(command):
        if piece == "%":
            parts.append("")
        else:
            parts[-1] += "%" if piece == "\\%" else piece
    first, *rest = parts
    stdin = "\n".join(rest)
    return first.strip(_BLANKS), (stdin if stdin.endswith("\n") or not stdin else f"{stdin}\n") if rest else None
