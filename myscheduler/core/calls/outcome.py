"""The outcome of one attempt to call a target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.quick import quick

EXCERPT_BYTES = 4096
"""The most bytes of a response that are kept in the history."""


class Failure(StrEnum):
    """How an attempt failed; `HTTP_ERROR` means a response with a status that is no success."""

    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    DNS = "dns"
    """The host name has no address, or could not be looked up."""
    REFUSED = "refused"
    """Nothing accepts connections at that port."""
    CONNECT = "connect"
    """No connection was made for another cause, such as an unreachable network."""
    TLS = "tls"
    """The certificate or the handshake failed."""
    RESET = "reset"
    """The connection broke before the answer came. If it was made, the target may have acted on the request."""
    CONNECTION = "connection"
    """One of the five above, in attempts that were recorded before these were told apart."""
    UNREADABLE_ANSWER = "unreadable-answer"
    """The response has no readable status. The target may have acted on the request."""
    EXPECTATION = "expectation"
    """The answer came, but lacks what the job expects of it besides the status."""
    INVALID_REQUEST = "invalid_request"
    NO_FILE = "no-file"
    """This process had no file descriptor left for a connection or a secret, so nothing was sent."""
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a word, no password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - a word, no password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - a word, no password
    """`SECRET_…`: a secret of the job could not be used, so nothing was sent."""
    AUTH_FAILED = "auth-failed"
    """The token or the signature of the call could not be had, so nothing was sent."""
    FILE_UNUSABLE = "file-unusable"
    """A file of the source that the call sends could not be read, so nothing was sent."""
    TEMPLATE = "template"
    """A template of the job could not be rendered, so nothing was sent."""
    TARGET_NOT_ALLOWED = "target-not-allowed"
    """The host is a link-local address, or resolves to such addresses only, so nothing was sent."""


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt. A target that fails is an outcome, never an exception."""

    http_status: int | None = None
    failure: Failure | None = None
    error: str | None = None
    """A message for people: what went wrong or, after a success, what was unusual in the response; without secrets."""
    response_size: int | None = None
    """How many bytes of the response body were read."""
    excerpt: str | None = None
    """The first `EXCERPT_BYTES` bytes of the response as text."""
    is_unreached: bool = field(default=False, compare=False)
    """No connection was made, or no token could be fetched just now, so nothing was sent."""
    extracted: Mapping[str, Any] | None = None
    """The values of the answer that the job hands on to those that run after it."""
    retry_after: str | None = None
    """The header `Retry-After` of a 429 or a 503, as it was written."""
    exchange: Exchange | None = field(default=None, compare=False)
    """`None` if no attempt to connect was made."""
