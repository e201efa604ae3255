"""Warns in the log of certificates of called hosts that expire soon, or have expired."""

import asyncio
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from myscheduler.core.calls.certificates import Certificates

CHECK_SEC = 60.0
REPEAT = timedelta(days=1)
"""How often each host is warned of."""

log = logging.getLogger(__name__)


class CertificateWatch:
    """Looks each minute; a host is warned of once a day."""

    def __init__(
        self, certificates: Certificates, *, hosts: Callable[[], AbstractSet[str]], now: Callable[[], datetime]
    ) -> None:
        """`hosts` returns those that jobs call; others are forgotten."""
        self._certificates = certificates
        self._hosts = hosts
        self._now = now
        self._warned: dict[str, datetime] = {}
        """When, by host; only of hosts whose certificates expire soon."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(CHECK_SEC)

    def look(self) -> None:
        now = self._now()
        expiring = self._certificates.expiring(now)
        if expiring:
            self._certificates.keep(self._hosts())
            expiring = self._certificates.expiring(now)
        self._warned = {one.host: self._warned[one.host] for one in expiring if one.host in self._warned}
        for one in expiring:
            last = self._warned.get(one.host)
            if last is not None and now - last < REPEAT:
                continue
            self._warned[one.host] = now
            names = {"host": one.host, "expires_at": one.expires_at.isoformat()}
            if one.expires_at <= now:
                log.warning("the certificate of %s expired at %s", one.host, one.expires_at, extra=names)
            else:
                days = (one.expires_at - now).days
                log.warning(
                    "the certificate of %s expires at %s (days left: %d)", one.host, one.expires_at, days, extra=names
                )
