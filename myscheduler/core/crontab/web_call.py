"""An HTTP call as a command line makes it, on its way into a manifest."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import isfinite
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from myscheduler.core.bounds import MOST_HEADERS
from myscheduler.core.header_values import FORM, SINGLE, is_json, media_type
from myscheduler.errors import MySchedulerError

TO_A_FILE = "the answer is not written to a file; the history keeps its first 4 KiB"
NO_FILES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "-"})
_OPTION = re.compile(r"([a-z0-9.-]{1,40})(=|$)")


class NotTakenOver(MySchedulerError):  # noqa: N818 - a finding about one line, not an error of the program
    """What a line does can't be said in a manifest."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a command is given to read: text, or the content of a file; neither where that is not known."""

    text: str | None
    file: str | None = None


ReferenceTo = Callable[[str], str]
"""What a manifest says instead of the content of a file."""


@dataclass(slots=True)
class WebCall:
    """What the options of a command add up to."""

    urls: list[str] = field(default_factory=list)
    method: str | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Headers that are written out, in their order."""
    others: dict[str, str] = field(default_factory=dict)
    """Headers that options stand for. Lines win over them."""
    removed: set[str] = field(default_factory=set)
    """Headers of options that are not to be sent, in small letters."""
    cookies: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    """Pieces of a body; nothing is sent where there are none."""
    has_file: bool = False
    """The content of a file is a piece of it."""
    needs_form: bool = False
    """A piece is encoded for a form only when it is sent."""
    is_head: bool = False
    """Only the head of the answer is asked for."""
    is_query: bool = False
    """The pieces belong to the URL."""
    query: list[str] = field(default_factory=list)
    login: str | None = None
    """`user:password`."""
    netrc: str | None = None
    """The file that holds the login."""
    timeout_sec: float | None = None
    max_retries: int | None = None
    retry_backoff_sec: float | None = None
    warnings: list[str] = field(default_factory=list)
    """What of it the manifest does not say."""
    files: set[str] = field(default_factory=set)
    """Where answers are written to."""

    def limit(self, seconds: float) -> None:
        """The shorter of two limits counts; 0 is none."""
        if seconds > 0:
            self.timeout_sec = min(seconds, self.timeout_sec or seconds)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def of_each_url(self) -> list["WebCall"]:
        """A call for each of the URLs."""
        return [replace(self, urls=[url]) for url in self.urls] if len(self.urls) > 1 else [self]

    def fields(self) -> dict[str, Any]:
        """The fields of a manifest. A login in the URL is taken out of it, into `login`. Raises `NotTakenOver`."""
        url = self._url()
        text = None if self.is_query or not self.data else self._joined()
        headers = self._headers(text)
        if self.method != (method := self.method and self.method.upper()):
            self.warn("the method is sent in capitals")
        found = {
            "target_url": url,
            "method": method or (None if text is None else "POST"),
            "headers": headers,
            "body": None if text is None else self._body(text, headers),
            "timeout_sec": self.timeout_sec,
            "max_retries": self.max_retries,
            "retry_backoff_sec": self.retry_backoff_sec,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _joined(self) -> str:
        return "&".join(self.data)

    def _url(self) -> str:
        if len(self.urls) != 1:
            raise NotTakenOver("names no URL")
        (url,) = self.urls
        if "://" not in url:
            url = f"http://{url}"
        query = self.query + ([self._joined()] if self.is_query and self.data else [])
        address, hash_sign, fragment = url.partition("#")
        for piece in filter(None, query):
            is_begun = address.endswith(("?", "&"))
            address += piece if is_begun else ("&" if "?" in address else "?") + piece
        try:
            parts = urlsplit(address)
        except ValueError:  # its message may repeat a login
            raise NotTakenOver("the URL can't be read") from None
        _check_form(parts.query)
        userinfo, at, host = parts.netloc.rpartition("@")
        if at:
            self.login = self.login or unquote(userinfo)
            address = urlunsplit(parts._replace(netloc=host))
        return address + hash_sign + fragment

    def _headers(self, body: str | None) -> dict[str, str | list[str]]:
        """All headers as a manifest has them; what stands in several lines is a list."""
        if len(self.lines) > MOST_HEADERS:
            raise NotTakenOver(f"has more than {MOST_HEADERS} headers")
        kept = [line for line in self.lines if not self._is_of_the_connection(*line, body)]
        names = {name.lower(): name for name, _ in reversed(kept)}
        headers = {names[key]: _values(names[key], kept) for key in dict.fromkeys(n.lower() for n, _ in kept)}
        others = dict(self.others)
        if self.cookies:
            others["Cookie"] = ";".join(self.cookies)
        if body is not None:
            if "content-type" in self.removed - names.keys():
                raise NotTakenOver("a body without a Content-Type can't be sent")
            others.setdefault("Content-Type", FORM)
        return headers | {
            name: value for name, value in others.items() if value and name.lower() not in self.removed | names.keys()
        }

    @staticmethod
    def _is_of_the_connection(name: str, value: str, body: str | None) -> bool:
        """What the service says itself, in the same way."""
        match name.lower():
            case "connection":
                return value.lower() in {"close", "keep-alive"}
            case "expect":
                return value.lower() == "100-continue"
            case "content-length":
                return value == str(len((body or "").encode("utf-8", "surrogatepass")))
            case _:
                return False

    def _body(self, text: str, headers: Mapping[str, str | list[str]]) -> Any:
        """JSON as a value where the header says so: then the service writes it the same way again."""
        content_type = next(str(value) for name, value in headers.items() if name.lower() == "content-type")
        is_form = media_type(content_type) == FORM
        if self.has_file and (is_json(content_type) or is_form):
            raise NotTakenOver("its body stands in a file (@): write it into the manifest")
        if self.needs_form and not is_form:
            raise NotTakenOver("its body is encoded as a form, though its Content-Type says otherwise")
        if is_form:
            _check_form(text)
        if not is_json(content_type):
            return text
        if not text:
            return None
        try:
            value = json.loads(
                text, parse_constant=_no_json, parse_float=_exact_number, object_pairs_hook=_object_of_pairs
            )
        except (ValueError, RecursionError):
            raise NotTakenOver("its body is not JSON, though its Content-Type says so") from None
        if value is None:
            raise NotTakenOver("its body is the JSON null, which sends nothing here")
        return value


def _values(name: str, lines: Sequence[tuple[str, str]]) -> str | list[str]:
    """The value of a header, or those of several lines."""
    values = [value for other, value in lines if other.lower() == name.lower()]
    if len(values) > 1 and name.lower() in _ONLY_ONCE | SINGLE:
        raise NotTakenOver(f"sends {name} {len(values)} times, which targets read differently")
    return values if len(values) > 1 else values[0]


def tell_of_ending(call: WebCall) -> None:
    """A secret is read without the last line break of its file, which a command would send."""
    if call.has_file:
        call.warn("a secret loses one line break at its end: where the file ends with one, the secret needs two")


_NO_VALUE = re.compile(r"(?:^|&)[^=&]*(?<!\$)\$\{secret:")


def _check_form(text: str) -> None:
    """A secret in a form is sent as one value, so it can't be a field, or several."""
    if _NO_VALUE.search(text):
        raise NotTakenOver(
            "fields of its form or query stand in a variable or a file, and a secret can only be the value of one: "
            "write them out, or give the variable with --set"
        )


