"""Parses crontabs as Debian's and Red Hat's cron do: what each line runs, when, and with which variables."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from myscheduler.core.bounds import LONGEST_CRONTAB_LINE, MOST_CRONTAB_JOBS, MOST_CRONTAB_SETTINGS
from myscheduler.core.crontab.credentials import may_hold_credential
from myscheduler.core.crontab.markers import RESERVED
from myscheduler.core.crontab.wrappers import CALLERS

_BLANKS = " \t\r"
"""What cron treats as white space. (Files from Windows have a `\r` at the end of each line.)"""
_BYTE_ORDER_MARK = "\ufeff"
_SET = re.compile(r"([A-Za-z_]\w*|\"[^\"]+\"|'[^']+')[ \t]*=(.*)", re.ASCII)
_TIMES = re.compile(
    r"(?!\w*TZ[ \t]*=)-?(@every[ \t]+[^ \t]+|@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4})[ \t]+(.*)", re.IGNORECASE
)
"""The times, and the rest of the line. In some crons, a leading `-` keeps the line out of the log."""
_ZONE_IN_FRONT = re.compile(r"(?:CRON_)?TZ[ \t]*=[ \t]*[^ \t]+[ \t]+(?:@[a-z]|[^ \t]+(?:[ \t]+[^ \t]+){4}[ \t])")
"""A zone before the times, which only Go's cron supports; for others the whole line sets the variable."""
_MORE_TIMES = re.compile(r"[\d*][\d*/,-]*")
_WORD = re.compile(r"[^ \t]+")
_FLAGS = re.compile(r"(?:-[nqs]+[ \t]+)+")
"""Flags before the command in BSD's crons, for mail, logging and locks."""
_HEADER = re.compile(r"\W*m(in|inute)?\W+h(our)?\W.*", re.IGNORECASE)
"""A comment that names the columns."""


@dataclass(frozen=True, slots=True)
class CrontabEntry:
    """A line that runs a command."""

    line: int
    """The line number, from 1."""
    times: str
    """Five fields, a word such as `@daily`, or `@every 5m`."""
    command: str
    stdin: str | None
    """The standard input of the command: the text after the first `%`; `None` without a `%`."""
    comment: str | None
    """The comment on the line directly above; `None` where any line of that comment may hold a credential."""
    variables: Mapping[str, str] = field(repr=False)
    """The variables set above the line."""


@dataclass(frozen=True, slots=True)
class Crontab:
    """A parsed crontab."""

    entries: tuple[CrontabEntry, ...]
    faults: tuple[tuple[int, str], ...]
    """The numbers of lines that can't be parsed, and why."""


def read_crontab(text: str, *, has_users: bool = False) -> Crontab:
    """Parse a crontab. With `has_users`, a user precedes each command, as in `/etc/crontab`."""
    entries: list[CrontabEntry] = []
    faults: list[tuple[int, str]] = []
    variables: dict[str, str] = {}
    comments: list[str] = []
    for number, written in enumerate(text.split("\n"), start=1):
        line = written.lstrip(_BYTE_ORDER_MARK).strip(_BLANKS)  # concatenated files may have one in the middle
        if len(line) > LONGEST_CRONTAB_LINE:
            faults.append((number, f"is longer than {LONGEST_CRONTAB_LINE:,} characters"))
            comments = []
            continue
        if line.startswith("#"):
            comments += _comment_text(line)
            continue
        if (found := _SET.fullmatch(line)) and not _ZONE_IN_FRONT.match(line):
            variables = variables | {_unquoted(found[1]): _unquoted(found[2].strip(_BLANKS))}
            if len(variables) > MOST_CRONTAB_SETTINGS:
                faults.append((number, f"exceeds the limit of {MOST_CRONTAB_SETTINGS:,} variables: reading stops here"))
                break
        elif (found := _TIMES.fullmatch(line)) and not RESERVED.search(line):
            user, command = _split_user(found[2]) if has_users else ("", found[2])
            command, stdin = _split_at_percent(_FLAGS.sub("", command, count=1) if command[:1] == "-" else command)
            if command and len(entries) == MOST_CRONTAB_JOBS:
                faults.append((number, f"exceeds the limit of {MOST_CRONTAB_JOBS:,} jobs: import the rest separately"))
                break
            if fault := _fault(user, command, has_users=has_users):
                faults.append((number, fault))
            else:
                entries.append(CrontabEntry(number, found[1], command, stdin, _comment(comments), variables))
        elif line:
            faults.append((number, _parse_fault(line)))
        comments = []
    return Crontab(tuple(entries), tuple(faults))


def _split_user(command: str) -> tuple[str, str]:
    """The user, and the command after it."""
    user = _WORD.match(command)
    return (user[0], command[user.end() :].strip(_BLANKS)) if user else ("", "")


def _fault(user: str, command: str, *, has_users: bool) -> str | None:
    """Why the line has no command that cron could run; `None` where it has one."""
    if user.rpartition("/")[2] in CALLERS:
        return "has no user before its command: leave out --system"
    if not command:
        return "has no command after the user: --system is for crontabs with users" if has_users else "has no command"
    if (word := _WORD.match(user or command)) and _MORE_TIMES.fullmatch(word[0]):
        return "has more than five time fields: a crontab has no field for seconds"
    if (len(command) - len(command.rstrip("\\"))) % 2:
        return "ends with a \\, but cron has no line continuation: write it as one line"
    return None


def _parse_fault(line: str) -> str:
    """Why a line is neither a setting nor a job."""
    if RESERVED.search(line):
        return "has characters of Unicode's private use area, which have no meaning"
    if _ZONE_IN_FRONT.match(line):
        return "has a zone before its times: write CRON_TZ on a separate line above"
    if strange := next((char for char in line if char.isspace() and char not in _BLANKS), None):
        name = unicodedata.name(strange, f"U+{ord(strange):04X}").lower()
        article = "an" if name[0] in "aeiou" else "a"
        return f"is neither a setting nor five fields and a command: it has {article} {name}, which cron treats as text"
    return "is neither a setting nor five fields and a command"


def _comment(lines: list[str]) -> str | None:
    """The last line of a comment; `None` where any line may hold a credential, as it may continue on the next."""
    return lines[-1] if lines and not any(map(may_hold_credential, lines)) else None


def _comment_text(comment: str) -> list[str]:
    """The text of a comment line; empty where it is only decoration, column names, or a job commented out."""
    text = comment.strip("#=-*~ \t")
    if not re.search(r"\w", text) or _HEADER.fullmatch(text) or re.match(r"(@\w+|[\d*/,-]+(\s+[\d*/,-]+){2})\s", text):
        return []
    return ["".join(char if char.isprintable() else " " for char in text)]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


_PIECES = re.compile(r"\\.|%|[^%\\]+|\\", re.DOTALL)


def _split_at_percent(command: str) -> tuple[str, str | None]:
    """Split at the first unescaped `%` into command and standard input; further ones are line breaks of the input.

    Only a backslash directly before a `%` is removed. Two backslashes are a pair, whose second one escapes nothing.
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
