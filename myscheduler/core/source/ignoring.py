"""Which files `.myschedulerignore` excludes from a source, by the rules of a `.gitignore` as git itself applies them.

Names are matched as bytes, as in git. Every pattern becomes a regular expression that never backtracks into what a `*`
or a `**/` matched, so matching takes at most the length of the name times that of the pattern (see decision 0032).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from myscheduler.core.bounds import LARGEST_IGNORE, MOST_PATTERNS
from myscheduler.core.findings.problem import Problem, Severity, enough
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.messages.message import said

_SPECIAL = re.compile(rb"[*?\[\\]")


class MalformedPattern(ValueError):  # noqa: N818 -- the word of git's users
    """A pattern that matches nothing, as git reads it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line of the file that is neither empty nor a comment."""

    line: int
    """From 1."""
    text: bytes
    """The pattern without a leading `!` and without a trailing `/`."""
    is_negated: bool
    for_folders: bool

    @property
    def is_of_names(self) -> bool:
        """Whether it has no `/`, so that it is matched against the last part of a path, at every level."""
        return b"/" not in self.text

    def regex(self) -> bytes:
        """A regular expression for a path or its last part; the path of a folder ends with `/`.

        Raises `MalformedPattern`.
        """
        if not self.text or self.text == b"/":
            raise MalformedPattern
        return _translated(self.text.removeprefix(b"/")) + (rb"/\Z" if self.for_folders else rb"/?\Z")


@dataclass(frozen=True, slots=True)
class _Group:
    """Consecutive patterns that are all negated, or all not negated, so that it doesn't matter which one matches."""

    is_negated: bool
    names: re.Pattern[bytes] | None
    paths: re.Pattern[bytes] | None

    def matches(self, path: bytes, name_at: int) -> bool:
        return bool(
            (self.names is not None and self.names.match(path, name_at)) or (self.paths and self.paths.match(path))
        )


@dataclass(frozen=True, slots=True)
class Ignoring:
    """Which paths the file excludes. Two values are equal when their files have the same content."""

    content: bytes | None
    """The content of the file; `None` when there is no file."""
    _last_first: tuple[_Group, ...] = field(compare=False)
    malformed: tuple[Pattern, ...] = field(compare=False)
    """Patterns that match nothing, as git reads them."""

    def __bool__(self) -> bool:
        return bool(self._last_first)

    def leaves_out(self, path: str) -> bool:
        """Whether the path is excluded, provided that its parent folders are not. A folder's path ends with `/`."""
        raw = path.encode("utf-8", "surrogateescape")
        name_at = raw.rfind(b"/", 0, -1) + 1
        for group in self._last_first:
            if group.matches(raw, name_at):
                return not group.is_negated
        return False

    def leaves_out_whole(self, path: str) -> bool:
        """Whether the path or one of its parent folders is excluded: no pattern re-includes a file of such a folder."""
        ends = [index + 1 for index, char in enumerate(path[:-1]) if char == "/"]
        return any(self.leaves_out(path[:end]) for end in [*ends, len(path)])


NOTHING = Ignoring(None, (), ())


