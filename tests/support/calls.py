"""Requests as a call makes them, with little to say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from myscheduler.adapters.http.routes import PERMIT
from myscheduler.core.calls.request import Principal, Request
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.transport import USUAL_TRANSPORT, Transport
from myscheduler.core.policy.guard import Guard, Permit
from myscheduler.core.secrets.redaction import Secret


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    *,
    headers: Mapping[str, HeaderValue] | None = None,
    timeout_sec: float = 5,
    secrets: tuple[Secret, ...] = (),
    transport: Transport = USUAL_TRANSPORT,
    of_api: bool = False,
) -> Request:
    principal = Principal.API if of_api else Principal.MANIFEST
    return Request(method, url, headers or {}, body, timeout_sec, secrets, transport=transport, principal=principal)


@contextmanager
def under(guard: Guard, *, of_api: bool = False) -> Iterator[None]:
    """As in a call of a host that is a name, under this guard."""
    permit = guard.admit(None, None, 80, of_api=of_api)
    assert isinstance(permit, Permit)
    before = PERMIT.set(permit)
    try:
        yield
    finally:
        PERMIT.reset(before)
