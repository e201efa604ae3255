"""What looks right to people and is not YAML: marks of git, spaces and colons of another width."""

import re

_MARKER = re.compile("^(?:<{7}|>{7}|[|]{7}) ")
"""The line of equals signs between them may stand in any text."""
_COLON = re.compile("^[ \\t\\u00a0\\u3000-]*([\\w$.\"'/-]+)[ \\u3000]*\\uff1a")
_SPACES = {
    "\u00a0": "a no-break space (U+00A0)",
    "\u2007": "a figure space (U+2007)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u3000": "a full-width space (U+3000)",
}
_SPACE = re.compile(f"^[ \\t-]*([{''.join(_SPACES)}])|:([{''.join(_SPACES)}])")
_NEAR = 20
"""So many lines before the place of an error are looked at; the mistake is often a line above it."""


def suspect(text: str, line: int) -> tuple[int, str] | None:
    """The line, from 1, of what probably made a text unreadable as YAML at `line`, and what it is and what to write."""
    lines = re.split(r"\r\n|\r|\n", text)
    for number, written in enumerate(lines, 1):
        if marker := _MARKER.match(written):
            mark = marker[0].strip()
            return number, f"a conflict marker of git stands here ({mark}): resolve the conflict, and commit the result"
    for number in range(min(line, len(lines)), max(0, line - _NEAR), -1):
        if words := _odd(lines[number - 1]):
            return number, words
    return None


def odd_space(text: str) -> str | None:
    """What the first space is called with which the text begins or ends, and which only looks like one."""
    return next((_SPACES[end] for end in (text[:1], text[-1:]) if end in _SPACES), None)


def _odd(line: str) -> str | None:
    if _COLON.match(line):
        return "a full-width colon (\uff1a) stands where YAML wants a plain one: write ': '"
    if space := _SPACE.search(line):
        return f"{_SPACES[space[1] or space[2]]} stands where YAML wants a plain space: write that"
    return None
