r"""Surrogate pairs: JSON escapes a character above U+FFFF as two halves (`\ud83d\ude00`), which YAML doesn't accept."""

import re

from myscheduler.messages.message import said

_STRING = r'(?<![^\s{\[,:])"(?:[^"\\\n\r]|\\.)*+"'
_JSON = re.compile(rf"\ufeff?(?:{_STRING}|[\s{{}}\[\],:0-9eE+.-]|true|false|null)*+")
"""One or more JSON texts, separated by `---`: each quote in them begins or ends a string."""
_IN_QUOTES = re.compile(_STRING)
_PAIR = re.compile(
    r"(?<!\\)(?P<before>(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})", re.IGNORECASE
)
_HALF = re.compile(r"(?<!\\)(?:\\\\)*\\u(d[89a-f][0-9a-f]{2})", re.IGNORECASE)


def with_whole_characters(text: str) -> str:
    """JSON with each surrogate pair as one YAML escape. All other text is unchanged, and keeps its line and column."""
    return _IN_QUOTES.sub(_whole, text) if _JSON.fullmatch(text) else text


def _whole(string: re.Match[str]) -> str:
    written = _PAIR.sub(_one, string[0])
    return written.ljust(len(string[0]))


def _one(pair: re.Match[str]) -> str:
    return f"{pair['before']}\\U{_code(pair):08x}"


def _code(pair: re.Match[str]) -> int:
    return 0x10000 + ((int(pair["high"], 16) - 0xD800) << 10) + (int(pair["low"], 16) - 0xDC00)


def half_character(line: str) -> str | None:
    """What to write instead of the surrogate escapes in a line; `None` if it has none."""
    if pair := _PAIR.search(line):
        whole = f"\\U{_code(pair):08X}"
        return said("written-in-halves", meant=whole)
    if _HALF.search(line):
        return said("half-a-surrogate-pair-held")
    return None
