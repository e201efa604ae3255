"""Fetches the documents of an issuer of JWTs: where its keys are (OpenID Connect Discovery 1.0), and the keys.

Whoever answers in place of an issuer decides who may call the API. So only https counts, but on loopback; a document is
small; and neither a redirect nor the document itself leads to a place that is less protected than where it began.
"""

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import orjson

from myscheduler import __version__
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.access.allowed_hosts import is_loopback
from myscheduler.core.access.issuers import Issuer
from myscheduler.core.access.jwks import Jwk, JwksError, parse_keys
from myscheduler.core.calls.hosts import called_host
from myscheduler.core.findings.masking import masked_text
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of

TIMEOUT_SEC = 5.0
"""For all of a fetch: the discovery, its redirects and the keys."""
SIZE_LIMIT = 256 * 1024
"""The most bytes of a document."""
REDIRECTS = 3
DISCOVERY = "/.well-known/openid-configuration"
_FILE_LIMIT = 1024 * 1024
_PEM = "-----BEGIN CERTIFICATE-----"
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"myscheduler/{__version__}"}


class FetchError(Exception):
    """The keys could not be fetched; the message says why, in one line that shows no secret."""


async def fetch_keys(issuer: Issuer) -> dict[str, tuple[Jwk, ...]]:
    """The keys of an issuer by their ids. Raises `FetchError`, within `TIMEOUT_SEC`."""
    try:
        async with asyncio.timeout(TIMEOUT_SEC):
            return await _fetched(issuer)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise FetchError(f"no complete answer within {TIMEOUT_SEC:g} s") from error
    except httpx.InvalidURL as error:
        raise FetchError(f"a URL that is not valid: {error}") from error
    except (httpx.HTTPError, SettingError) as error:
        raise FetchError(reason_of(error)) from error


async def _fetched(issuer: Issuer) -> dict[str, tuple[Jwk, ...]]:
    written = issuer.jwks_url or issuer.url
    trust = await asyncio.to_thread(_trust, issuer.ca_file)
    bearer = await asyncio.to_thread(_bearer, issuer.bearer_file) if issuer.bearer_file else None
    # no proxy and no .netrc, as for the calls of jobs; a new client each time, as certificates change
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=TIMEOUT_SEC, headers=_HEADERS) as client:
        place = _Place(client, written, bearer)
        url = issuer.jwks_url or await _discovered(place, issuer.url)
        document = await place.get(url)
    try:
        return await asyncio.to_thread(parse_keys, document)
    except JwksError as error:
        raise FetchError(f"{masked_text(url)}: {error}") from error


async def _discovered(place: "_Place", issuer: str) -> str:
    url = issuer.rstrip("/") + DISCOVERY
    document = await place.get(url)
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise FetchError(f"{masked_text(url)} is not that of the issuer {issuer!r}: its 'issuer' is another")
    found = document.get("jwks_uri")
    if not isinstance(found, str):
        raise FetchError(f"{masked_text(url)} does not say where the keys are: it has no 'jwks_uri'")
    return found


class _Place:
    """What may be fetched for one issuer, and with what."""

    def __init__(self, client: httpx.AsyncClient, written: str, bearer: str | None) -> None:
        self._client = client
        self._written = _origin(written)
        self._bearer = bearer

    async def get(self, url: str) -> Any:
        """The JSON at a URL. Redirects are followed if they stay on its host."""
        request = self._client.build_request("GET", url, headers=self._credentials(url))
        for _ in range(REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return await _json(response, url)
            finally:
                await response.aclose()
            if _origin(str(response.next_request.url)) != _origin(url):
                raise FetchError(f"{masked_text(url)} redirects to another host, which is not followed")
            request = response.next_request
        raise FetchError(f"{masked_text(url)} redirects more than {REDIRECTS} times")

    def _credentials(self, url: str) -> dict[str, str]:
        """The token goes only to the host that was written: a document could name any other."""
        origin = _origin(url)
        is_local = {origin.scheme, self._written.scheme} == {"http"} and is_loopback(origin.hostname or "")
        if origin.scheme != "https" and not is_local:
            raise FetchError(f"{masked_text(url)} is not https, which only an issuer on loopback need not be")
        return {"Authorization": f"Bearer {self._bearer}"} if self._bearer and origin == self._written else {}


def _origin(url: str) -> SplitResult:
    """Its scheme and host alone. Raises `FetchError` if it has no certain host, or a user."""
    host = called_host(url)
    if host is None or "@" in (parts := urlsplit(url)).netloc:
        raise FetchError(f"{masked_text(url[:300])} is not an http or https URL of a host, without a user")
    return parts._replace(netloc=host.with_port, path="", query="", fragment="")


async def _json(response: httpx.Response, url: str) -> Any:
    if response.status_code != 200:
        raise FetchError(f"{masked_text(url)} answered {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchError(f"{masked_text(url)} answered in compressed form, which was not asked for")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > SIZE_LIMIT:
            raise FetchError(f"{masked_text(url)} answered with more than {SIZE_LIMIT // 1024} KiB")
    try:
        return orjson.loads(content)
    except ValueError as error:
        raise FetchError(f"{masked_text(url)} did not answer with JSON") from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return tls_context()
    content = _content(ca_file).encode("ascii", "ignore").decode()  # comments may be in any language
    unusable = FetchError(f"{ca_file} holds no certificate in PEM that can be read")
    if _PEM not in content:  # with an empty text, the authorities of the machine would be trusted
        raise unusable
    try:
        trust = ssl.create_default_context(cadata=content)
    except (ssl.SSLError, ValueError) as error:
        raise unusable from error
    # Python 3.13 also wants extensions that the authorities of many clusters lack (an authority key identifier)
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def _bearer(path: str) -> str:
    """The token in a file. Only a JWT is taken: no other file of this machine leaves it this way."""
    content = _content(path).strip()
    if _JWT.fullmatch(content) is None:
        raise FetchError(f"{path} does not hold a JWT, as Kubernetes writes one")
    return content


def _content(path: str) -> str:
    file = Path(path)
    try:
        if not file.is_file() or file.stat().st_size > _FILE_LIMIT:
            raise FetchError(f"{path} is not a file of up to {_FILE_LIMIT // 1024} KiB")
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise FetchError(f"{path} can't be read: {reason_of(error)}") from error
