"""A line of the shell as its commands, words and redirections; as much of `sh` as stands in crontabs.

Variables stay apart from text, since what they hold is known only where the line is read. `shlex` would not do: it
can't tell `'$A'`, which is text, from `"$A"`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from myscheduler.errors import MySchedulerError


class ShellError(MySchedulerError):
    """The line is no list of simple commands."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`$NAME` or `${NAME}`."""

    name: str


Word = tuple[str | Variable, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command."""

    words: tuple[Word, ...]
    before: str
    """What stands before it: `&&`, `||`, `;`, `&`, `|`, or nothing."""
    redirections: tuple[tuple[str, Word], ...] = ()
    """Such as `2>` or `<`, and the file."""


def read_commands(line: str) -> list[Command]:
    """The commands of a line. Raises `ShellError` for what only a shell can do."""
    commands: list[Command] = []
    words: list[Word] = []
    redirections: list[tuple[str, Word]] = []
    before, redirecting = "", ""
    for token in [*_tokens(line), ";"]:
        if isinstance(token, tuple):
            if redirecting:
                redirections.append((redirecting, token))
                redirecting = ""
            else:
                words.append(token)
        elif redirecting:
            raise ShellError(f"nothing stands behind {redirecting}")
        elif "<" in token or ">" in token:
            redirecting = token
        else:
            if words or redirections:
                commands.append(Command(tuple(words), before, tuple(redirections)))
            words, redirections, before = [], [], token.replace("\n", ";")
    return commands


_OPERATOR = re.compile(r"\d*(?:>>|>\||>&|<<|<&|<>|[<>])|&>>?|&&|\|\||\|&|[;|&\n]")
_NAME = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_PLAIN = re.compile(r"[^\s'\"\\$`;|&<>()]+")
_INNER = re.compile(r"[^\"\\$`]+")


def _tokens(line: str) -> Iterator[str | Word]:
    """Operators as text, words as tuples."""
    at = 0
    while at < len(line):
        if line[at] in " \t\r":
            at += 1
        elif line[at] == "#":
            at = line.find("\n", at) if "\n" in line[at:] else len(line)
        elif found := _OPERATOR.match(line, at):
            if found[0].endswith("<<"):
                raise ShellError("text in << lines can't be taken over")
            yield found[0]
            at = found.end()
        else:
            parts, at = _word(line, at)
            yield _joined(parts)


def _joined(parts: list[str | Variable]) -> Word:
    """Neighbouring text as one part."""
    joined: list[str | Variable] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined) or ("",)


def _word(line: str, at: int) -> tuple[list[str | Variable], int]:
    """The parts of the word that begins there, and where it ends."""
    parts: list[str | Variable] = []
    while at < len(line) and line[at] not in " \t\r\n;|&<>":
        if found := _PLAIN.match(line, at):
            parts.append(found[0])
            at = found.end()
        elif line[at] == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise ShellError("a ' is not closed")
            parts.append(line[at + 1 : end])
            at = end + 1
        elif line[at] == '"':
            inner, at = _quoted(line, at + 1)
            parts += inner
        elif line[at] == "\\":
            parts.append(line[at + 1 : at + 2].replace("\n", "") if at + 1 < len(line) else "\\")
            at += 2
        elif line[at] in "()":
            raise ShellError("commands in ( ) can't be taken over")
        else:
            part, at = _expansion(line, at)
            parts.append(part)
    return parts, at


def _quoted(line: str, at: int) -> tuple[list[str | Variable], int]:
    """What stands between double quotes, and where it ends."""
    parts: list[str | Variable] = [""]
    while at < len(line) and line[at] != '"':
        if found := _INNER.match(line, at):
            parts.append(found[0])
            at = found.end()
        elif line[at] == "\\":
            escaped = line[at + 1 : at + 2]
            parts.append(escaped if escaped in set('$`"\\') else f"\\{escaped}" if escaped != "\n" else "")
            at += 2
        else:
            part, at = _expansion(line, at)
            parts.append(part)
    if at >= len(line):
        raise ShellError('a " is not closed')
    return parts, at + 1


_SHOWN = {"(": "$(…)", "{": "${…}", "'": "$'…'"}
"""What stands inside may be a login."""


def _expansion(line: str, at: int) -> tuple[str | Variable, int]:
    """What a `$` or a back quote begins."""
    if found := _NAME.match(line, at):
        name = found[1] or found[2]
        if name[0].isdigit():
            raise ShellError(f"${name[0]} is an argument of a script, and there is none")
        return Variable(name), found.end()
    if line[at] == "$" and line[at + 1 : at + 2] not in {"(", "{", "'", "?", "$", "!", "@", "*", "#", "-"}:
        return "$", at + 1
    shown = "`…`" if line[at] == "`" else _SHOWN.get(line[at + 1], f"${line[at + 1]}")
    raise ShellError(f"{shown} is computed by the shell at each run: a manifest can't do that")


_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the name of a secret; unlike a `$` they are text to a shell that reads it again."""
_MARKED = re.compile(f"{_OPEN}([A-Za-z0-9_.-]+){_CLOSE}")


def expand(word: Word, value_of: Callable[[str], str]) -> str:
    """The word as text, with the value of each variable in its place."""
    return "".join(part if isinstance(part, str) else value_of(part.name) for part in word)


def marked(secret: str) -> str:
    """What stands for a secret in the value of a variable, until `as_manifest_text` makes it a reference."""
    return f"{_OPEN}{secret}{_CLOSE}"


def is_marked(text: str) -> bool:
    """The text is that of a secret and nothing else."""
    return _MARKED.fullmatch(text) is not None


def as_manifest_text(text: str) -> str:
    """The text for a manifest: marks are references to secrets, and what only looks like a reference is escaped."""
    return _MARKED.sub(r"${secret:\1}", text.replace("${", "$${"))
