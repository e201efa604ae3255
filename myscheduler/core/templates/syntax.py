"""Parses texts with `{{ expressions }}`.

The syntax is a part of Jinja's: a name with attributes and items, or a constant, and filters after `|` whose arguments
are constants. Nothing nests, so that a text is read once from left to right, and each fault has its column.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from myscheduler.core.bounds import LONGEST_EXPRESSION, MOST_EXPRESSIONS, MOST_FILTERS
from myscheduler.core.caching import cached
from myscheduler.core.findings.problem import shown
from myscheduler.core.templates.faults import TemplateError
from myscheduler.messages.message import said

OPEN, CLOSE = "{{", "}}"
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
        (?P<name>[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<number>-?[0-9]{1,15}(?![0-9A-Za-z_.]))
      | (?P<text>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
      | (?P<close>\}\})
      | (?P<mark>[.\[\]|(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_SPACES = re.compile(r"[ \t\r\n]*+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Constant = str | int


@dataclass(frozen=True, slots=True)
class FilterCall:
    """A filter with its arguments, which are constants."""

    name: str
    arguments: tuple[Constant, ...]
    at: int
    """The index of its name in the text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What is between `{{` and `}}`."""

    path: tuple[str, ...]
    """A name with its attributes and items: `("job", "labels", "team")`; empty for a constant."""
    constant: Constant | None
    filters: tuple[FilterCall, ...]
    source: str
    """As it is written, with its braces."""
    at: int
    """The index in the text of the name, or of the constant."""

    @property
    def root(self) -> str:
        return self.path[0] if self.path else ""


Part = str | Expression


def has_template(text: str) -> bool:
    """Whether the text contains an expression, or what is meant to be one."""
    return OPEN in text


def parse(text: str) -> tuple[Part, ...]:
    """The literal pieces and the expressions of a text, in order. Raises `TemplateError` for the first fault."""
    return _parsed(text) if OPEN in text else (text,)


@cached(2_048)
def _parsed(text: str) -> tuple[Part, ...]:
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[Part]:
    index = count = 0
    while (start := text.find(OPEN, index)) >= 0:
        if start > index:
            yield text[index:start]
        expression, index = _Reading(text, start).expression()
        yield expression
        count += 1
        if count > MOST_EXPRESSIONS:
            raise TemplateError(said("too-many-templates", most=MOST_EXPRESSIONS), rule="too-large")
    if index < len(text):
        yield text[index:]


class _Reading:
    """Reads one expression, token by token."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        self._end = min(len(text), start + LONGEST_EXPRESSION)
        self._index = start + len(OPEN)
        self.kind = self.token = ""
        self.at = self._index
        self._next()

    def expression(self) -> tuple[Expression, int]:
        """The expression, and the index after it."""
        at = self.at
        path: tuple[str, ...] = ()
        constant: Constant | None = None
        if self.kind == "name":
            path = self._path()
        elif self.kind in {"text", "number"}:
            constant = self._constant()
        else:
            raise self._fault()
        filters = []
        while self._takes("|"):
            filters.append(self._filter())
            if len(filters) > MOST_FILTERS:
                raise TemplateError(said("template-too-many-filters", most=MOST_FILTERS), filters[-1].at)
        if self.kind != "close":
            raise self._fault()
        source = self._text[self._start : self._index]
        return Expression(path, constant, tuple(filters), source, at), self._index

    def _path(self) -> tuple[str, ...]:
        path = [self._take("name")]
        while self.token in {".", "["} and self.kind == "mark":
            if self._takes("."):
                path.append(self._take("name"))
            elif self._takes("["):
                path.append(str(self._take("text")))
                self._expect("]")
        return tuple(path)

    def _filter(self) -> FilterCall:
        at, name = self.at, self._take("name")
        arguments: list[Constant] = []
        if self._takes("(") and not self._takes(")"):
            arguments.append(self._constant())
            while self._takes(","):
                arguments.append(self._constant())
            self._expect(")")
        return FilterCall(name, tuple(arguments), at)

    def _constant(self) -> Constant:
        if self.kind == "number":
            return int(self._take("number"))
        return self._take("text")

    def _take(self, kind: str) -> str:
        """The present token, which has to be of that kind; text without its quotes."""
        if self.kind != kind:
            raise self._fault()
        token = _unquoted(self.token, self.at) if kind == "text" else self.token
        self._next()
        return token

    def _takes(self, mark: str) -> bool:
        if self.kind != "mark" or self.token != mark:
            return False
        self._next()
        return True

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise self._fault()

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._index, self._end)
        if found is None:
            spaces = _SPACES.match(self._text, self._index, self._end)
            self.at = spaces.end() if spaces else self._index
            self.kind = self.token = ""
            return
        self.kind = found.lastgroup or ""
        self.token = found[self.kind]
        self.at, self._index = found.start(self.kind), found.end()

    def _fault(self) -> TemplateError:
        if self.kind == "close":
            is_empty = not self._text[self._start + len(OPEN) : self.at].strip()
            code = "template-empty" if is_empty else "template-incomplete"
            return TemplateError(said(code), self._start if is_empty else self.at)
        if self.at >= self._end:
            return TemplateError(said("template-not-closed", most=LONGEST_EXPRESSION), self._start)
        return TemplateError(said("template-syntax", found=shown(self.token or self._text[self.at])), self.at)


def _unquoted(token: str, at: int) -> str:
    text = token[1:-1]
    if "\\" not in text:
        return text
    wrong = next((one for one in _ESCAPE.finditer(text) if one[1] not in "\\'\""), None)
    if wrong is not None:
        raise TemplateError(said("template-escape", found=shown(wrong[0])), at + 1 + wrong.start())
    return _ESCAPE.sub(r"\1", text)


def written(text: str, *, before_expression: bool = False) -> str:
    """A template that yields this text: each `{{` is written as a constant."""
    found = text.replace(OPEN, "{{ '{{' }}") if OPEN in text else text
    if before_expression and found.endswith("{"):
        return found[:-1] + "{{ '{' }}"
    return found
