"""What becomes of the incident of a host, by the certificate that it showed. A pure decision.

Certificates are known in memory. So an incident that was open at a restart goes on until the host shows another one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from myscheduler.core.incidents.incident import WARNING, EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Step
from myscheduler.core.schedule.slots import back

REMEMBERED = timedelta(days=1)
"""Servers behind one name may have different certificates: one that expires soon counts for so long after it was seen,
whatever others show meanwhile."""


def judge_certificate(
    host: str,
    known: Incident | None,
    expires_at: datetime | None,
    *,
    is_called: bool,
    now: datetime,
    new_id: Callable[[datetime], str],
) -> Iterator[Step]:
    """The change of the host's incident, if any.

    `expires_at` is the soonest of the certificates that it showed lately, `None` if it showed none; `is_called` says
    whether any job calls it.
    """
    if expires_at is None:
        if known is not None and not is_called and (known.expires_at or now) <= now:
            yield Ended(replace(known, ended_at=now, end_reason=EndReason.UNWATCHED))
    elif expires_at - now < WARNING:
        began_at = back(expires_at, WARNING)
        if known is None:
            yield Begun(Incident(new_id(now), host, IncidentKind.CERTIFICATE, began_at=began_at, noticed_at=now))
        elif known.began_at != began_at:
            yield Continued(replace(known, began_at=began_at))
    elif known is not None:
        yield Ended(replace(known, ended_at=now, end_reason=EndReason.RECOVERED))
