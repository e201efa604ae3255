"""One HTTP request in, one outcome out.

A URL is called as it is written: yarl alone would rewrite it (`%7E` becomes `~`, which breaks a signature).

What a target gets is what the job says. No cookie, redirect, proxy, `.netrc` or repetition is added: no answer changes
a later call, and nothing is sent twice.
"""

import asyncio
import base64
import codecs
import io
import re
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import partial
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from myscheduler.adapters.http.answers import Body, FloodError, UnreadableError
from myscheduler.adapters.http.rations import Call, Handler, Rations, StrayError
from myscheduler.adapters.http.routes import LinkLocalError, Resolver, SocketMaker
from myscheduler.adapters.http.trouble import trouble_with
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.caching import cached
from myscheduler.core.calls.hosts import looked_up
from myscheduler.core.calls.link_local import NOWHERE, Address, Reach, advice, called_address, link_local_parts
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.header_values import pairs
from myscheduler.core.secrets.redaction import Secret, redact, redact_start
from myscheduler.machine.causes import is_lack_of_files, lack_of_files, reason_of

RESPONSE_LIMIT = 10 * 1024 * 1024
"""Bytes of a response that are read at most."""
KEEPALIVE_SEC = 1.5
"""How long an idle connection is kept. A request on a connection that the target is just closing is lost, and is not
sent again; so give up first: gunicorn closes after 2 s, uvicorn and Node after 5 s."""
DNS_TTL_SEC = 10
FILE_RETRY_SEC = 0.2
"""Between two looks for a free file; connections that are kept idle give theirs back meanwhile."""
MAX_AGE_SEC = 30.0
"""How long a connection is used, however busy it is, so that a host that moves is followed."""
SHOWN_BYTES = 60
"""Of what came instead of an answer."""

