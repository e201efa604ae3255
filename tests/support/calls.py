"""Requests as a call makes them, with little to say."""

from collections.abc import Mapping

from myscheduler.core.calls.request import Request
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.transport import USUAL_TRANSPORT, Transport
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
) -> Request:
    return Request(method, url, headers or {}, body, timeout_sec, secrets, transport=transport)
