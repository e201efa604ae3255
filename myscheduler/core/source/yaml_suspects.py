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
BOM = "\ufeff"
_SIGNS = {
    "\uff1a": "a full-width colon (\uff1a)",
    "\uff0c": "a full-width comma (\uff0c)",
    "\u3001": "an ideographic comma (\u3001)",
    "\uff5b": "a full-width brace (\uff5b)",
    "\uff5d": "a full-width brace (\uff5d)",
    "\uff3b": "a full-width bracket (\uff3b)",
    "\uff3d": "a full-width bracket (\uff3d)",
    BOM: "a byte order mark (U+FEFF), which nobody sees,",
}
_SIGN = re.compile(
    "[{[](?:\"[^\"]*+\"|'[^']*+'|[^\"'#{}\\[\\]\uff0c\u3001\uff1a\uff5d\uff3d])*+([\uff0c\u3001\uff1a\uff5d\uff3d])"
    "|(?:^|[:-])[ \\t]*([\uff5b\uff3b])|(\ufeff)"
)
"""Signs that YAML would have a use for in the plain form: within braces, or where a value begins."""
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


def odd_sign(key: str) -> str | None:
    """What a sign in a key is called that only looks like one of YAML."""
    return next((_SIGNS[char] for char in key if char in _SIGNS), None)


def _odd(line: str) -> str | None:
    if _COLON.match(line):
        return "a full-width colon (\uff1a) stands where YAML wants a plain one: write ': '"
    if sign := _SIGN.search(line):
        found = next(filter(None, sign.groups()))
        return f"{_SIGNS[found]} stands here: {'remove it' if found == BOM else 'write the plain sign'}"
    if space := _SPACE.search(line):
        return f"{_SPACES[space[1] or space[2]]} stands where YAML wants a plain space: write that"
    return None