_LARGE_BODY = 1024 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_AS_WRITTEN = "%/:@!$&'()*+,;=-._~[]"
"""What stands in a path for itself (RFC 3986), and `%`, which begins an escape."""
_LETTER_BYTES = 4
"""Bytes of a character at the most, in the charsets that answers come in."""
_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*[\"']?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_LONGEST_TYPE = 1_000
"""Characters of a `Content-Type` that are looked at."""
_CODECS = frozenset({*aliases, *aliases.values(), "utf_8_sig"})
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset({"content-length", "expect", "transfer-encoding"})
"""`Expect` would have aiohttp wait for a leave to send the body."""
_DEFAULTS_OFF = ("Accept-Encoding", "Content-Type", "User-Agent")

# What a target, the network or the resolver can cause. Anything else is a bug and is not caught.
_TARGET_ERRORS = (OSError, UnicodeError, aiohttp.ClientError, HttpProcessingError)


class Sender:
    """Sends requests over one shared client."""

    def __init__(
        self, session: aiohttp.ClientSession, response_limit: int, reach: Callable[[], Reach] = lambda: NOWHERE
    ) -> None:
        """`open_sender` makes the session that keeps the promises; another one is for tests."""
        self._session = session
        self._response_limit = response_limit
        self._reach = reach

    async def send(self, request: Request) -> Outcome:
        """Send once. Whatever the target does is an outcome; only cancellation and bugs are raised.

        The time limit covers the whole attempt; the waits for a free connection and for the resolver count too.
        """
        try:
            message = _message(request)
        except ValueError as error:
            return Outcome(failure=Failure.INVALID_REQUEST, error=str(error))
        if (address := message.address.link_local) is not None and not self._reach().allows(address):
            return Outcome(failure=Failure.TARGET_NOT_ALLOWED, error=advice(address))
        answer = _Answer(request.secrets)
        try:
            async with asyncio.timeout(request.timeout_sec) as limit:
                await self._exchange(message, answer)
        except _TARGET_ERRORS as error:
            _drop_tracebacks(error)
            if limit.expired() and answer.lack:
                return Outcome(failure=Failure.NO_FILE, error=_unsent(request.timeout_sec, answer.lack))
            if limit.expired() and not answer.is_endless:
                return answer.outcome(Failure.TIMEOUT, _late(request.timeout_sec, answer.status))
            if answer.status is None:
                return Outcome(None, *_diagnosis(error, message.address.where, request.secrets))
        return answer.verdict(message.address.where)

    async def _exchange(self, message: "_Message", answer: "_Answer") -> None:
        response = await self._answered(message, answer)
        try:
            answer.begin(response.status, response.content)
            async for chunk in response.content.iter_any():
                answer.add(chunk[: self._response_limit - answer.size])
                if answer.size >= self._response_limit:
                    return
            answer.complete = answer.body is None or not answer.body.is_cut
        finally:
            response.close()  # does nothing when it was read to its end: the connection is back in the pool by then

    async def _answered(self, message: "_Message", answer: "_Answer") -> aiohttp.ClientResponse:
        """The head of an answer. Without a free file nothing has left, so it is tried again until there is one."""
        while True:
            try:
                return await self._session.request(
                    message.method,
                    message.address.url,
                    headers=message.headers,
                    data=_body(message.body),
                    allow_redirects=False,
                )
            except StrayError:
                continue  # nothing has left, and that connection is gone
            except aiohttp.ClientConnectorError as error:
                answer.lack = _lack_of_files(error.os_error)
                if answer.lack is None:
                    raise
            await asyncio.sleep(FILE_RETRY_SEC)
            answer.lack = None  # whether the next try has left by the end of the time is not known


def _drop_tracebacks(error: BaseException) -> None:
    """Frames of the libraries below hold the errors that hold them: a cycle for each call that fails, which lives until
    all old objects are looked through.
    """
    held: BaseException | None = error
    while held is not None and held.__traceback__ is not None:
        held.__traceback__ = None
        held = held.__cause__ or held.__context__


@asynccontextmanager
async def open_sender(
    *,
    connections: int,
    connections_per_host: int,
    response_limit: int = RESPONSE_LIMIT,
    max_age_sec: float = MAX_AGE_SEC,
    reach: Callable[[], Reach] = lambda: NOWHERE,
) -> AsyncIterator[Sender]:
    """Open the client of the service and close it at the end; 0 connections means no limit.

    Let the calls end, or cancel them, before closing: aiohttp cancels those that still wait for a connection.

    A response is read up to `response_limit` bytes: the outcome then counts by its status, its size is what was read,
    and the connection is closed. So is one that is older than `max_age_sec`, as soon as it is free. `reach` says which
    link-local addresses may be called; it is asked for each connection, and before one that was kept is used again.
    Raises `SettingError` where the certificates that are to be believed can't be read.
    """
    tls = await asyncio.to_thread(tls_context)
    tls.set_alpn_protocols(["http/1.1"])
    connector = aiohttp.TCPConnector(
        limit=connections,
        limit_per_host=connections_per_host,
        ttl_dns_cache=DNS_TTL_SEC,
        keepalive_timeout=KEEPALIVE_SEC,
        ssl=tls,
        resolver=Resolver(reach),
        socket_factory=SocketMaker(reach),
    )
    loop = asyncio.get_running_loop()
    # There is no public way to the protocol of a connection either; a test watches that answers come by rations.
    handler = partial(Handler, loop, Rations(loop), reach, max_age_sec)
    connector._factory = handler  # type: ignore[assignment]  # noqa: SLF001
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=_DEFAULTS_OFF,
        request_class=Call,
    )
    # aiohttp sends GET, PUT, DELETE … a second time by itself when a kept connection drops before the answer, though
    # the target may have acted on the first. There is no public switch, so aiohttp is pinned and a test watches this.
    session._retry_connection = False  # noqa: SLF001
    async with session:
        yield Sender(session, response_limit, reach)