def but_references(text: str, change: Callable[[str], str]) -> str:
    """The text with all but the references to secrets in it changed."""
    pieces = re.split(r"(?<!\$)(\$\{secret:[^}]*\})", text)
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))


_ONLY_ONCE = frozenset({
    "authorization", "content-encoding", "content-length", "content-type", "date", "host", "if-modified-since",
    "if-none-match", "origin", "proxy-authorization", "range", "referer", "user-agent",
})  # fmt: skip


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


def _exact_number(text: str) -> float:
    """The number, where a manifest can say it with all its digits."""
    number = float(text)
    if not isfinite(number) or Decimal(text) != Decimal(repr(number)):
        raise NotTakenOver("a number in its body has more digits than can be kept")
    return number


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotTakenOver("a key in its body stands twice, which a manifest can't say")
    return found


def seconds(text: str, option: str) -> float:
    """A number of seconds. Raises `NotTakenOver`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise NotTakenOver(f"{option} is no number of seconds")
    return int(number) if number.is_integer() else number


def unknown_option(name: str, program: str = "") -> NotTakenOver:
    """An option that is not known; what stands behind its name may be a credential."""
    found = _OPTION.match(name)
    shown = f"the option --{found[1]}{'=…' if found[2] else ''}" if found else "an option"
    return NotTakenOver(f"{shown}{program} is not known here")


def count(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotTakenOver(f"{option} is no whole number")
    return int(text)


def arguments(
    words: Sequence[str], *, short: dict[str, str], with_value: frozenset[str], equals: bool
) -> Iterator[tuple[str, str]]:
    """The options by their long names with their values, and the other arguments under the name ``.

    `short` names the long option of each letter, or of two that belong together; with `equals`, `--name=value` is one
    word. Raises `NotTakenOver`.
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from (("", other) for other in rest)
            return
        if word.startswith("--"):
            name, is_one, value = word[2:].partition("=") if equals else (word[2:], "", "")
            yield name, value if is_one else _value(rest, f"--{name}") if name in with_value else ""
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                length = 2 if letters[:2] in short else 1
                letter, letters = letters[:length], letters[length:]
                name = short.get(letter, "")
                if not name:
                    raise NotTakenOver(f"the option -{letter} is not known here")
                if name in with_value:
                    value, letters = letters or _value(rest, f"-{letter}"), ""
                    yield name, value
                else:
                    yield name, ""
        else:
            yield "", word


def _value(rest: list[str], option: str) -> str:
    if not rest:
        raise NotTakenOver(f"nothing stands behind {option}")
    return rest.pop(0)
