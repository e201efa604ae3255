"""Turns the fields about the way of a call to its target into what they declare."""

from collections.abc import Iterator
from typing import Any

from myscheduler.core.calls.link_local import Reach
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.job.transport import MOST_REDIRECTS, USUAL_REDIRECTS, USUAL_TRANSPORT, Transport
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.proxy_field import proxy_faults
from myscheduler.core.manifest.tls_field import declared_tls, tls_faults
from myscheduler.messages.message import said

_TIMEOUT_SEC: float = JobSpec.__dataclass_fields__["timeout_sec"].default  # type: ignore[assignment]


def transport_faults(fields: JobFields, reach: Reach) -> Iterator[Complaint]:
    """What is wrong with these fields beyond the shapes of their values; `reach` as for the URL."""
    most = _TIMEOUT_SEC if fields.timeout_sec is None else fields.timeout_sec
    if fields.connect_timeout_sec is not None and fields.connect_timeout_sec > most:
        message = said("connect-timeout-above", most=most)
        yield Complaint(("connect_timeout_sec",), "invalid-value", message)
    if _redirects(fields.follow_redirects) is None:
        message = said("follow-redirects-forms", most=MOST_REDIRECTS)
        yield Complaint(("follow_redirects",), "invalid-value", message)
    yield from tls_faults(fields)
    yield from proxy_faults(fields.proxy, reach)


def _redirects(written: Any) -> int | None:
    """How many redirects are followed; `None` if the value is not valid."""
    match written:
        case None | False:
            return 0
        case True:
            return USUAL_REDIRECTS
        case int() if 1 <= written <= MOST_REDIRECTS:
            return written
        case _:
            return None


def declared_transport(fields: JobFields) -> Transport:
    """What they declare; `fields` have no fault."""
    given: dict[str, Any] = {}
    if fields.connect_timeout_sec is not None:
        given["connect_timeout_sec"] = float(fields.connect_timeout_sec)
    if redirects := _redirects(fields.follow_redirects):
        given["follow_redirects"] = redirects
    if fields.tls is not None and (tls := declared_tls(fields.tls)):
        given["tls"] = tls
    if fields.proxy is not None:
        given["proxy"] = fields.proxy
    if fields.keep_response is False:
        given["keep_response"] = False
    return Transport(**given) if given else USUAL_TRANSPORT
