"""The HTTP call of a curl or wget command line, and its conversion to the fields of a manifest."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import isfinite
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from myscheduler.core.bounds import MOST_HEADERS
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.markers import MARKED, RESERVED_IN_JSON, numbers_quoted
from myscheduler.core.crontab.reaching import Reaching
from myscheduler.core.crontab.secret_names import Logins
from myscheduler.core.header_values import FORM, SINGLE, is_json, media_type

TO_A_FILE = "the answer is not written to a file; the history keeps its first 4 KiB"
NO_FILES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "-"})
_OPTION = re.compile(r"([a-z0-9.-]{1,40})(=|$)")


@dataclass(frozen=True, slots=True)
class Input:
    """The standard input of a command: text, or the content of a file; neither where it is not known."""

    text: str | None
    file: str | None = None


ReferenceTo = Callable[[str], str]
"""Maps the path of a file to the reference that replaces its content in a manifest."""


@dataclass(slots=True)
class WebCall:
    """The call that the options of a command describe; `fields` converts it to a manifest."""

    urls: list[str] = field(default_factory=list)
    method: str | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Headers that the command line gives (`-H`), as name and value, in their order."""
    others: dict[str, str] = field(default_factory=dict)
    """Headers that other options imply, such as `--user-agent`; `lines` take precedence."""
    removed: set[str] = field(default_factory=set)
    """Lower-case names of headers that must not be sent, though options imply them."""
    cookies: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    """The pieces of the body, joined with `&`; without any, there is no body."""
    has_file: bool = False
    """A piece of the body is the content of a file."""
    needs_form: bool = False
    """A piece is the content of a file that is to be percent-encoded: only the body of a form allows that."""
    is_head: bool = False
    """Only the headers of the response are requested (`-I`)."""
    is_query: bool = False
    """The pieces in `data` go to the query of the URL, not to the body (`-G`)."""
    query: list[str] = field(default_factory=list)
    """Pieces that are added to the query of the URL."""
    login: str | None = None
    """`user:password`."""
    netrc: str | None = None
    """The path of the .netrc file that has the login."""
    signed_for: tuple[str, str] | None = None
    """The service and the region of AWS that the request is signed for, with the login as the access key."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """The parts of a multipart form, which is sent in place of `data`."""
    reaching: Reaching = field(default_factory=Reaching)
    fails_by_status: bool = False
    """Whether the program fails at a status that is an error."""
    timeout_sec: float | None = None
    max_retries: int | None = None
    retry_backoff_sec: float | None = None
    retry: dict[str, Any] = field(default_factory=dict)
    """The rest of the retry policy, which counts only with `max_retries`."""
    warnings: list[str] = field(default_factory=list)
    """What the manifest does not keep of the command."""
    files: set[str] = field(default_factory=set)
    """Files that the command writes the response to."""

    @property
    def logins(self) -> Logins:
        return Logins(self.login, self.netrc, self.reaching.proxy_login)

    def limit(self, seconds: float) -> None:
        """Set a time limit, unless a shorter one is set already; 0 is no limit."""
        if seconds > 0:
            self.timeout_sec = min(seconds, self.timeout_sec or seconds)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def of_each_url(self) -> list["WebCall"]:
        """One call for each URL."""
        if len(self.urls) < 2:
            return [self]
        return [replace(self, urls=[url], reaching=replace(self.reaching, warnings=[])) for url in self.urls]

    def fields(self) -> dict[str, Any]:
        """The fields of a manifest. Moves a login in the URL to `login`. Raises `NotTakenOver`."""
        url = self._url()
        text = None if self.is_query or not self.data else self._joined()
        headers = self._headers(text)
        if self.method != (method := self.method and self.method.upper()):
            self.warn("the method is sent in capitals")
        if self.parts and text is not None:
            raise NotTakenOver("sends a form (-F) and other data (-d), which curl refuses")
        reaching = self.reaching.fields(url, self.timeout_sec)
        for warning in self.reaching.warnings:
            self.warn(warning)
        found = {
            "target_url": url,
            "method": method or ("POST" if self.parts or text is not None else None),
            "headers": headers,
            "body": None if text is None else self._body(text, headers),
            "timeout_sec": self.timeout_sec,
            "max_retries": self.max_retries,
            "retry_backoff_sec": self.retry_backoff_sec,
            "retry": (self.retry if self.max_retries else None) or None,
            "multipart": self.parts or None,
            "auth": self._signature(headers, url),
        } | reaching
        return {name: value for name, value in found.items() if value is not None}

    def _signature(self, headers: dict[str, str | list[str]], url: str) -> dict[str, Any] | None:
        """The field `auth` of a signed request; takes the login, and the header of temporary credentials."""
        if self.signed_for is None:
            return None
        user, colon, password = (self.login or "").partition(":")
        if not (colon and user and password):
            raise NotTakenOver("is signed, but has no access key as USER:PASSWORD (-u)")
        host = (urlsplit(url).hostname or "").split(".")
        service, region = (given or part for given, part in zip(self.signed_for, [*host, "", ""], strict=False))
        if not (service and region) or ("" in self.signed_for and host[-2:] != ["amazonaws", "com"]):
            raise NotTakenOver("is signed, but names neither region nor service: --aws-sigv4 aws:amz:REGION:SERVICE")
        self.login = None
        name = next((one for one in headers if one.lower() == "x-amz-security-token"), None)
        token = {} if name is None else {"session_token": headers.pop(name)}
        keys = {"access_key_id": user, "secret_access_key": password}
        return {"aws_sigv4": {"service": service, "region": region} | keys | token}

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
        """All headers as in a manifest: a header that appears several times has a list of values."""
        if len(self.lines) > MOST_HEADERS:
            raise NotTakenOver(f"has more than {MOST_HEADERS} headers")
        kept = [line for line in self.lines if not self._is_of_the_connection(*line, body)]
        if self.parts:
            kept = [line for line in kept if not _is_type_of_parts(*line)]
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
        """Whether the service sends the same header by itself."""
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
        """The body: where the Content-Type is JSON, the parsed value, which the service serialises again."""
        content_type = next(str(value) for name, value in headers.items() if name.lower() == "content-type")
        is_form = media_type(content_type) == FORM
        if self.has_file and (is_json(content_type) or is_form):
            raise NotTakenOver("its body is in a file (@): write it into the manifest")
        if self.needs_form and not is_form:
            raise NotTakenOver("its body is encoded as a form, though its Content-Type says otherwise")
        if is_form:
            _check_form(text)
        if not is_json(content_type):
            return text
        if not text:
            return None
        try:
            value = _parsed(text)
        except (ValueError, RecursionError):
            raise NotTakenOver("its body is not JSON, though its Content-Type says so") from None
        if value is None:
            raise NotTakenOver("its body is the JSON null, which sends nothing here")
        return value


def _parsed(text: str) -> Any:
    """The value of a JSON text, in which expressions may also stand for numbers."""
    if RESERVED_IN_JSON.search(text):
        raise NotTakenOver("its body has characters of Unicode's private use area")
    try:
        return _EXACTLY.decode(text)
    except ValueError:
        if (quoted := numbers_quoted(text)) == text:
            raise
        return _EXACTLY.decode(quoted)


def _is_type_of_parts(name: str, value: str) -> bool:
    """Whether it is the header that a multipart form gets by itself."""
    return name.lower() == "content-type" and media_type(value) == "multipart/form-data"


def _values(name: str, lines: Sequence[tuple[str, str]]) -> str | list[str]:
    """The value of a header, or a list where it appears several times."""
    values = [value for other, value in lines if other.lower() == name.lower()]
    if len(values) > 1 and name.lower() in _ONLY_ONCE | SINGLE:
        raise NotTakenOver(f"sends {name} {len(values)} times, which targets read differently")
    return values if len(values) > 1 else values[0]


def warn_of_line_break(call: WebCall) -> None:
    """Warn that a secret is read without the last line break of its file, which the command would send."""
    if call.has_file:
        call.warn("a secret loses one line break at its end: where the file ends with one, the secret needs two")


_NO_VALUE = re.compile(r"(?:^|&)[^=&]*(?<!\$)\$\{secret:")


def _check_form(text: str) -> None:
    """Raise `NotTakenOver` where a secret stands for whole fields of a form: it can only be the value of one."""
    if _NO_VALUE.search(text):
        raise NotTakenOver(
            "fields of its form or query are in a variable or a file, but a secret can only be the value of a field: "
            "write them out, or give the variable with --set"
        )


def outside_references(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` applied to everything except references to secrets and expressions."""
    pieces = re.split(rf"((?<!\$)\$\{{secret:[^}}]*\}}|{_EXPRESSION})", text)
    return "".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))


