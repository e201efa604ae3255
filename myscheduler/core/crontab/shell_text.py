"""Expands shell words to text.

What has no value here is written into the text as a marker of private-use characters: the name of a secret, or code
that the shell would evaluate. `as_manifest_text` turns markers of secrets into references, and refuses code.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from myscheduler.core.crontab.shell import CLOSING, BashText, Computed, Content, Part, ShellError, Variable, Word

_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the name of a secret. Unlike a `$`, they are plain text when a shell line is parsed again (`sh -c`)."""
_BEGIN, _END = "\ue002", "\ue003"
"""Around shell code, in hexadecimal digits."""
_MARKED = re.compile(f"{_OPEN}([A-Za-z0-9_.-]+){_CLOSE}")
_COMPUTED = re.compile(f"{_BEGIN}([0-9a-f]+)(?:-([0-9a-f]+))?{_END}")
_ANY = re.compile("[\ue000-\ue003]")
_BLANKS = re.compile(r"[ \t\n]+")


@dataclass(frozen=True, slots=True)
class Values:
    """Looks up the values of variables (by name), of files (by path), and of shell code."""

    of_variable: Callable[[str], str]
    of_file: Callable[[str], str]
    of_code: Callable[[str], str]
    unquoted: Callable[[str], str]
    """A value outside quotes, where the shell splits it at white space."""


def expand(word: Word, values: Values) -> str:
    """The word as text, with variables replaced by their values."""
    return "".join(_text(part, values) for part in word)


def fields(word: Word, values: Values) -> list[str]:
    """The words that the shell makes of a word, as it splits unquoted values at white space: none, one or several."""
    found: list[str] = []
    is_open = False
    for part in word:
        text = _text(part, values)
        if isinstance(part, Variable | Computed) and not part.is_quoted:
            text = values.unquoted(text)
        is_split = isinstance(part, Variable) and not part.is_quoted
        for number, piece in enumerate(_BLANKS.split(text) if is_split else [text]):
            is_open = is_open and not number
            if is_split and not piece:
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
        case Computed(code, _):
            return values.of_code(code)


def code_marked(code: str, reason: str = "") -> str:
    """The marker of shell code, with the reason why a manifest can't have it."""
    parts = [code, reason] if reason else [code]
    return f"{_BEGIN}{'-'.join(part.encode('utf-8', 'surrogatepass').hex() for part in parts)}{_END}"


def marked(secret: str) -> str:
    """The marker of a secret, which `as_manifest_text` turns into a reference."""
    return f"{_OPEN}{secret}{_CLOSE}"


def is_marked(text: str) -> bool:
    """Whether the text is the marker of a secret and nothing else."""
    return _MARKED.fullmatch(text) is not None


def has_marker(text: str) -> bool:
    """Whether the text has a marker of a secret or of shell code."""
    return _ANY.search(text) is not None


def computed(text: str) -> list[str]:
    """The pieces of shell code in a text."""
    return [_decoded(found[1]) for found in _COMPUTED.finditer(text)]


def _decoded(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "surrogatepass")


def as_manifest_text(text: str) -> str:
    """The text for a manifest: markers become references to secrets, and what only looks like a reference is escaped.

    Raises `ShellError` where the text has shell code, whose content is not repeated: it may be a login.
    """
    if found := _COMPUTED.search(text):
        reason = _decoded(found[2]) if found[2] else "a manifest can't do that"
        raise ShellError(f"{shown(_decoded(found[1]))} is computed by the shell at each run: {reason}")
    return _MARKED.sub(r"${secret:\1}", text.replace("${", "$${"))


def shown(code: str) -> str:
    """Shell code for a message, without its content."""
    if code[0] == "`":
        return "`…`"
    return f"{code[:2]}…{CLOSING[code[1]]}" if code[1] in CLOSING else code