def read_ignoring(content: bytes) -> Ignoring:
    """Parse the content of the file. Raises `ValueError` with the reason if it is too large or not UTF-8 text."""
    if len(content) > LARGEST_IGNORE:
        message = said("ignore-too-large", kib=LARGEST_IGNORE // 1024)
        raise ValueError(message)
    if b"\0" in content:  # as in UTF-16, which git would silently misread
        raise ValueError(said("ignore-not-utf8"))
    patterns = list(_patterns(content))
    if len(patterns) > MOST_PATTERNS:
        message = said("ignore-too-many", most=MOST_PATTERNS)
        raise ValueError(message)
    malformed = tuple(pattern for pattern in patterns if not _is_sound(pattern))
    sound = [pattern for pattern in patterns if pattern not in malformed]
    groups = [_group(negated, list(some)) for negated, some in groupby(sound, key=lambda pattern: pattern.is_negated)]
    return Ignoring(content, tuple(reversed(groups)), malformed)


def ignoring_problems(file: SourceFile) -> tuple[Problem, ...]:
    """A warning for each pattern that matches nothing, in a file that `read_ignoring` accepts."""
    message = said("pattern-matches-nothing")
    return enough(
        [
            Problem(file.path, pattern.line, 1, "", "invalid-pattern", message, Severity.WARNING)
            for pattern in read_ignoring(file.content).malformed
        ]
    )


def _patterns(content: bytes) -> Iterator[Pattern]:
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = _without_trailing_spaces(raw.removesuffix(b"\r"))
        if not line or line.startswith(b"#"):
            continue
        text = line.removeprefix(b"!")
        yield Pattern(number, text.removesuffix(b"/"), line.startswith(b"!"), text.endswith(b"/"))


def _without_trailing_spaces(line: bytes) -> bytes:
    """The line without trailing spaces, but with one that a backslash escapes."""
    rest = line.rstrip(b" ")
    is_kept = (len(rest) - len(rest.rstrip(b"\\"))) % 2 == 1 and rest != line
    return rest + b" " if is_kept else rest


def _is_sound(pattern: Pattern) -> bool:
    try:
        pattern.regex()
    except MalformedPattern:
        return False
    return True


def _group(is_negated: bool, patterns: list[Pattern]) -> _Group:
    names = [pattern.regex() for pattern in patterns if pattern.is_of_names]
    paths = [pattern.regex() for pattern in patterns if not pattern.is_of_names]
    return _Group(is_negated, _any_of(names), _any_of(paths))


def _any_of(regexes: list[bytes]) -> re.Pattern[bytes] | None:
    return re.compile(b"|".join(regexes), re.DOTALL) if regexes else None


# --- a pattern ---

_STAR, _SLASH = b"*", b"/"
_DEEP = b"**"
"""The token of `**`: any number of folders."""


def _translated(text: bytes) -> bytes:
    """The regular expression of a pattern, without the anchor at its end.

    Git compares the text before the first special character literally, and treats the rest as a separate pattern: so
    `a**/b` is `a` followed by `**/b`, although git's manual says otherwise.
    """
    special = _SPECIAL.search(text)
    if special is None:
        return re.escape(text)
    start = special.start()
    is_inside = start > 0 and text[start - 1 : start] != _SLASH
    return re.escape(text[:start]) + _blocks(list(_tokens(text[start:])), is_inside)


def _tokens(text: bytes) -> Iterator[bytes]:
    """The tokens of a pattern: `*`, `**` and `/` as they are, all others as regular expressions for one character."""
    place = 0
    while place < len(text):
        char = text[place : place + 1]
        if char == b"*":
            end = place + len(text[place:]) - len(text[place:].lstrip(b"*"))
            is_whole = (place == 0 or text[place - 1 : place] == b"/") and text[end : end + 1] in {b"", b"/"}
            yield _DEEP if end - place > 1 and is_whole else _STAR
            place = end
        elif char == b"[":
            place, regex = _bracket(text, place + 1)
            yield regex
        elif char == b"\\":
            if place + 1 == len(text):
                raise MalformedPattern
            escaped = text[place + 1 : place + 2]
            yield _SLASH if escaped == _SLASH else re.escape(escaped)
            place += 2
        else:
            yield b"[^/]" if char == b"?" else _SLASH if char == _SLASH else re.escape(char)
            place += 1


def _bracket(text: bytes, place: int) -> tuple[int, bytes]:
    from dulwich import wildmatch  # noqa: PLC0415 -- the import takes 30 ms, and few patterns need it

    try:
        return wildmatch.translate_bracket_expression(text, place)
    except wildmatch.MalformedPattern as error:
        raise MalformedPattern from error


def _blocks(tokens: list[bytes], is_inside: bool) -> bytes:
    """The expression of a whole pattern, split into blocks at each `**`.

    A block between two `**` is matched at the first place where it fits: a later place would allow no more matches.
    """
    blocks: list[list[bytes]] = [[]]
    for place, token in enumerate(tokens):
        if token == _DEEP:
            blocks.append([])
        elif not (token == _SLASH and place and tokens[place - 1] == _DEEP):
            blocks[-1].append(token)
    first, *deep = blocks
    regex = _segments(first, is_inside) if first else b""
    for block in deep[:-1]:
        regex += b"(?>(?:[^/]*/)*?" + _segments(block, False) + b")" if block else b""
    if deep and deep[-1]:
        regex += b"(?:.*/)?" + _segments(deep[-1], False)
    elif deep and tokens[-1] == _DEEP:
        regex += b".*" if is_inside and not first else b"(?=[^/]).*"
    return regex


def _segments(tokens: list[bytes], is_inside: bool) -> bytes:
    """The expression of several parts of a path. Each part is an atomic group, since no `*` matches across a `/`."""
    regex, rest = b"", tokens
    while _SLASH in rest:
        end = rest.index(_SLASH)
        regex += b"(?>" + _segment(rest[:end], is_inside and not regex) + b"/)"
        rest = rest[end + 1 :]
    return regex + (_segment(rest, is_inside and not regex) if rest else b"")


def _segment(tokens: list[bytes], is_inside: bool) -> bytes:
    """The expression of one part of a path. Text between two `*` is matched where it first occurs."""
    pieces: list[bytes] = [b""]
    for token in tokens:
        if token == _STAR:
            pieces.append(b"")
        else:
            pieces[-1] += token
    first, *starred = pieces
    regex = (b"" if is_inside else b"(?=[^/])") + first
    for piece in starred[:-1]:
        regex += b"(?>[^/]*?" + piece + b")"
    return regex + (b"[^/]*" + starred[-1] if starred else b"")
