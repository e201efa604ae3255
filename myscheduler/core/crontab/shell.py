"""Parses a shell line to commands, words and redirections: as much of `sh` as crontabs use.

A word is a tuple of parts. Variables are parts of their own, since their values are known only later. (`shlex` can't
tell `'$A'`, which is text, from `"$A"`.) Code that the shell evaluates at each run, such as `$(date)`, is kept as it is
written: it is an error only where a call uses it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from myscheduler.errors import MySchedulerError


class ShellError(MySchedulerError):
    """The line is more than a list of simple commands, or its syntax is wrong."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`$NAME` or `${NAME}`."""

    name: str
    is_quoted: bool = False
    """White space in its value doesn't split the word."""


@dataclass(frozen=True, slots=True)
class Content:
    """`$(cat FILE)`: the content of a file."""

    path: str


@dataclass(frozen=True, slots=True)
class Computed:
    """Code that the shell evaluates at each run, as it is written: `$(date)`, `$?`, `${A:-b}`."""

    code: str
    is_quoted: bool = False
    """White space in what it yields doesn't split the word."""


@dataclass(frozen=True, slots=True)
class BashText:
    """`$'…'`, unescaped as bash does it; other shells may not support it."""

    text: str


Part = str | Variable | Content | Computed | BashText
"""A part of a word; a `str` is literal text."""
Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command, or a group of commands in ( ) or { }."""

    words: tuple[Word, ...]
    before: str
    """The operator before it: `&&`, `||`, `;`, `&`, `|`, or an empty string."""
    redirections: tuple[tuple[str, Word], ...] = ()
    """Each as an operator, such as `2>` or `<`, and the file."""
    group: tuple["Command", ...] = ()
    """The commands of a group, which has no words."""
    is_subshell: bool = False
    """The group is in ( ), so that variables that it sets end with it."""
    after: str = ";"
    """The operator after it."""


_NOTHING = (Command(((":",),), ""),)
_DEEPEST = 20
"""How deeply groups may be nested."""


@dataclass(slots=True)
class _List:
    """The commands of a line, or of a group in it, while it is parsed; the fields describe the command that is open."""

    closed_by: str
    commands: list[Command] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirections: list[tuple[str, Word]] = field(default_factory=list)
    group: tuple[Command, ...] = ()
    is_subshell: bool = False
    before: str = ""
    redirecting: str = ""

    @property
    def is_at_start(self) -> bool:
        """Whether no command is open, so that one may begin here."""
        return not (self.words or self.redirections or self.group or self.redirecting)

    def take(self, word: Word) -> None:
        if self.redirecting:
            self.redirections.append((self.redirecting, word))
            self.redirecting = ""
        elif self.group:
            raise ShellError("a word follows ( ) or { }")
        else:
            self.words.append(word)

    def redirect(self, operator: str) -> None:
        if self.redirecting:
            raise ShellError(f"nothing follows {self.redirecting}")
        self.redirecting = operator

    def end(self, operator: str) -> None:
        """End the open command, if there is one, at this operator."""
        operator = operator.replace("\n", ";")
        if self.redirecting:
            raise ShellError(f"nothing follows {self.redirecting}")
        if not self.is_at_start:
            redirections = tuple(self.redirections)
            one = Command(tuple(self.words), self.before, redirections, self.group, self.is_subshell, operator)
            self.commands.append(one)
        self.words, self.redirections, self.group, self.is_subshell, self.before = [], [], (), False, operator


def read_commands(line: str) -> list[Command]:
    """Parse the commands of a line. Raises `ShellError` for syntax that is wrong or not supported."""
    lists = [_List("")]
    for piece in _tokens(line):
        now = lists[-1]
        if piece == "(" or (piece == ("{",) and now.is_at_start):
            _begin_group(lists, ")" if piece == "(" else "}")
        elif piece == ")" or (piece == ("}",) and now.is_at_start):
            _end_group(lists, ")" if piece == ")" else "}")
        elif isinstance(piece, tuple):
            now.take(piece)
        elif "<" in piece or ">" in piece:
            now.redirect(piece)
        else:
            now.end(piece)
    if len(lists) > 1:
        raise ShellError(f"a {'(' if lists[-1].closed_by == ')' else '{'} is not closed")
    lists[0].end(";")
    return lists[0].commands


def _begin_group(lists: list[_List], closed_by: str) -> None:
    if not lists[-1].is_at_start:
        raise ShellError("a ( inside a command is not supported")
    if len(lists) > _DEEPEST:
        raise ShellError("its groups of commands are nested too deeply")
    lists.append(_List(closed_by))


def _end_group(lists: list[_List], closed_by: str) -> None:
    if lists[-1].closed_by != closed_by:
        raise ShellError(f"a {closed_by} closes nothing")
    group = lists.pop()
    group.end(";")
    lists[-1].group, lists[-1].is_subshell = tuple(group.commands) or _NOTHING, closed_by == ")"


_OPERATOR = re.compile(r"\d*(?:>>|>\||>&|<<<|<<|<&|<>|[<>])|&>>?|&&|\|\||\|&|[;|&\n()]")
_NAME = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_PLAIN = re.compile(r"[^\s'\"\\$`;|&<>()]+")
_INNER = re.compile(r"[^\"\\$`]+")


def _tokens(line: str) -> Iterator[str | Word]:
    """Operators as text, words as tuples."""
    at = 0
    while at < len(line):
        if line[at] in " \t\r":
            at += 1
        elif line.startswith("\\\n", at):
            at += 2
        elif line[at] == "#":
            at = line.find("\n", at) if "\n" in line[at:] else len(line)
        elif found := _OPERATOR.match(line, at):
            if found[0].endswith("<<") and not found[0].endswith("<<<"):
                raise ShellError("here-documents are not supported (<<)")
            yield found[0]
            at = found.end()
        else:
            parts, at = _word(line, at)
            yield _joined(parts)


def _joined(parts: list[Part]) -> Word:
    """Join adjacent text parts."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined) or ("",)


