"""Markers of private-use characters that stand for expressions of templates in a text: see `expressions`."""

import re

_OPEN, _CLOSE = "\ue004", "\ue005"
MARKED = re.compile(f"{_OPEN}([0-9]+)([un]?){_CLOSE}")
"""A marker: its number, and `u` where the value is to be percent-encoded, `n` where it is a number of a JSON body."""
_BARE = re.compile(rf"(?<=[\[:,\s]){_OPEN}([0-9]+){_CLOSE}(?=[\]}},\s])")
RESERVED = re.compile("[\ue000-\ue005]")
"""The characters of all markers, which no text that is read may have."""
RESERVED_IN_JSON = re.compile(r"\\ue00[0-5]", re.IGNORECASE)
"""The same as escapes of JSON."""


def marker(number: int) -> str:
    return f"{_OPEN}{number}{_CLOSE}"


def has_expression(text: str) -> bool:
    return _OPEN in text


def without_expressions(text: str) -> str:
    return MARKED.sub("", text)


def percent_encoded(text: str) -> str:
    """The markers in the text, for expressions that are percent-encoded."""
    return MARKED.sub(rf"{_OPEN}\1u{_CLOSE}", text)


def numbers_quoted(text: str) -> str:
    """A JSON text in which expressions outside quotes are texts, which yield numbers."""
    return _BARE.sub(rf'"{_OPEN}\1n{_CLOSE}"', text)
