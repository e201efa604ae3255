"""Adds to a request what its `auth` asks for."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, assert_never

from myscheduler.adapters.identity.aws import signed
from myscheduler.adapters.identity.cluster import token_for
from myscheduler.adapters.identity.google import key_request
from myscheduler.adapters.identity.kept import Kept, KeptTokens
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Principal, Request, basic_credentials
from myscheduler.core.calls.tokens import (
    METADATA_HOST,
    Token,
    TokenError,
    key_of,
    metadata_request,
    oauth2_request,
    read_token,
)
from myscheduler.core.job.auth import (
    Auth,
    AwsSigV4,
    Basic,
    Bearer,
    GcpAccessToken,
    GcpIdToken,
    Kubernetes,
    OAuth2,
)
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.secrets.references import references, resolve
from myscheduler.messages.message import said

METADATA_VARIABLE = "GCE_METADATA_HOST"
"""The environment variable by which Google's own libraries find another metadata server."""
TOKENS_FOLDER = Path("/var/run/secrets/myscheduler/tokens")
"""Where the chart mounts the projected tokens of the service account."""


class Fetcher(Protocol):
    """Fetches what a token endpoint answers."""

    async def fetch(self, request: Request) -> tuple[Outcome, bytes]:
        """The outcome of the request, and the beginning of the answer's body."""
        ...


@dataclass(frozen=True, slots=True)
class Identified:
    """A request that proves who makes it."""

    request: Request
    refuse: Callable[[], None] | None = None
    """To be called if the target refuses its kept token, so that the next one is fetched; `None` for a new token."""


class Identity:
    """Adds credentials to requests, and keeps the tokens for them."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        user_agent: str,
        cluster_tokens: Path = TOKENS_FOLDER,
        metadata_host: str = METADATA_HOST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The tokens of the service itself come from the folder `cluster_tokens` and the server `metadata_host`.

        `clock` returns seconds since 1970.
        """
        self._fetcher = fetcher
        self._user_agent = user_agent
        self._cluster_tokens = cluster_tokens
        self._metadata_host = metadata_host
        self._kept = KeptTokens()
        self._clock = clock

    async def identify(self, request: Request, auth: Auth, secrets: Mapping[str, Secret]) -> Identified | Outcome:
        """The request with what `auth` asks for; or the outcome of the attempt, if that can't be had.

        The request's URL must be written as it is sent, because it may be signed.
        """
        values = {name: secret.value for name, secret in secrets.items()}
        match auth:
            case Basic(username, password):
                pair = basic_credentials(resolve(username, values), resolve(password, values))
                return Identified(_with_authorization(request, pair))
            case Bearer(token):
                return Identified(_with_authorization(request, f"Bearer {resolve(token, values)}"))
            case AwsSigV4():
                try:
                    return Identified(await asyncio.to_thread(signed, request, auth, values))
                except TokenError as error:
                    return _refused(error)
            case OAuth2() | GcpIdToken() | GcpAccessToken() | Kubernetes():
                return await self._with_token(request, auth, secrets)
            case _:
                assert_never(auth)

    async def _with_token(
        self,
        request: Request,
        auth: OAuth2 | GcpIdToken | GcpAccessToken | Kubernetes,
        secrets: Mapping[str, Secret],
    ) -> Identified | Outcome:
        used = {name: secrets[name] for name in sorted(_names(auth))}
        key = key_of(auth, [(name, secret.value) for name, secret in used.items()], request.principal)
        kept = await self._kept.get(key, lambda: self._fetched(auth, used, request.principal))
        if isinstance(kept, Outcome):
            return kept
        known = (*request.secrets, kept.secret)
        found = replace(_with_authorization(request, f"Bearer {kept.secret.value}"), secrets=known)
        return Identified(found, None if kept.is_new else self._refusal(key, kept))

    def _refusal(self, key: str, kept: Kept) -> Callable[[], None]:
        return lambda: self._kept.forget(key, kept)

    async def _fetched(
        self,
        auth: OAuth2 | GcpIdToken | GcpAccessToken | Kubernetes,
        secrets: Mapping[str, Secret],
        principal: Principal,
    ) -> Token | Outcome:
        try:
            return await self._asked(auth, secrets, principal)
        except TokenError as error:
            return _refused(error)

    async def _asked(
        self,
        auth: OAuth2 | GcpIdToken | GcpAccessToken | Kubernetes,
        secrets: Mapping[str, Secret],
        principal: Principal,
    ) -> Token | Outcome:
        """Raises `TokenError` for what can't become a token. The guard judges the endpoint as it does the call itself,
        but for the machine's own metadata server.
        """
        values, now = {name: secret.value for name, secret in secrets.items()}, self._clock()
        match auth:
            case Kubernetes(audience):
                return await asyncio.to_thread(token_for, audience, self._cluster_tokens, now=now)
            case OAuth2():
                asking = oauth2_request(auth, values, tuple(secrets.values()), self._user_agent)
                return await self._answer(replace(asking, principal=principal))
            case GcpIdToken(_, None) | GcpAccessToken(_, None):
                return await self._answer(metadata_request(auth, self._metadata_host, self._user_agent))
            case GcpIdToken(_, str(key)) | GcpAccessToken(_, str(key)):
                asking = key_request(auth, resolve(key, values), now=now, user_agent=self._user_agent)
                name = "id_token" if isinstance(auth, GcpIdToken) else "access_token"
                return await self._answer(replace(asking, secrets=tuple(secrets.values()), principal=principal), name)
            case _:
                raise AssertionError(auth)

    async def _answer(self, asking: Request, name: str = "access_token") -> Token | Outcome:
        outcome, body = await self._fetcher.fetch(asking)
        if outcome.failure is None:
            return read_token(body, now=self._clock(), name=name)
        status = outcome.http_status
        is_final = status is not None and 400 <= status < 500 and status not in {408, 429}
        error = said("token-not-had", why=outcome.error)
        return Outcome(
            failure=Failure.AUTH_FAILED,
            error=error,
            is_unreached=not is_final and outcome.failure is not Failure.TARGET_NOT_ALLOWED,
            retry_after=outcome.retry_after,
        )


def _refused(error: TokenError) -> Outcome:
    return Outcome(failure=Failure.AUTH_FAILED, error=str(error))


def _names(auth: OAuth2 | GcpIdToken | GcpAccessToken | Kubernetes) -> frozenset[str]:
    return references([getattr(auth, name) for name in auth.__slots__])


def _with_authorization(request: Request, value: str) -> Request:
    return replace(request, headers={**request.headers, "Authorization": value})
