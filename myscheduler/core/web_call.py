"""An HTTP call as a command line makes it, on its way into a manifest."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from myscheduler.core.header_values import FORM, is_json
from myscheduler.errors import MySchedulerError

TO_A_FILE = "the answer is not written to a file; the history keeps its first 4 KiB"
NO_FILES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "-"})
_OPTION = re.compile(r"([a-z0-9.-]{1,40})(=|$)")


class NotTakenOver(MySchedulerError):  # noqa: N818 - a finding about one line, not an error of the program
    """What a line does can't be said in a manifest."""


@dataclass(slots=True)
class WebCall:
    """What the options of a command add up to."""

    urls: list[str] = field(default_factory=list)
    method: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    """Pieces of a body; nothing is sent where there are none."""
    is_query: bool = False
    """The pieces belong to the URL."""
    query: list[str] = field(default_factory=list)
    login: str | None = None
    """`user:password`."""
    timeout_sec: float | None = None
    max_retries: int | None = None
    retry_backoff_sec: float | None = None
    warnings: list[str] = field(default_factory=list)
    """What of it the manifest does not say."""

    def set_header(self, name: str, value: str) -> None:
        """The later one counts, in whatever case its name is written."""
        self.headers = {key: text for key, text in self.headers.items() if key.lower() != name.lower()}
        self.headers[name] = value

    def set_default(self, name: str, value: str) -> None:
        if name.lower() not in {key.lower() for key in self.headers}:
            self.headers[name] = value

    def limit(self, seconds: float) -> None:
        """The shorter of two limits counts; 0 is none."""
        if seconds > 0:
            self.timeout_sec = min(seconds, self.timeout_sec or seconds)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def fields(self) -> dict[str, Any]:
        """The fields of a manifest. A login in the URL is taken out of it, into `login`. Raises `NotTakenOver`."""
        url = self._url()
        has_body = bool(self.data) and not self.is_query
        if has_body:
            self.set_default("Content-Type", FORM)
        found = {
            "target_url": url,
            "method": self.method or ("POST" if has_body else None),
            "headers": self.headers,
            "body": self._body() if has_body else None,
            "timeout_sec": self.timeout_sec,
            "max_retries": self.max_retries,
            "retry_backoff_sec": self.retry_backoff_sec,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _url(self) -> str:
        if len(self.urls) != 1:
            what = f"calls {len(self.urls)} URLs: one job makes one call" if self.urls else "names no URL"
            raise NotTakenOver(what)
        (url,) = self.urls
        if "://" not in url:
            url = f"http://{url}"
        query = self.query + (self.data if self.is_query else [])
        address, hash_sign, fragment = url.partition("#")
        for piece in query:
            address += ("&" if "?" in address else "?") + piece
        try:
            parts = urlsplit(address)
        except ValueError:  # its message may repeat a login
            raise NotTakenOver("the URL can't be read") from None
        userinfo, at, host = parts.netloc.rpartition("@")
        if at:
            self.login = self.login or unquote(userinfo)
            address = urlunsplit(parts._replace(netloc=host))
        return address + hash_sign + fragment

    def _body(self) -> Any:
        """JSON as a value where the header says so: then the service writes it the same way again."""
        text = "&".join(self.data)
        content_type = next(value for name, value in self.headers.items() if name.lower() == "content-type")
        if not is_json(content_type):
            return text
        try:
            value = json.loads(text, parse_constant=_no_json)
        except (ValueError, RecursionError):
            raise NotTakenOver("its body is not JSON, though its Content-Type says so") from None
        if value is None:
            raise NotTakenOver("its body is the JSON null, which sends nothing here")
        return value


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


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

    `short` names the long option of each letter; with `equals`, `--name=value` is one word. Raises `NotTakenOver`.
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
                letter, letters = letters[0], letters[1:]
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
