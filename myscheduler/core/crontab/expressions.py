"""Expressions of templates in texts that are still being read, such as the date that a shell computes at each run.

Until the fields of the job are complete, a text has a marker of private-use characters in place of the expression, so
that nothing on the way encodes, escapes or masks it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.markers import MARKED, has_expression, marker
from myscheduler.core.findings.problem import Loc
from myscheduler.core.templates.places import FIELDS, Place, each_text
from myscheduler.core.templates.syntax import written

_PIECE = re.compile(r"%-?.|[^%]+", re.DOTALL)
_IN_URLS = {"%T": "%H:%M:%S", "%R": "%H:%M"}
"""Formats with characters that the URL has as they are, while what an expression yields is percent-encoded."""
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a date command prints it."""

    pattern: str | None
    """The format; `None` is ISO 8601 to the second."""
    zone: str | None = None
    """The zone that is not the job's."""
    filters: tuple[str, ...] = ()
    """What moves it, as in a template: `sub('P1D')`."""
    notes: tuple[str, ...] = ()
    """What the expression does not keep of the command."""

    def written(self, pattern: str | None, more: str = "") -> str:
        zone = (f"zone({_quoted(self.zone)})",) if self.zone else ()
        last = "iso" if pattern is None else "unix" if more == "unix" else f"date({_quoted(pattern)})"
        encoded = ("urlencode",) if more == "urlencode" else ()
        return "{{ " + " | ".join(("scheduled_at", *zone, *self.filters, last, *encoded)) + " }}"

    @property
    def has_space(self) -> bool:
        """Whether white space may be in what it prints."""
        return self.pattern is not None and ("%e" in self.pattern or re.search(r"\s", self.pattern) is not None)

    @property
    def is_plain(self) -> bool:
        """Whether a shell reads what it prints as a part of one word, also outside quotes."""
        return not self.has_space and re.fullmatch(r"[\w.:/+,=@%-]*", self.pattern or "") is not None


@dataclass(slots=True)
class Expressions:
    """The expressions that the markers of an import stand for."""

    known: list[Moment | str] = field(default_factory=list)
    """Each as a time, or as it is written between braces."""
    numbers: dict[Moment | str, int] = field(default_factory=dict)
    """Their places in `known`."""

    def marker(self, expression: Moment | str) -> str:
        if expression not in self.numbers:
            self.numbers[expression] = len(self.known)
            self.known.append(expression)
        return marker(self.numbers[expression])

    def moments_in(self, text: str) -> Iterator[tuple[str, Moment]]:
        """The markers of times in a text, each with its time."""
        for found in MARKED.finditer(text):
            if isinstance(one := self.known[int(found[1])], Moment):
                yield found[0], one

    def notes_in(self, value: Any) -> tuple[str, ...]:
        """What the expressions in the value do not keep."""
        moments = (moment for text in texts_in(value) for _, moment in self.moments_in(text))
        return tuple(dict.fromkeys(note for moment in moments for note in moment.notes))

    def in_templates(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with expressions in place of markers, in which every other `{{` means itself."""
        found = dict(fields)
        for name, place in FIELDS.items():
            if name in found:
                found[name] = each_text(found[name], partial(self._template, place), ())
        for name, value in found.items():
            if any(map(has_expression, texts_in(value))):
                raise NotTakenOver(f"a part of {name} is computed at each run, which a manifest can't do there")
        return found

    def _template(self, place: Place, text: str, _: Loc) -> str:
        pieces = MARKED.split(text)
        parts = []
        for start in range(0, len(pieces) - 1, 3):
            literal, number, flag = pieces[start : start + 3]
            parts += [written(literal, before_expression=True), self._expression(int(number), flag, place)]
        return "".join([*parts, written(pieces[-1])])

    def _expression(self, number: int, flag: str, place: Place) -> str:
        one = self.known[number]
        if isinstance(one, str):
            return "{{ " + one + " }}"
        if flag == "n":
            if one.pattern != "%s":
                raise NotTakenOver("a date stands where its JSON body has a number")
            return one.written("%s", "unix")
        if flag:
            how = "" if place is Place.URL else "urlencode"  # a URL encodes what an expression yields
            return "+".join(one.written(part, how) for part in _without_blanks(one.pattern))
        return "".join(_in_url(one)) if place is Place.URL else one.written(one.pattern)


def _without_blanks(pattern: str | None) -> list[str | None]:
    """The pieces of a format between its blanks, which forms have as `+`."""
    return [None] if pattern is None else [*pattern.split(" ")]


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from (key, *texts_in(part))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_in(part)


def _in_url(moment: Moment) -> Iterator[str]:
    """The time as a part of a URL, in which the characters between its fields are not encoded."""
    if moment.pattern is None:
        raise NotTakenOver("a date with an offset (+09:00) is in its URL, where a + means a space")
    open_pattern = ""
    for piece in _PIECE.findall(re.sub("%[TR]", lambda found: _IN_URLS[found[0]], moment.pattern)):
        if piece[0] == "%" or _UNRESERVED.fullmatch(piece):
            open_pattern += piece
            continue
        if open_pattern:
            yield moment.written(open_pattern)
        yield written(piece)
        open_pattern = ""
    if open_pattern:
        yield moment.written(open_pattern) if "%" in open_pattern else open_pattern


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
