"""The fields of a job in which templates are rendered, and how each of them escapes what an expression yields."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

from myscheduler.core.bounds import LARGEST_JOB, LONGEST_HEADER, LONGEST_URL, REFERENCE
from myscheduler.core.findings.problem import Loc
from myscheduler.core.templates.context import VARS
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.filters import Known, as_text
from myscheduler.core.templates.syntax import Expression, written
from myscheduler.messages.message import said


class Place(Enum):
    """What a text becomes a part of."""

    URL = auto()
    HEADER = auto()
    BODY = auto()
    TEXT = auto()
    """A part of a query, a form or a text: it is escaped with what is around it."""
    CREDENTIAL = auto()
    """What a token is asked for with: only variables and constants, so that one token serves many calls."""


FIELDS: Mapping[str, Place] = {
    "target_url": Place.URL,
    "query": Place.TEXT,
    "headers": Place.HEADER,
    "body": Place.BODY,
    "form": Place.TEXT,
    "text": Place.TEXT,
    "multipart": Place.TEXT,
    "auth": Place.CREDENTIAL,
}
"""The fields with templates. In an object or a list, each text is one; keys are not."""
_LONGEST = {
    Place.URL: LONGEST_URL,
    Place.HEADER: LONGEST_HEADER,
    Place.BODY: LARGEST_JOB,
    Place.TEXT: LARGEST_JOB,
    Place.CREDENTIAL: LONGEST_HEADER,
}


@dataclass(frozen=True, slots=True)
class Yielded:
    """What an expression yields, beside the expression."""

    value: Known
    by: Expression


Piece = str | Expression | Yielded
"""A piece of a text: literal, still to be rendered, or rendered."""


def each_text(value: Any, change: Callable[[str, Loc], Any], loc: Loc) -> Any:
    """The value with each text in it changed; it is nested no deeper than a job may be."""
    if isinstance(value, str):
        return change(value, loc)
    if isinstance(value, Mapping):
        return {key: each_text(one, change, (*loc, key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        items: Sequence[Any] = [each_text(one, change, (*loc, index)) for index, one in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def joined(pieces: Sequence[Piece], place: Place, *, is_template: bool = False) -> Any:
    """The text of the pieces, in which nothing that was yielded is read as a reference to a secret.

    With `is_template` it is a template again, in which only the expressions among the pieces count; without it there
    must be none. A body that consists of one yielded number or boolean is that value. Raises `TemplateError` for what
    the place can't hold.
    """
    only = pieces[0] if place is Place.BODY and len(pieces) == 1 else None
    if isinstance(only, Yielded) and isinstance(only.value, int | float):
        return only.value
    text = _Text(is_template=is_template)
    for piece in pieces:
        if isinstance(piece, Expression):
            if place is Place.CREDENTIAL:
                raise TemplateError(said("template-in-credential"), piece.at)
            if place is Place.URL and _part_of_url(text.so_far()) == "host":
                raise TemplateError(said("template-in-host"), piece.at, rule="template-in-host")
            text.keep(piece)
        elif isinstance(piece, Yielded):
            text.add(_escaped(piece, place, text), is_yielded=True)
        else:
            text.add(piece, is_yielded=False)
        if text.size > _LONGEST[place]:
            raise TemplateError(said("template-too-long", most=_LONGEST[place]), rule="too-large")
    return text.end()


def _escaped(piece: Yielded, place: Place, before: "_Text") -> str:
    text = as_text(piece.value)
    if place in {Place.HEADER, Place.CREDENTIAL} and _has_control(text):
        raise TemplateError(said("template-control-in-header"), piece.by.at)
    if place is not Place.URL or not piece.by.path:  # a constant is written as it is meant
        return text
    part = _part_of_url(before.so_far())
    if part == "host":
        if piece.by.root != VARS:
            raise TemplateError(said("template-in-host"), piece.by.at, rule="template-in-host")
        return text
    return quote(text, safe="/" if part == "path" and piece.by.root == VARS else "")


def _has_control(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" and char != "\t" for char in text)


def _part_of_url(before: str) -> str:
    """The part of a URL that follows this beginning: the `host` with what is before it, the `path`, or the `query`."""
    rest = before.partition("//")[2] if "//" in before else before
    if "?" in rest or "#" in rest:
        return "query"
    return "path" if "/" in rest else "host"


class _Text:
    """A text that is put together."""

    def __init__(self, *, is_template: bool) -> None:
        self._is_template = is_template
        self._done: list[str] = []
        self._open: list[str] = []
        """What came since the last expression that is kept."""
        self._ends_with_dollar = self._is_yielded = False
        """About the last character: whether it is a `$`, and whether it was yielded."""
        self.size = 0

    def add(self, text: str, *, is_yielded: bool) -> None:
        if not text:
            return
        text = self._without_references(text, is_yielded=is_yielded)
        self._open.append(text)
        self._ends_with_dollar, self._is_yielded = text.endswith("$"), is_yielded
        self.size += len(text)

    def _without_references(self, text: str, *, is_yielded: bool) -> str:
        """The text with a further `$` in each `${` that was yielded, also in a part, so that it means itself."""
        if is_yielded and REFERENCE in text:
            text = text.replace(REFERENCE, f"${REFERENCE}")
        if not self._ends_with_dollar:
            return text
        if text.startswith("{") and (is_yielded or self._is_yielded):
            return f"${text}"
        if self._is_yielded and not is_yielded and text.startswith(REFERENCE):
            raise TemplateError(said("template-dollar-before-reference"))
        return text

    def keep(self, expression: Expression) -> None:
        self._done += [written("".join(self._open), before_expression=True), expression.source]
        self._open.clear()
        self._ends_with_dollar = self._is_yielded = False
        self.size += len(expression.source)

    def so_far(self) -> str:
        return "".join([*self._done, *self._open])

    def end(self) -> str:
        rest = "".join(self._open)
        return "".join([*self._done, written(rest)]) if self._is_template else rest
