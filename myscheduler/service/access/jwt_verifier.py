"""Tells who sent a JWT. Nothing that its sender wrote decides how it is checked."""

import asyncio
import hashlib
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol

from myscheduler.core.access.issuers import Claims, Issuer
from myscheduler.core.access.jwks import Jwk
from myscheduler.core.access.jwts import LEEWAY_SEC, LONGEST_JWT, Claimed, read_claimed, time_fault
from myscheduler.core.access.principal import Origin, Principal
from myscheduler.core.findings.problem import printable

KEPT_SEC = 60
"""How long the result for a token is kept, so that each of its requests does not cost a signature."""
KEPT = 4_096
"""The most results that are kept."""
LOG_LINES = 20
"""The most lines about refused tokens in `LOG_SEC`."""
LOG_SEC = 60.0
_SHOWN = 100
"""The most characters of a token's own words in a reason."""
_LIBRARY = "jwt"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that does not count."""

    why: str
    """For the log only, in one line without any secret: a caller is never told which part was wrong."""


class Keys(Protocol):
    """Where the keys of issuers come from."""

    async def find(self, issuer: Issuer, key_id: str) -> Sequence[Jwk]:
        """The keys of an issuer that have this id. Never raises because an issuer fails."""


@dataclass(frozen=True, slots=True)
class _Kept:
    principal: Principal
    until: float
    """Seconds since the epoch."""


class JwtVerifier:
    """Checks tokens, and keeps the results of valid ones for a minute."""

    def __init__(self, keys: Keys, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds; it only limits the log."""
        self._keys = keys
        self._clock = clock
        self._log_since, self._refusals = clock(), 0
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._issuers: tuple[Issuer, ...] = ()

    async def admitted(self, text: str, issuers: Sequence[Issuer], now: datetime) -> Principal | None:
        """Who sent this token; `None`, with a line in the log that says why, for one that does not count."""
        found = await self.verify(text, issuers, now)
        if isinstance(found, Refused):
            self._log(found.why)
            return None
        return found

    async def verify(self, text: str, issuers: Sequence[Issuer], now: datetime) -> Principal | Refused:
        """Who sent this token, by the issuers that are accepted at the moment. `now` is aware."""
        if len(text) > LONGEST_JWT:
            return Refused(f"a JWT of more than {LONGEST_JWT // 1024} KiB")
        self._forget_unless(tuple(issuers))
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        kept = self._kept.get(digest)
        if kept is not None and now.timestamp() < kept.until:
            return kept.principal
        found = await self._checked(text, issuers, now)
        if isinstance(found, Refused):
            return found
        principal, expiry = found
        if self._issuers == tuple(issuers):  # they may have changed while the keys were fetched
            self._keep(digest, _Kept(principal, min(expiry + LEEWAY_SEC, now.timestamp() + KEPT_SEC)))
        return principal

    def _log(self, why: str) -> None:
        """Log a reason; of many within a minute, only the first ones, and the number of the others after it."""
        now = self._clock()
        if now - self._log_since >= LOG_SEC:
            if self._refusals > LOG_LINES:
                log.warning("%d more JWTs were refused", self._refusals - LOG_LINES)
            self._log_since, self._refusals = now, 0
        self._refusals += 1
        if self._refusals <= LOG_LINES:
            log.warning("refused a JWT: %s", why)

    def _forget_unless(self, issuers: tuple[Issuer, ...]) -> None:
        """Forget all results if other issuers, or other rules for their claims, are in force than they are made by."""
        if issuers != self._issuers:
            self._kept.clear()
            self._issuers = issuers

    def _keep(self, digest: bytes, kept: _Kept) -> None:
        self._kept.pop(digest, None)
        self._kept[digest] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _checked(self, text: str, issuers: Sequence[Issuer], now: datetime) -> tuple[Principal, float] | Refused:
        """The caller, and when the token expires in seconds since the epoch."""
        claimed = read_claimed(text)
        if claimed is None:
            return Refused("it is not a JWT with 'alg', 'kid' and 'iss', for callers")
        issuer = next((one for one in issuers if one.url == claimed.issuer), None)
        if issuer is None:
            return Refused(f"no accepted issuer is {_shown(claimed.issuer)}")
        claims = await self._claims(text, claimed, issuer)
        return claims if isinstance(claims, Refused) else _judged(claims, issuer, now)

    async def _claims(self, text: str, claimed: Claimed, issuer: Issuer) -> Claims | Refused:
        if claimed.algorithm not in issuer.algorithms:
            return Refused(f"{issuer.url} signs otherwise than with {_shown(claimed.algorithm)}")
        keys = await self._keys.find(issuer, claimed.key_id)
        key = next((one for one in keys if one.makes(claimed.algorithm)), None)
        if key is None:
            return Refused(f"{issuer.url} has no {_shown(claimed.algorithm)} key {_shown(claimed.key_id)}")
        found = await _verified(text, key, claimed.algorithm, issuer)
        return Refused(f"of {issuer.url}: {found}") if isinstance(found, str) else found


async def _verified(text: str, key: Jwk, algorithm: str, issuer: Issuer) -> Claims | str:
    if _LIBRARY not in sys.modules:  # nothing else needs it, and it is not imported on the event loop
        await asyncio.to_thread(import_module, _LIBRARY)
    from myscheduler.service.access.signatures import verified  # noqa: PLC0415 -- see there

    return verified(text, key, algorithm, issuer)


def _judged(claims: Claims, issuer: Issuer, now: datetime) -> tuple[Principal, float] | Refused:
    if fault := time_fault(claims, now):
        return Refused(f"of {issuer.url}: {fault}")
    name, bindings = issuer.name_of(claims), issuer.bindings_of(claims)
    if not name:
        return Refused(f"of {issuer.url}: its subject is empty")
    if not bindings:
        return Refused(f"of {issuer.url}: no rule gives {_shown(name)} a role")
    return Principal(name, bindings, Origin.JWT, identity=issuer.identity_of(claims)), claims["exp"]


def _shown(text: str) -> str:
    return repr(printable(text[:_SHOWN]))
