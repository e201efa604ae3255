"""Checks the field `proxy` of a job."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from myscheduler.core.calls.hosts import called_host, host_fault
from myscheduler.core.calls.link_local import Reach, advice, called_address
from myscheduler.core.findings.masking import REFERENCE
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.transport import FROM_ENVIRONMENT
from myscheduler.core.secrets.references import is_in_host
from myscheduler.messages.message import said

_HIDDEN = "\x00"


def proxy_faults(written: str | None, reach: Reach) -> Iterator[Complaint]:
    """What is wrong with the proxy. It is not repeated, as it may hold a password."""
    if written is None or written == FROM_ENVIRONMENT:
        return
    address = called_address(written)
    if fault := _fault(written):
        yield Complaint(("proxy",), "invalid-url", fault)
    elif address is not None and not reach.allows(address):
        yield Complaint(("proxy",), "policy-link-local", advice(address))
    elif _has_literal_password(written):
        yield Complaint(("proxy",), "literal-credential", said("proxy-password"))


def _fault(written: str) -> str | None:
    plain = REFERENCE.sub("x", written)
    try:
        parts = urlsplit(plain)
    except ValueError:
        return said("proxy-forms")
    is_url = parts.scheme == "http" and not parts.path.strip("/") and not parts.query and not parts.fragment
    if is_in_host(written) or not is_url or called_host(plain) is None:
        return said("proxy-forms")
    return host_fault(plain)


def _has_literal_password(written: str) -> bool:
    """Whether the password, or a user without one (it may be a token), is not made of references."""
    login = REFERENCE.sub(_HIDDEN, written).partition("//")[2].rpartition("@")[0]
    user, colon, password = login.partition(":")
    return bool((password if colon else user).strip(_HIDDEN))
