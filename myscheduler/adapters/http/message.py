"""Prepares a request: the URL exactly as it is written, headers, credentials, body."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from yarl import URL

from myscheduler.core.caching import cached
from myscheduler.core.calls.hosts import Host, called_host, looked_up
from myscheduler.core.calls.link_local import Address, address_in
from myscheduler.core.calls.request import Request, basic_credentials
from myscheduler.core.quick import quick
from myscheduler.core.secrets.redaction import redact
from myscheduler.messages.message import said

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_AS_WRITTEN = "%/:@!$&'()*+,;=-._~[]"
"""Characters of a path that are not escaped (RFC 3986), and `%`, which begins an escape."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_OF_EACH_CALL = {
    name: name.lower()
    for name in (
        "User-Agent", "Idempotency-Key", "traceparent", "Content-Type", "X-MyScheduler-Job-Id",
        "X-MyScheduler-Execution-Id", "X-MyScheduler-Scheduled-At", "X-MyScheduler-Attempt",
        "X-MyScheduler-Cause", "X-MyScheduler-Revision",
    )
}  # fmt: skip
"""Names of headers that are valid, in lower case: checking them would take half the time of `message_of`."""

_FRAMING = frozenset({"content-length", "expect", "transfer-encoding"})
"""Headers that only the client sets. `Expect` would make aiohttp wait for permission to send the body."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that was parsed and checked."""

    url: URL = field(repr=False)
    where: str
    """`host:port`, for messages: user, path and query may be secret."""
    authorization: str | None = field(repr=False)
    """The header for the user and password in the URL."""
    host: Host | None
    """The host as policies name it; `None` if it is not certain."""
    address: Address | None
    """The host if it is an address, in whatever spelling, else `None`."""
    port: int
    origin: URL
    """Scheme, host and port."""
    path: str = field(repr=False)
    """Path and query, as the request line has them."""


@quick
@dataclass(frozen=True, slots=True)
class Message:
    """A request that is ready to be sent."""

    method: str
    destination: Destination
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    head: bytes | None = field(default=None, repr=False)
    """The request line and the headers as they are sent, if they are known already."""


def message_of(request: Request) -> Message:
    """Convert a request. Raises `ValueError`, whose text repeats no value, as values may be secret."""
    if _TOKEN.fullmatch(request.method) is None:
        raise ValueError(said("method-not-valid"))
    destination = _destination_of(request)
    headers: list[tuple[str, str]] = []
    names: set[str] = set()
    for name, values in request.headers.items():
        key = _OF_EACH_CALL.get(name) or _checked(name)
        for value in (values,) if isinstance(values, str) else values:
            _check_value(name, value)
            if key not in _FRAMING:  # the client sets them, and conflicting ones would split the request
                headers.append((name, value))
        names.add(key)
    if "host" not in names:
        headers.insert(0, ("Host", destination.url.host_port_subcomponent or ""))
    if "accept-encoding" not in names:
        headers.append(("Accept-Encoding", "identity"))
    if "accept" not in names:
        headers.append(("Accept", "*/*"))
    if destination.authorization is not None and "authorization" not in names:
        headers.append(("Authorization", destination.authorization))
    return Message(request.method, destination, headers, request.body)


def _destination_of(request: Request) -> Destination:
    """The parsed URL; from a cache, because parsing takes as long as sending, unless the URL holds a secret."""
    if request.secrets and redact(request.url, request.secrets) != request.url:
        return parsed_destination(request.url)
    return known_destination(request.url)


def parsed_destination(text: str) -> Destination:
    """Parse a URL, without the cache. Raises `ValueError` as `message_of` does."""
    parts = _parts(text)
    try:
        host = looked_up(parts.hostname or "")
        url = URL.build(
            scheme=parts.scheme,
            host=f"[{host}]" if ":" in host else host,
            port=parts.port,
            path=_without_dots(quote(parts.path, safe=_AS_WRITTEN)) or "/",
            query_string=quote(parts.query, safe=_AS_WRITTEN + "?"),
            encoded=True,
        )
    except ValueError:
        raise ValueError(said("url-not-valid")) from None
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(0 < len(label) < 64 for label in labels):
        raise ValueError(said("host-part-too-long"))
    called = called_host(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")  # the cache gets no credentials
    return Destination(
        url,
        where_of(url),
        _basic(parts),
        called,
        address_in(parts.hostname or ""),
        url.port or 0,
        url.origin(),
        url.raw_path_qs,
    )


known_destination = cached(16_384)(parsed_destination)


def _parts(text: str) -> SplitResult:
    if _CONTROL.search(text) or "\t" in text:
        raise ValueError(said("url-not-valid"))
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(said("url-not-valid")) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(said("url-without-host"))
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(said("port-not-valid"))
    return parts


def _without_dots(path: str) -> str:
    """The path without `.` and `..` segments, which every client removes (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    *folders, last = path.split("/")
    for part in folders:
        if part == "..":
            kept[1:] = kept[1:-1]
        elif part != ".":
            kept.append(part)
    if last == "..":
        kept[1:] = kept[1:-1]
    return "/".join([*kept, "" if last in {".", ".."} else last])


def _checked(name: str) -> str:
    """The name of a header in lower case. Raises `ValueError` for one that a header can't have."""
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(said("header-name-not-valid", name=name))
    return name.lower()


def _check_value(name: str, value: str) -> None:
    """Raises `ValueError` for a value that a header can't have."""
    if value.isascii() and value.isprintable():
        return
    if _CONTROL.search(value) is not None:
        raise ValueError(said("header-with-control", name=name))
    if not _is_unicode(value):
        raise ValueError(said("header-not-unicode", name=name))


def _is_unicode(text: str) -> bool:
    """Whether the text can be encoded: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _basic(parts: SplitResult) -> str | None:
    """User and password of the URL as a header. aiohttp refuses a URL with them if the job has the header, too."""
    if parts.username is None and parts.password is None:
        return None
    return basic_credentials(unquote(parts.username or ""), unquote(parts.password or ""))


def where_of(url: URL) -> str:
    host = url.host or ""
    return f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"
