"""Requests that carry an `Idempotency-Key`, so that a repeated one is answered as the first was.

As in the draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header, 2.6): the same key
with another request is an error, and an answer is kept for a time that is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

KEPT = timedelta(hours=24)
"""How long an answer is kept."""
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key of a request, and what the request was."""

    key: str
    fingerprint: str
    """SHA-256 of the method, the path and the body."""
    at: datetime

    def kept(self, answer: Mapping[str, Any], execution_id: str | None = None) -> "Kept":
        return Kept(self.key, self.fingerprint, self.at, answer, execution_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request with a key was answered with."""

    key: str
    fingerprint: str
    at: datetime
    answer: Mapping[str, Any] = field(hash=False)
    execution_id: str | None = None
    """The execution that it asked for, if any."""
