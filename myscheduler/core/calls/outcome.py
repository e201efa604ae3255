"""What came of an attempt."""

from dataclasses import dataclass
from enum import StrEnum

EXCERPT_BYTES = 4096
"""How much of a response is kept in the history."""


class Failure(StrEnum):
    """How an attempt failed; `HTTP_ERROR` stands for an answer that is not 2xx."""

    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UNREADABLE_ANSWER = "unreadable-answer"
    """Something came in which nobody can read a status. The target may have acted on the request."""
    INVALID_REQUEST = "invalid_request"
    NO_FILE = "no-file"
    """This process had no file left for a connection or a secret, so nothing was sent."""
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a word, no password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - a word, no password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - a word, no password
    """Without its secrets nothing is sent."""
    TARGET_NOT_ALLOWED = "target-not-allowed"
    """The host is a link-local address, or leads to one only, and nothing was sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt gave. A failing target is an outcome, never an exception."""

    http_status: int | None = None
    failure: Failure | None = None
    error: str | None = None
    """For people: what went wrong or, of a success, what was odd about the answer; without the request's secrets."""
    response_size: int | None = None
    """Bytes of the response body that were read."""
    excerpt: str | None = None
    """The first `EXCERPT_BYTES` bytes of the response as text."""
