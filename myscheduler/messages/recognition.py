"""Finds the code and parameters of texts that were stored without them: why a call failed, in rows of the history.

Rows keep the English text alone. It was rendered from a template, so the template reads it back.
"""

from contextlib import suppress
from functools import lru_cache
from typing import Any

from myscheduler.messages.catalogue import MESSAGES, OTHER
from myscheduler.messages.message import Message
from myscheduler.messages.template import parsed, read
from myscheduler.messages.texts.calls import CALLS
from myscheduler.messages.texts.templates import AT_RUN_TIME

_LISTS = {"semicolons": ("; ", ("secret-", "host-unclear", "header-host-")), "odds": (" and ", ("odd-",))}
"""By the kind of a list of messages: the text between them, and how the codes of those in it begin."""
_MOST_LISTED = 12


def _literals(template: str) -> list[str]:
    """The fixed texts of a template, without those that may be absent."""
    return [part.literal for part in parsed(template)]


_HINTS = [(code, _literals(text)[0], max(_literals(text), key=len)) for code, text in (CALLS | AT_RUN_TIME).items()]
"""What a text has to begin with, and to contain, to fit a template: quicker than to try each of them."""


@lru_cache(maxsize=4_096)
def recognised(text: str) -> Message:
    """The text with its code and parameters; with the code `other` if it is none of the catalogue's."""
    return text if isinstance(text, Message) else _found(text) or Message(text, OTHER, {})


def _found(text: str, prefixes: tuple[str, ...] = ("",)) -> Message | None:
    for code, start, longest in _HINTS:
        if not (text.startswith(start) and longest in text and code.startswith(prefixes)):
            continue
        if (params := read(MESSAGES[code], text)) is not None:
            kinds = {part.name: part.kind for part in parsed(MESSAGES[code])}
            with suppress(LookupError):
                return Message(text, code, {name: _nested(value, kinds[name]) for name, value in params.items()})
    return None


def _nested(value: Any, kind: str) -> Any:
    """A parameter; if it is a message or a list of messages, with their codes. Raises `LookupError` if it is none."""
    if value is None:
        return None
    if kind in _LISTS:
        between, prefixes = _LISTS[kind]
        return _listed(value.split(between), between, prefixes)
    if kind not in {"said", "reason"}:
        return value
    found = _found(value)
    if found is None and kind == "said":
        raise LookupError(value)
    return found or value


def _listed(pieces: list[str], between: str, prefixes: tuple[str, ...]) -> list[Message]:
    """The messages of a list; one may contain the text between them itself. Raises `LookupError` if one is none."""
    for count in range(1, len(pieces) + 1) if len(pieces) <= _MOST_LISTED else ():
        first = _found(between.join(pieces[:count]), prefixes)
        if first is not None and count == len(pieces):
            return [first]
        if first is not None:
            with suppress(LookupError):
                return [first, *_listed(pieces[count:], between, prefixes)]
    raise LookupError(pieces)