_EXPRESSION = re.sub(r"\((?!\?)", "(?:", MARKED.pattern)  # without its groups, which `split` would return
_ONLY_ONCE = frozenset({
    "authorization", "content-encoding", "content-length", "content-type", "date", "host", "if-modified-since",
    "if-none-match", "origin", "proxy-authorization", "range", "referer", "user-agent",
})  # fmt: skip


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


def _exact_number(text: str) -> float:
    """The number. Raises `NotTakenOver` where a float would lose digits of it."""
    number = float(text)
    if not isfinite(number) or Decimal(text) != Decimal(repr(number)):
        raise NotTakenOver("a number in its body has more digits than can be kept")
    return number


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotTakenOver("a key appears twice in its body, which a manifest can't express")
    return found


_EXACTLY = json.JSONDecoder(parse_constant=_no_json, parse_float=_exact_number, object_pairs_hook=_object_of_pairs)


def seconds(text: str, option: str) -> float:
    """Parse a number of seconds. Raises `NotTakenOver`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise NotTakenOver(f"{option} is not a number of seconds")
    return int(number) if number.is_integer() else number


def unknown_option(name: str, program: str = "") -> NotTakenOver:
    """The error for an unknown option. It leaves out what follows the name, which may be a credential."""
    found = _OPTION.match(name)
    shown = f"the option --{found[1]}{'=…' if found[2] else ''}" if found else "an option"
    return NotTakenOver(f"{shown}{program} is not supported")


def count(text: str, option: str) -> int:
    """Parse a whole number. Raises `NotTakenOver`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotTakenOver(f"{option} is not a whole number")
    return int(text)


def arguments(
    words: Sequence[str], *, short: dict[str, str], with_value: frozenset[str], equals: bool
) -> Iterator[tuple[str, str]]:
    """Parse a command line: each option as long name and value, and each other argument under an empty name.

    `short` maps one or two letters to the long name; `with_value` are the long names that take a value. With `equals`,
    `--name=value` is accepted. Raises `NotTakenOver` for a letter that is not in `short`, or a missing value.
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
                    raise NotTakenOver(f"the option -{letter} is not supported")
                if name in with_value:
                    value, letters = letters or _value(rest, f"-{letter}"), ""
                    yield name, value
                else:
                    yield name, ""
        else:
            yield "", word


def _value(rest: list[str], option: str) -> str:
    if not rest:
        raise NotTakenOver(f"{option} needs a value")
    return rest.pop(0)
