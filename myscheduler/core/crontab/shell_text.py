"""Words of the shell as text: with the values of variables, and with marks for what stands in place of a value."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from myscheduler.core.crontab.shell import CLOSING, BashText, Computed, Content, Part, ShellError, Variable, Word

_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the name of a secret; unlike a `$` they are text to a shell that reads it again."""
_BEGIN, _END = "\ue002", "\ue003"
"""Around what is computed, in hexadecimal digits."""
_MARKED = re.compile(f"{_OPEN}([A-Za-z0-9_.-]+){_CLOSE}")
_COMPUTED = re.compile(f"{_BEGIN}([0-9a-f]+){_END}")
_BLANKS = re.compile(r"[ \t\n]+")


@dataclass(frozen=True, slots=True)
class Values:
    """What stands in the places of the parts of words."""

    of_variable: Callable[[str], str]
    of_file: Callable[[str], str]


def expand(word: Word, values: Values) -> str:
    """The word as text, with the value of each variable in its place."""
    return "".join(_text(part, values) for part in word)


def fields(word: Word, values: Values) -> list[str]:
    """The same where the shell parts a value that is not quoted at its white space: none, one or several words."""
    found: list[str] = []
    is_open = False
    for part in word:
        text = _text(part, values)
        is_parted = isinstance(part, Variable) and not part.is_quoted
        for number, piece in enumerate(_BLANKS.split(text) if is_parted else [text]):
            is_open = is_open and not number
            if is_parted and not piece:
                continue
            if is_open:
                found[-1] += piece
            else:
                found.append(piece)
            is_open = True
    return found


def _text(part: Part, values: Values) -> str:
    match part:
        case str():
            return part
        case Variable(name):
            return values.of_variable(name)
        case Content(path):
            return values.of_file(path)
        case BashText(text):
            return text
        case Computed(code):
            return f"{_BEGIN}{code.encode('utf-8', 'surrogatepass').hex()}{_END}"


def marked(secret: str) -> str:
    """What stands for a secret in the value of a variable, until `as_manifest_text` makes it a reference."""
    return f"{_OPEN}{secret}{_CLOSE}"


def is_marked(text: str) -> bool:
    """The text is that of a secret and nothing else."""
    return _MARKED.fullmatch(text) is not None


def computed(text: str) -> list[str]:
    """The codes of what the shell computes in a text."""
    return [bytes.fromhex(found[1]).decode("utf-8", "surrogatepass") for found in _COMPUTED.finditer(text)]


def as_manifest_text(text: str) -> str:
    """The text for a manifest: marks are references to secrets, and what only looks like a reference is escaped.

    Raises `ShellError` where a part of it is computed. What stands inside may be a login, so it is not repeated.
    """
    for code in computed(text):
        raise ShellError(f"{shown(code)} is computed by the shell at each run: a manifest can't do that")
    return _MARKED.sub(r"${secret:\1}", text.replace("${", "$${"))


def shown(code: str) -> str:
    """What is computed, without what stands inside."""
    if code[0] == "`":
        return "`…`"
    return f"{code[:2]}…{CLOSING[code[1]]}" if code[1] in CLOSING else code
