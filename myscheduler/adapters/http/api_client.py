"""A client of the REST API of a running service, for commands."""

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from myscheduler import __version__
from myscheduler.adapters.http.broken import broken_text
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.findings.masking import masked_text
from myscheduler.errors import ServerError

TIMEOUT_SEC = 60.0
BASE = "/api/v1"

Params = Sequence[tuple[str, str]] | Mapping[str, str]


class Client:
    """A client of one server; `close` it, or use it as a context manager.

    Every method raises `ServerError`, whose text says what to do. No proxy of the environment is used.
    """

    def __init__(self, base_url: str, token: str | None = None, *, timeout_sec: float = TIMEOUT_SEC) -> None:
        """`timeout_sec` is the time that a whole answer may take, in seconds."""
        self._base_url = base_url.rstrip("/")
        self._shown = masked_text(self._base_url)
        self._timeout_sec = timeout_sec
        self._where = self._checked(base_url)
        headers = {b"User-Agent": f"myscheduler/{__version__}".encode()}
        if token:
            headers[b"Authorization"] = f"Bearer {token}".encode()  # as bytes, since httpx would refuse non-ASCII text
        self._http = httpx.Client(transport=_Transport(), headers=headers, timeout=timeout_sec, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the server."""
        self._http.close()

    def get(self, *path: str, params: Params = ()) -> Any:
        """GET a path below the API's base, given by its segments (any text); returns the parsed JSON."""
        return self._ask("GET", path, params=_pairs(params))

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """POST a JSON object to a path, given as in `get`; returns the parsed JSON."""
        return self._ask("POST", path, json=dict(body))

    def delete(self, *path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        """DELETE a path, given as in `get`; returns the parsed JSON."""
        return self._ask("DELETE", path, params=params)

    def _checked(self, base_url: str) -> str:
        """The `host:port` of the URL. Raises `ServerError` if it is not one that can be called."""
        try:
            parts, url = urlsplit(base_url), httpx.URL(base_url)
            port = parts.port or (443 if url.scheme == "https" else 80)
        except (httpx.InvalidURL, ValueError) as error:
            raise self._no_url() from error
        if "@" in parts.netloc:
            message = "contains a user: write the URL without one, and set MYSCHEDULER_API_TOKEN to the token"
            raise ServerError(f"{self._shown} {message}")
        if url.scheme not in {"http", "https"} or not url.host or any(map(str.isspace, parts.netloc)):
            raise self._no_url()
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{host}:{port}"

    def _ask(self, method: str, path: Sequence[str], **what: Any) -> Any:
        url = self._base_url + BASE + "".join(f"/{_segment(part)}" for part in path)
        try:
            status, content, location = self._sent(method, url, **what)
            answer = json.loads(content) if location is None else None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise self._no_url() from error
        except httpx.RequestError as error:
            raise self._no_answer(error) from error
        except ValueError as error:
            message = f"{self._shown} answers, but not like MyScheduler: does --server name the right port?"
            raise ServerError(message) from error
        if 200 <= status < 300:
            return answer
        if location is not None:
            raise ServerError(
                f"{self._shown} answered {status}: use --server with what it leads to, {masked_text(location)}"
            )
        raise self._refused(status, answer)

    def _sent(self, method: str, url: str, **what: Any) -> tuple[int, bytes, str | None]:
        """Status, body, and where a redirect leads that is not followed: only GET is repeated elsewhere."""
        content, deadline = bytearray(), time.monotonic() + self._timeout_sec
        with self._http.stream(method, url, follow_redirects=method == "GET", **what) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:  # httpx only limits the time between two chunks
                    raise httpx.ReadTimeout("", request=response.request)
            location = response.headers.get("Location", "") if response.is_redirect else None
        return response.status_code, bytes(content), location

    def _no_url(self) -> ServerError:
        return ServerError(f"{self._shown!r} is not a URL: write one such as http://127.0.0.1:8003")

    def _no_answer(self, error: httpx.RequestError) -> ServerError:
        if isinstance(error, httpx.TimeoutException):
            reason = f"timeout after {self._timeout_sec:g} s"
        else:
            cause = _system_error(error)
            reason = broken_text(cause, self._where) if cause else _protocol_text(error, self._where)
            if isinstance(cause, ssl.SSLCertVerificationError):
                return ServerError(
                    f"{self._shown} is not trusted ({reason}): for a private certificate authority, set "
                    "SSL_CERT_FILE to the file of its certificate"
                )
        return ServerError(
            f"no answer from {self._shown} ({reason}): is the service running there? Use --server or "
            "MYSCHEDULER_BASE_URL to name another"
        )

    def _refused(self, status: int, answer: Any) -> ServerError:
        problem = answer if isinstance(answer, dict) else {}
        hint = "; set MYSCHEDULER_API_TOKEN to the server's token" if status == 401 else ""
        faults = _faults(problem.get("errors"))
        detail = problem.get("detail") or "no reason given"
        if len(faults) > 1:
            detail = f"{len(faults)} problems"
        return ServerError(f"{self._shown} answered {status}: {detail}{hint}", status=status, faults=faults)


class _Transport(httpx.BaseTransport):
    """HTTP, and HTTPS with the authorities of `trust`, which are read only if a URL needs them."""

    def __init__(self) -> None:
        self._plain = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._tls: httpx.HTTPTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme != "https":
            return self._plain.handle_request(request)
        self._tls = self._tls or httpx.HTTPTransport(verify=tls_context())
        return self._tls.handle_request(request)

    def close(self) -> None:
        self._plain.close()
        if self._tls is not None:
            self._tls.close()


def _pairs(params: Params) -> list[tuple[str, str | int | float | bool | None]]:
    return [*(params.items() if isinstance(params, Mapping) else params)]


def _segment(text: str) -> str:
    """A segment of a path. Dots alone are escaped too: `..` would name the folder above.

    Raises `ServerError` for an empty one, which would name what is above.
    """
    if not text:
        raise ServerError("an empty id names nothing: write the id of a job, an execution or a token")
    return quote(text, safe="") if text.strip(".") else "%2E" * len(text)


def _system_error(error: BaseException) -> OSError | None:
    """The error of the operating system or of TLS that caused this one, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _protocol_text(error: httpx.RequestError, where: str) -> str:
    match error:
        case httpx.TooManyRedirects():
            return f"{where} redirects without end"
        case httpx.DecodingError():
            return f"{where} broke off its answer or sent a malformed one"
        case httpx.RemoteProtocolError() if "without sending a response" in str(error):
            return f"{where} closed the connection without an answer"
        case httpx.RemoteProtocolError() if "complete message body" in str(error) or "incomplete chunked" in str(error):
            return f"{where} broke off its answer or sent a malformed one"
        case httpx.RemoteProtocolError():
            return f"{where} did not answer in valid HTTP"
        case _:
            return f"the connection to {where} was lost"


def _faults(errors: Any) -> list[str]:
    """The single mistakes that problem details list: `field: message`."""
    listed = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return [f"{one['field']}: {one.get('message')}" if one.get("field") else str(one.get("message")) for one in listed]
