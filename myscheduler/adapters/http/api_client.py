"""A client of the REST API of a running service, for commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from myscheduler.adapters.http.errors import error_text
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.findings.masking import masked_text
from myscheduler.errors import MySchedulerError

TIMEOUT_SEC = 60.0
BASE = "/api/v1"


class ServerError(MySchedulerError):
    """The server can't be reached, or answers with an error."""


class Client:
    """A client of one server. Every method raises `ServerError`, whose text says what to do."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._shown = masked_text(self._base_url)
        try:
            parts = urlsplit(base_url)
        except ValueError as error:
            raise self._no_url() from error
        if "@" in parts.netloc:
            raise ServerError(
                f"{self._shown} contains a user: write the URL without one, and set MYSCHEDULER_API_TOKEN to the token"
            )
        self._tls = tls_context() if parts.scheme == "https" else True
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, *path: str, params: Sequence[tuple[str, str]] | Mapping[str, str] = ()) -> Any:
        """GET a path below the API's base, given by its segments (any text); returns the parsed JSON."""
        return asyncio.run(self._ask("GET", path, params=params))

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """POST a JSON object to a path, given as in `get`; returns the parsed JSON."""
        return asyncio.run(self._ask("POST", path, json=body))

    async def _ask(self, method: str, path: Sequence[str], **what: Any) -> Any:
        url = self._base_url + BASE + "".join(f"/{quote(part, safe='')}" for part in path)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SEC)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session,
                session.request(method, URL(url, encoded=True), ssl=self._tls, **what) as response,
            ):
                answer = await response.json(content_type=None)
        except aiohttp.InvalidURL as error:
            raise self._no_url() from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise ServerError(
                f"{self._shown} is not trusted ({self._reason(error)}): for a private certificate authority, set "
                "SSL_CERT_FILE to the file of its certificate"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = self._reason(error)
            raise ServerError(
                f"no answer from {self._shown} ({reason}): is the service running there? Use --server or "
                "MYSCHEDULER_BASE_URL to name another"
            ) from error
        except ValueError as error:
            message = f"{self._shown} answers, but not like MyScheduler: does --server name the right port?"
            raise ServerError(message) from error
        if response.status == 200:
            return answer
        detail = answer.get("detail") if isinstance(answer, dict) else None
        hint = "; set MYSCHEDULER_API_TOKEN to the server's token" if response.status == 401 else ""
        raise ServerError(f"{self._shown} answered {response.status}: {detail or 'no reason given'}{hint}")

    def _no_url(self) -> ServerError:
        return ServerError(f"{self._shown!r} is not a URL: write one such as http://127.0.0.1:8003")

    def _reason(self, error: aiohttp.ClientError | TimeoutError) -> str:
        if isinstance(error, TimeoutError):
            return f"timeout after {TIMEOUT_SEC:g} s"
        url = URL(self._base_url)
        return error_text(f"{url.host_subcomponent}:{url.port}", error)