@dataclass(slots=True)
class _Answer:
    """What has arrived so far."""

    secrets: tuple[Secret, ...]
    lack: str | None = None
    """Why we wait for a file at this moment."""
    status: int | None = None
    body: Body | None = None
    charset: str | None = None
    coding: str = ""
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    complete: bool = False

    def begin(self, status: int, body: aiohttp.StreamReader) -> None:
        self.status = status
        if isinstance(body, Body):  # as always, in the session of `open_sender`
            self.body = body
            self.charset = _declared_charset(body.content_type)
            self.coding = body.coding.lower()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.head += chunk[: max(0, self._window - len(self.head))]

    def outcome(self, failure: Failure | None, error: str | None) -> Outcome:
        if self.status is None:
            return Outcome(failure=failure, error=error)
        return Outcome(self.status, failure, error, self.size, self._excerpt())

    @property
    def is_endless(self) -> bool:
        """It was read as long as there was time, since nobody can say where it ends."""
        return self.body is not None and self.body.is_endless

    def verdict(self, where: str) -> Outcome:
        """By the status. What else is odd is told, and makes no failure of a success: the request was acted on."""
        excerpt = self._excerpt()
        odd = self.body is not None and self.body.oddities and f"{where} {' and '.join(self.body.oddities)}"
        if self.status is not None and 200 <= self.status < 300:
            return Outcome(self.status, None, odd or None, self.size, excerpt)
        redirect = "redirects are not followed" if self.status in {301, 302, 303, 307, 308} else None
        error = "; ".join(part for part in (f"answered {self.status}", redirect, odd) if part)
        return Outcome(self.status, Failure.HTTP_ERROR, error, self.size, excerpt)

    @property
    def _window(self) -> int:
        """Bytes to look through: the excerpt, and behind it as much as the secret may need that begins in it."""
        return EXCERPT_BYTES + max((_LETTER_BYTES * secret.longest for secret in self.secrets), default=0)

    def _excerpt(self) -> str | None:
        whole = self.complete and self.size <= len(self.head)
        if self.coding in {"", "identity"}:
            return self._shown(bytes(self.head), whole=whole)
        if self.coding not in {"gzip", "x-gzip", "deflate"}:
            return None
        # Sent compressed although we ask for plain. Only as much is unpacked as is kept, so a bomb stays small.
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            head = unpacker.decompress(bytes(self.head), self._window)
        except zlib.error:
            if self.body is not None:
                self.body.oddities.append(f"sent a body that is no {self.coding}")
            return None
        return self._shown(head, whole=unpacker.eof)

    def _shown(self, data: bytes, *, whole: bool) -> str:
        """What is kept: cut only when the secrets are out, so that none leaves a part of itself behind."""
        kept = _text(data[:EXCERPT_BYTES], self.charset, whole=whole and len(data) <= EXCERPT_BYTES)
        if not self.secrets:
            return kept
        text = _text(data, self.charset, whole=whole)
        return redact_start(text, self.secrets, len(kept), whole=whole)[:EXCERPT_BYTES]


def _text(data: bytes, charset: str | None, *, whole: bool) -> str:
    """Text that every database can hold; a character that the cut goes through is left out."""
    try:
        text = codecs.getincrementaldecoder(_charset(charset))("replace").decode(data, final=whole)
    except UnicodeError:  # UTF-16 without its mark
        text = data.decode("utf-8", "replace")
    # NUL is refused by PostgreSQL; half a surrogate pair, which UTF-7 yields, by everyone.
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _declared_charset(content_type: str) -> str | None:
    """The charset of a `Content-Type`. aiohttp asks Python's parser of mail, which needs seconds for some headers."""
    found = _CHARSET.search(content_type[:_LONGEST_TYPE])
    return found[1] if found else None


def _charset(declared: str | None) -> str:
    """The declared charset where it is one; Python also has codecs of other kinds (`hex`, `idna`, `unicode_escape`)."""
    if declared is None or normalize_encoding(declared).lower() not in _CODECS:
        return "utf-8"  # Python would search its path for other names, and remember each of them for ever
    try:
        name = codecs.lookup(declared).name
        b" ".decode(name, "replace")
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in {"idna", "punycode"} or "escape" in name else name


@dataclass(frozen=True, slots=True)
class _Address:
    """A URL, ready to be called."""

    url: URL = field(repr=False)
    where: str
    """For messages: never with user, path or query."""
    authorization: str | None = field(repr=False)
    link_local: Address | None
    """The host, where it is an address that is not for everybody, in whatever spelling."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A request, ready for the wire."""

    method: str
    address: _Address
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)


def _message(request: Request) -> _Message:
    """A ValueError says what is wrong without repeating a value, which may be secret."""
    if _TOKEN.fullmatch(request.method) is None:
        raise ValueError("the method is not an HTTP method")
    address = _address_of(request)
    headers = _headers(request)
    names = {name.lower() for name, _ in headers}
    if "accept-encoding" not in names:
        headers.append(("Accept-Encoding", "identity"))
    if address.authorization is not None and "authorization" not in names:
        headers.append(("Authorization", address.authorization))
    return _Message(request.method, address, headers, request.body)