def _word(line: str, at: int) -> tuple[list[Part], int]:
    """The parts of the word that begins at `at`, and the position after it."""
    parts: list[Part] = []
    while at < len(line) and line[at] not in " \t\r\n;|&<>()":
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
        elif line.startswith("$'", at):
            text, at = _bash_quoted(line, at)
            parts.append(BashText(text))
        else:
            part, at = _expansion(line, at, is_quoted=False)
            parts.append(part)
    return parts, at


def _quoted(line: str, at: int) -> tuple[list[Part], int]:
    """The parts between double quotes, and the position after the closing quote."""
    parts: list[Part] = [""]
    while at < len(line) and line[at] != '"':
        if found := _INNER.match(line, at):
            parts.append(found[0])
            at = found.end()
        elif line[at] == "\\":
            escaped = line[at + 1 : at + 2]
            parts.append(escaped if escaped in set('$`"\\') else f"\\{escaped}" if escaped != "\n" else "")
            at += 2
        else:
            part, at = _expansion(line, at, is_quoted=True)
            parts.append(part)
    if at >= len(line):
        raise ShellError('a " is not closed')
    return parts, at + 1


_BASH_QUOTES = re.compile(r"\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|(.))", re.DOTALL
)
_LETTERS = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _bash_quoted(line: str, at: int) -> tuple[str, int]:
    """The text of `$'…'` as bash reads it, and the position after it."""
    found = _BASH_QUOTES.match(line, at)
    if found is None:
        raise ShellError("a $' is not closed")
    try:
        return _ESCAPE.sub(_unescaped, found[1]), found.end()
    except (ValueError, OverflowError):
        raise ShellError("a $'…' has an escape that is no valid character") from None


