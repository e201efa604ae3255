"""Templates of sentences: an English text with named parameters, each with the kind that says how it is shown.

A parameter is `{name}` or `{name:kind}`; one that may be absent is `{name:kind?text}`, where `{}` in the text stands
for the value: `{reason:? ({})}`. A kind is one of `KINDS`, or a format of Python such as `,` or `.1f`.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from string import Formatter
from typing import Any

from myscheduler.messages.durations import span_words


def _time(value: datetime) -> str:
    text = value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")
    return f"{text[:-6]} {text[-6:]}"


KINDS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "": ("text", str),
    "said": ("message", str),
    "sentence": ("message", lambda text: text if text.endswith(".") else f"{text}."),
    "d": ("integer", lambda value: format(value, "d")),
    ",": ("integer", lambda value: format(value, ",")),
    "g": ("number", lambda value: format(value, "g")),
    "span": ("seconds", span_words),
    "time": ("timestamp", _time),
    "iso": ("timestamp", lambda value: value.isoformat()),
    "spaced": ("timestamp", lambda value: value.isoformat(" ")),
    "day": ("date", str),
    "weekday": ("date", lambda value: format(value, "%A")),
    "list": ("list of texts", ", ".join),
    "or": ("list of texts", " or ".join),
    "and": ("list of numbers", lambda values: " and ".join(map(str, values))),
    "sentences": ("list of messages", " ".join),
    "semicolons": ("list of messages", "; ".join),
    "odds": ("list of messages", " and ".join),
    "reason": ("text or message", str),
    "hint": ("message, or empty", str),
    "hidden": ("value, not in the English text", lambda _: ""),
    "word": ("text", str),
    "quoted": ("text", repr),
    "ascii": ("text", ascii),
}
"""By kind: what the parameter is, as docs/messages.md calls it, and how it becomes text."""
_PATTERNS = {
    "word": r"\S+",
    "d": r"-?\d+",
    ",": r"-?[\d,]+",
    "g": r"[-+.\de]+",
    "quoted": r"['\"].*?['\"]",
    "ascii": r"['\"].*?['\"]",
}
_READ: Mapping[str, Callable[[str], Any]] = {
    "d": int,
    ",": lambda text: int(text.replace(",", "")),
    "g": lambda text: float(text) if float(text) % 1 else int(float(text)),
    "list": lambda text: text.split(", "),
    "and": lambda text: [int(one) if one.isdigit() else one for one in text.split(" and ")],
    "quoted": literal_eval,
    "ascii": literal_eval,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of fixed text, and the parameter after it."""

    literal: str
    name: str | None
    kind: str = ""
    around: str | None = None
    """For a parameter that may be absent: the text that it appears in."""

    def shown(self, value: Any) -> str:
        if value is None and self.around is not None:
            return ""
        text = KINDS[self.kind][1](value) if self.kind in KINDS else format(value, self.kind)
        return text if self.around is None else self.around.replace("{}", text)

    @property
    def meaning(self) -> str:
        """What the parameter is, for the catalogue."""
        what = KINDS[self.kind][0] if self.kind in KINDS else "timestamp" if "%Y" in self.kind else "number"
        return what + ("" if self.around is None else ", or null")


@lru_cache(maxsize=2_048)
def parsed(template: str) -> tuple[Part, ...]:
    """The template's parts, in order."""
    return tuple(_part(literal, name, spec) for literal, name, spec, _ in Formatter().parse(template))


def _part(literal: str, name: str | None, spec: str | None) -> Part:
    if not name:
        return Part(literal, None)
    kind, mark, around = (spec or "").partition("?")
    return Part(literal, name, kind, around if mark else None)


def parameters(template: str) -> dict[str, str]:
    """By the name of each parameter, what it is."""
    return {part.name: part.meaning for part in parsed(template) if part.name is not None}


def rendered(template: str, params: Mapping[str, Any]) -> str:
    return "".join(
        part.literal if part.name is None else part.literal + part.shown(params[part.name]) for part in parsed(template)
    )


def read(template: str, text: str) -> dict[str, Any] | None:
    """The parameters from which the template gives this text; `None` if it can't."""
    found = _expression(template).fullmatch(text)
    if found is None:
        return None
    kinds = {part.name: part.kind for part in parsed(template)}
    return {
        name: None if value is None else _READ.get(kinds[name], str)(value) for name, value in found.groupdict().items()
    }


@lru_cache(maxsize=512)
def _expression(template: str) -> re.Pattern[str]:
    return re.compile("".join(map(_pattern, parsed(template))), re.DOTALL)


def _pattern(part: Part) -> str:
    before = re.escape(part.literal)
    if part.name is None:
        return before
    value = f"(?P<{part.name}>{_PATTERNS.get(part.kind, '.+?')})"
    if part.around is None:
        return before + value
    start, _, end = part.around.partition("{}")
    return f"{before}(?:{re.escape(start)}{value}{re.escape(end)})?"


def as_json(value: Any) -> Any:
    """A parameter as JSON: times as RFC 3339, lengths of time in seconds."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple() | frozenset():
            return [as_json(one) for one in value]
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)