def _address_of(request: Request) -> _Address:
    """Reading a URL costs as much as sending it, so what was read is kept, except what holds a secret."""
    if request.secrets and redact(request.url, request.secrets) != request.url:
        return _address(request.url)
    return _known_address(request.url)


def _address(text: str) -> _Address:
    parts = _parts(text)
    address = called_address(text)
    if address is not None and not link_local_parts(address):
        address = None
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
        raise ValueError("the URL is not valid") from None
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(0 < len(label) < 64 for label in labels):
        raise ValueError("the host name of the URL has a part that is empty or longer than 63 characters")
    return _Address(url, _where(url), _basic(parts), address)


_known_address = cached(16_384)(_address)


def _parts(text: str) -> SplitResult:
    if _CONTROL.search(text) or "\t" in text:
        raise ValueError("the URL is not valid")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("the URL is not valid") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the URL must start with http:// or https:// and name a host")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port of the URL is not between 1 and 65535")
    return parts


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, as every client does."""
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


def _headers(request: Request) -> list[tuple[str, str]]:
    """The job's headers, ready for the wire, where they are UTF-8.

    Those that say how the body is framed are ours: others would split it.
    """
    headers: list[tuple[str, str]] = []
    for name, value in pairs(request.headers):
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f"the header name {name!a} is not valid")
        if _CONTROL.search(value) is not None:
            raise ValueError(f"the value of the header {name} has a line break or another control character")
        if not value.isascii() and not _is_unicode(value):
            raise ValueError(f"the value of the header {name} is not valid Unicode")
        if name.lower() not in _FRAMING:
            headers.append((name, value))
    return headers


def _is_unicode(text: str) -> bool:
    """Not with half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _basic(parts: SplitResult) -> str | None:
    """User and password of the URL as a header; aiohttp would refuse to make one beside the job's own."""
    if parts.username is None and parts.password is None:
        return None
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _body(content: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp writes bytes in one piece, and warns above this size; a BytesIO goes out in chunks.
    return io.BytesIO(content) if content and len(content) > _LARGE_BODY else content


def _where(url: URL) -> str:
    host = url.host or ""
    return f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"


def _late(seconds: float, status: int | None) -> str:
    return f"no complete answer within {seconds:g} s" + (f" (status {status}, then it stalled)" if status else "")


def _unsent(seconds: float, lack: str) -> str:
    return f"not sent within {seconds:g} s: {lack}"


def _lack_of_files(error: OSError) -> str | None:
    """That this process has no file for a connection, in words; the resolver tells nothing but that it failed."""
    if isinstance(error, socket.gaierror):
        return lack_of_files()
    return reason_of(error) if is_lack_of_files(error) else None


def _diagnosis(error: Exception, where: str, secrets: tuple[Secret, ...]) -> tuple[Failure, str]:
    """What to tell people. Texts of the libraries are not passed on: some hold the URL or parts of the answer."""
    match error:
        case aiohttp.ClientConnectorError(os_error=LinkLocalError() as refused):
            return Failure.TARGET_NOT_ALLOWED, f"{where} leads to {advice(refused.address)}"
        case aiohttp.InvalidURL() | UnicodeError():
            return Failure.INVALID_REQUEST, "the host of the URL is not valid"
        case FloodError():
            return Failure.UNREADABLE_ANSWER, f"{where} {error}"
        case UnreadableError():
            return Failure.UNREADABLE_ANSWER, f"{where} {error}{_beginning(error.beginning, secrets)}"
        case _:
            return Failure.CONNECTION, trouble_with(where, error)


def _beginning(data: bytes, secrets: tuple[Secret, ...]) -> str:
    """What came instead of an answer, on one line and without secrets."""
    if data.startswith((b"\x15\x03", b"\x16\x03")):
        return ", but in TLS: write https://"
    window = SHOWN_BYTES + max((_LETTER_BYTES * secret.longest for secret in secrets), default=0)
    text = data[:window].decode("utf-8", "replace")
    shown = redact_start(text, secrets, SHOWN_BYTES, whole=len(data) <= window)
    return f": it began with {shown!a}{'' if len(text) <= SHOWN_BYTES else '…'}"