def _unescaped(found: re.Match[str]) -> str:
    letter, octal, byte, *points, other = found.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    if other:
        return f"\\{other}"
    number = int(octal, 8) & 0xFF if octal else int(byte or points[0] or points[1], 16)
    if number == 0 or (number > 0x7F and (octal or byte)) or 0xD800 <= number <= 0xE005:
        raise ValueError
    return chr(number)


_OWN = frozenset({"RANDOM", "SRANDOM", "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "BASHPID", "PPID", "LINENO"})
"""Variables that the shell itself sets."""
_SPECIAL = frozenset("?$!@*#-")
_PATH = r"""(?:'(?P<single>[^']+)'|"(?P<double>[^"`\\]+)"|(?P<plain>[^\s"'`;|&<>()*?\\-][^\s"'`;|&<>()*?\\]*))"""
_FILE = re.compile(
    rf"\s*(?:(?:(?:sudo\s+)?cat|head\s+-n?\s*1)\s+|<\s*|tr\s+-d\s+['\"]?[\\rn]+['\"]?\s*<\s*){_PATH}"
    r"\s*(?:2>\s*/dev/null)?\s*(?:\|\s*tr\s+-d\s+['\"]?[\\rn]+['\"]?\s*)?"
)
"""`cat FILE` and equivalent commands, also with line breaks removed (`tr -d`)."""


def _expansion(line: str, at: int, *, is_quoted: bool) -> tuple[Part, int]:
    """The part that a `$` or a back quote begins, and the position after it."""
    if found := _NAME.match(line, at):
        name = found[1] or found[2]
        if name[0].isdigit():
            raise ShellError(f"${name[0]} is an argument of a script, but a crontab line has none")
        return Computed(found[0], is_quoted) if name in _OWN else Variable(name, is_quoted), found.end()
    follows = line[at + 1 : at + 2]
    if line[at] == "`" or (line[at] == "$" and follows in {"(", "{", "["}):
        end = _end_of_code(line, at)
        code = line[at:end]
        inner = code[1:-1] if code[0] == "`" else code[2:-1]
        file = None if follows in {"{", "["} else _FILE.fullmatch(inner)
        return Content(file["single"] or file["double"] or file["plain"]) if file else Computed(code, is_quoted), end
    if follows in _SPECIAL and follows:
        return Computed(line[at : at + 2], is_quoted), at + 2
    return "$", at + 1


CLOSING = {"(": ")", "{": "}", "[": "]"}
_BACK_QUOTED = re.compile(r"`(?:[^`\\]|\\.)*+`", re.DOTALL)
_IN_CODE = re.compile(r"\\.?|'[^']*+'?|\$?[({\[]|[])}\"]|[^\\'$({\[\])}\"]++|\$", re.DOTALL)
_IN_TEXT = re.compile(r"\\.?|\$[({\[]|[\"]|[^\\$\"]++|\$", re.DOTALL)
"""The pieces of code inside `$( )` (`_IN_CODE`), and of text in double quotes there (`_IN_TEXT`)."""


def _end_of_code(line: str, at: int) -> int:
    """The position after the `$(…)`, `${…}`, `$[…]` or `` `…` `` at `at`; quoted brackets don't close it."""
    if line[at] == "`":
        if found := _BACK_QUOTED.match(line, at):
            return found.end()
        raise ShellError("a ` is not closed")
    begin = line[at : at + 2]
    closing = [CLOSING[begin[1]]]
    at += 2
    while closing:
        piece = (_IN_TEXT if closing[-1] == '"' else _IN_CODE).match(line, at)
        if piece is None:
            raise ShellError(f"a {begin} is not closed")
        at = piece.end()
        text = piece[0]
        if text == closing[-1]:
            closing.pop()
        elif text == '"':
            closing.append('"')
        elif text[0] == "$" and text[1:] in CLOSING:
            closing.append(CLOSING[text[1:]])
        elif text == "(" and closing[-1] == ")":
            closing.append(")")
    return at
