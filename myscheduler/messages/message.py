"""Sentences with a code and parameters, so that others can say them in another language."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.messages.catalogue import MESSAGES, OTHER
from myscheduler.messages.template import as_json, rendered

LONGEST_PARAMETER = 500
"""The most characters of a text among the parameters; longer ones end with …."""


class Coded(TypedDict):
    """A sentence: a code of docs/messages.md, its parameters, and the English text. A parameter may be another one."""

    code: str
    params: dict[str, Any]
    text: str


class Message(str):
    """An English text that knows the code and the parameters that it is rendered from."""

    __slots__ = ("code", "params")

    code: str
    params: Mapping[str, Any]

    def __new__(cls, text: str, code: str, params: Mapping[str, Any]) -> Self:
        self = super().__new__(cls, text)
        self.code = code
        self.params = params
        return self

    def __str__(self) -> str:
        """Itself, so that the text of an exception that is raised with a message is still this message."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (str.__str__(self), self.code, self.params)


def said(code: str, /, **params: Any) -> Message:
    """The sentence with this code of the catalogue."""
    return Message(rendered(MESSAGES[code], params), code, params)


def all_of(texts: Sequence[str]) -> str:
    """The only text, or all of them as one."""
    return texts[0] if len(texts) == 1 else said("several", causes=texts)


def coded(text: str) -> Coded:
    """The text with its code; of a text that is none of the catalogue's, with the code `other`."""
    plain = str.__str__(text)
    if not isinstance(text, Message):
        return {"code": OTHER, "params": {}, "text": plain}
    return {"code": text.code, "params": {name: _value(one) for name, one in text.params.items()}, "text": plain}


def coded_or_none(text: str | None) -> Coded | None:
    return None if text is None else coded(text)


def all_coded(texts: Iterable[str]) -> list[Coded]:
    return [coded(text) for text in texts]


def _value(value: Any) -> Any:
    if isinstance(value, Message):
        return coded(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(one) for one in value]
    found = as_json(value)
    if isinstance(found, str) and len(found) > LONGEST_PARAMETER:
        return f"{found[: LONGEST_PARAMETER - 1]}…"
    return found
