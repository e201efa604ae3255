"""Finds characters that look right and are not YAML: conflict markers of git, full-width signs, unusual spaces."""

import re

from myscheduler.messages.message import said

_MARKER = re.compile("^(?:<{7}|>{7}|[|]{7}) ")
"""Without the line of equals signs between them, which may occur in any text."""
_COLON = re.compile("^[ \\t\\u00a0\\u3000-]*([\\w$.\"'/-]+)[ \\u3000]*\\uff1a")
_SPACES = {
    "\u00a0": said("sign-no-break-space"),
    "\u2007": said("sign-figure-space"),
    "\u202f": said("sign-narrow-space"),
    "\u3000": said("sign-full-width-space"),
}
BOM = "\ufeff"
_SIGNS = {
    "\uff1a": said("sign-full-width-colon"),
    "\uff0c": said("sign-full-width-comma"),
    "\u3001": said("sign-ideographic-comma"),
    "\uff5b": said("sign-full-width-brace-open"),
    "\uff5d": said("sign-full-width-brace-close"),
    "\uff3b": said("sign-full-width-bracket-open"),
    "\uff3d": said("sign-full-width-bracket-close"),
    BOM: said("sign-byte-order-mark"),
}
_SIGN = re.compile(
    "[{[](?:\"[^\"]*+\"|'[^']*+'|[^\"'#{}\\[\\]\uff0c\u3001\uff1a\uff5d\uff3d])*+([\uff0c\u3001\uff1a\uff5d\uff3d])"
    "|(?:^|[:-])[ \\t]*([\uff5b\uff3b])|(\ufeff)"
)
"""Signs where YAML expects their ASCII form: within braces, or where a value begins."""
_SPACE = re.compile(f"^[ \\t-]*([{''.join(_SPACES)}])|:([{''.join(_SPACES)}])")
_NEAR = 20
"""How many lines are checked, up to the line of an error; the mistake is often in a line above it."""


def suspect(text: str, line: int) -> tuple[int, str] | None:
    """The probable cause of a YAML error at `line`: the line (from 1) that has it, and what it is and what to write."""
    lines = re.split(r"\r\n|\r|\n", text)
    for number, written in enumerate(lines, 1):
        if marker := _MARKER.match(written):
            mark = marker[0].strip()
            return (
                number,
                said("conflict-marker", mark=mark),
            )
    for number in range(min(line, len(lines)), max(0, line - _NEAR), -1):
        if cause := _odd(lines[number - 1]):
            return number, cause
    return None


def odd_space(text: str) -> str | None:
    """The name of an unusual space (such as U+00A0) with which the text begins or ends."""
    return next((_SPACES[end] for end in (text[:1], text[-1:]) if end in _SPACES), None)


def odd_sign(key: str) -> str | None:
    """The name of the first character in a key that only looks like a sign of YAML."""
    return next((_SIGNS[char] for char in key if char in _SIGNS), None)


def _odd(line: str) -> str | None:
    if _COLON.match(line):
        return said("colon-full-width")
    if sign := _SIGN.search(line):
        found = next(filter(None, sign.groups()))
        advice = said("remove-it") if found == BOM else said("write-plain-sign")
        return said("sign-in-line", sign=_SIGNS[found], advice=advice)
    if space := _SPACE.search(line):
        return said("space-not-plain", sign=_SPACES[space[1] or space[2]])
    return None
