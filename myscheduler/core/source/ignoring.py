"""What `.myschedulerignore` leaves out of a source, by the rules of a `.gitignore` as git itself applies them.

Names are matched as bytes, as in git. Every pattern becomes a regular expression that never goes back on what a `*` or
a `**/` took, so that the longest name costs no more than its length times that of the pattern (see decision 0032).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from myscheduler.core.bounds import LARGEST_IGNORE, MOST_PATTERNS
from myscheduler.core.findings.problem import Problem, Severity, enough
from myscheduler.core.source.snapshot import SourceFile

_SPECIAL = re.compile(rb"[*?\[\\]")


class MalformedPattern(ValueError):  # noqa: N818 -- the word of git's users
    """A pattern that git takes for one that matches nothing."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line that says something."""

    line: int
    """From 1."""
    text: bytes
    """Without `!`, and without the `/` at its end."""
    is_negated: bool
    for_folders: bool

    @property
    def is_of_names(self) -> bool:
        """It holds at every level, for the last part of a path."""
        return b"/" not in self.text

    def regex(self) -> bytes:
        """For a path, or its last part, that ends with `/` where it is a folder."""
        if not self.text or self.text == b"/":
            raise MalformedPattern
        return _translated(self.text.removeprefix(b"/")) + (rb"/\Z" if self.for_folders else rb"/?\Z")


@dataclass(frozen=True, slots=True)
class _Group:
    """Patterns in a row that say the same: of those it doesn't matter which one matches."""

    is_negated: bool
    names: re.Pattern[bytes] | None
    paths: re.Pattern[bytes] | None

    def matches(self, path: bytes, name_at: int) -> bool:
        return bool(
            (self.names is not None and self.names.match(path, name_at)) or (self.paths and self.paths.match(path))
        )


@dataclass(frozen=True, slots=True)
class Ignoring:
    """Which paths are left out. Two of them are equal when their files hold the same."""

    content: bytes | None
    """`None` where there is no file."""
    _last_first: tuple[_Group, ...] = field(compare=False)
    malformed: tuple[Pattern, ...] = field(compare=False)
    """Those that match nothing, as git sees them."""

    def __bool__(self) -> bool:
        return bool(self._last_first)

    def leaves_out(self, path: str) -> bool:
        """Whether this path is left out, if the folders around it are not. That of a folder ends with `/`."""
        raw = path.encode("utf-8", "surrogateescape")
        name_at = raw.rfind(b"/", 0, -1) + 1
        for group in self._last_first:
            if group.matches(raw, name_at):
                return not group.is_negated
        return False

    def leaves_out_whole(self, path: str) -> bool:
        """Whether this path is left out, or one of the folders around it: nothing brings back what stands in those."""
        ends = [place + 1 for place, char in enumerate(path[:-1]) if char == "/"]
        return any(self.leaves_out(path[:end]) for end in [*ends, len(path)])


NOTHING = Ignoring(None, (), ())


def read_ignoring(content: bytes) -> Ignoring:
    """What the file says; `ValueError` with the reason where it can't be such a file."""
    if len(content) > LARGEST_IGNORE:
        message = f"larger than {LARGEST_IGNORE // 1024} KiB"
        raise ValueError(message)
    if b"\0" in content:  # as in UTF-16, of which git would understand nothing, in silence
        raise ValueError("is no text in UTF-8")
    patterns = list(_patterns(content))
    if len(patterns) > MOST_PATTERNS:
        message = f"holds more than {MOST_PATTERNS:,} patterns"
        raise ValueError(message)
    malformed = tuple(pattern for pattern in patterns if not _is_sound(pattern))
    sound = [pattern for pattern in patterns if pattern not in malformed]
    groups = [_group(negated, list(some)) for negated, some in groupby(sound, key=lambda pattern: pattern.is_negated)]
    return Ignoring(content, tuple(reversed(groups)), malformed)


def ignoring_problems(file: SourceFile) -> tuple[Problem, ...]:
    """The lines that match nothing, of a file that was read already."""
    message = "matches nothing, as in a .gitignore: close the bracket, or write what follows the last backslash"
    return enough(
        [
            Problem(file.path, pattern.line, 1, "", "invalid-pattern", message, Severity.WARNING)
            for pattern in read_ignoring(file.content).malformed
        ]
    )


def _patterns(content: bytes) -> Iterator[Pattern]:
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = _without_spaces_at_its_end(raw.removesuffix(b"\r"))
        if not line or line.startswith(b"#"):
            continue
        text = line.removeprefix(b"!")
        yield Pattern(number, text.removesuffix(b"/"), line.startswith(b"!"), text.endswith(b"/"))


def _without_spaces_at_its_end(line: bytes) -> bytes:
    """But with one that a backslash stands before."""
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
"""Any number of folders."""


def _translated(text: bytes) -> bytes:
    """The regular expression of a pattern, without the end.

    Git compares what stands before the first special character as it is, and takes the rest for a pattern of its own:
    so `a**/b` is `a` and then `**/b`, though its manual says otherwise.
    """
    special = _SPECIAL.search(text)
    if special is None:
        return re.escape(text)
    start = special.start()
    is_inside = start > 0 and text[start - 1 : start] != _SLASH
    return re.escape(text[:start]) + _blocks(list(_tokens(text[start:])), is_inside)


def _tokens(text: bytes) -> Iterator[bytes]:
    """Regular expressions of one character each; `*`, `**` and `/` stand for themselves."""
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
    from dulwich import wildmatch  # noqa: PLC0415 -- 30 ms that few need

    try:
        return wildmatch.translate_bracket_expression(text, place)
    except wildmatch.MalformedPattern as error:
        raise MalformedPattern from error


def _blocks(tokens: list[bytes], is_inside: bool) -> bytes:
    """Segments between two `**` are looked for at the first place where they stand: a later one would do no more."""
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
    """Parts of a path, each of which takes what its stars need once and for all, as none of them reaches over a `/`."""
    regex, rest = b"", tokens
    while _SLASH in rest:
        end = rest.index(_SLASH)
        regex += b"(?>" + _segment(rest[:end], is_inside and not regex) + b"/)"
        rest = rest[end + 1 :]
    return regex + (_segment(rest, is_inside and not regex) if rest else b"")


def _segment(tokens: list[bytes], is_inside: bool) -> bytes:
    """One part of a path. What stands between two stars is taken where it comes first."""
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
