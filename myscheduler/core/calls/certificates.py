"""When the certificates of the hosts that jobs call expire, as far as their connections have shown.

Kept in memory: after a restart a host's certificate is known again once a job connects to it.
"""

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

WARN_DAYS = 14
"""A certificate with fewer days left is warned of."""
MOST_HOSTS = 10_000


@dataclass(frozen=True, slots=True)
class ExpiringCertificate:
    """The certificate of a host that expires soon, or has expired."""

    host: str
    """The name, with the port if it isn't the default one, as in the key of a lane."""
    expires_at: datetime


class Certificates:
    """The certificates that were seen last, of a bounded number of hosts."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, datetime] = OrderedDict()

    def seen(self, host: str, expires_at: datetime) -> None:
        """Note the certificate of a new connection; a host has the one that was seen last."""
        self._seen[host] = expires_at
        self._seen.move_to_end(host)
        if len(self._seen) > MOST_HOSTS:
            self._seen.popitem(last=False)

    def expires_at(self, host: str) -> datetime | None:
        """When the certificate of the host expires; `None` if none was seen."""
        return self._seen.get(host)

    def expiring(self, now: datetime) -> tuple[ExpiringCertificate, ...]:
        """Those with fewer than `WARN_DAYS` days left, or none, the soonest first."""
        until = now + timedelta(days=WARN_DAYS)
        return tuple(one for one in self.by_expiry() if one.expires_at < until)

    def by_expiry(self) -> list[ExpiringCertificate]:
        """All that are known, the soonest to expire first."""
        found = [ExpiringCertificate(host, at) for host, at in tuple(self._seen.items())]
        return sorted(found, key=lambda one: (one.expires_at, one.host))

    def keep(self, hosts: AbstractSet[str]) -> None:
        """Forget all other hosts: no job calls them any more."""
        for host in self._seen.keys() - hosts:
            del self._seen[host]
