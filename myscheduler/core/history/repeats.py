"""API requests with an `Idempotency-Key`: a repeated request gets the stored answer of the first one.

As in the draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header, 2.6), the same key
with a different request is an error, and answers are stored for a documented time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

KEPT = timedelta(hours=24)
"""How long an answer is stored."""
LONGEST_KEY = 255
"""The most characters of a key."""
INTERNAL = "§"
"""Begins the keys that are made here: those of callers are ASCII, so none can be the same."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key of a request, with a fingerprint of the request and the time it came."""

    key: str
    fingerprint: str
    """SHA-256 of the method, the path and the body."""
    at: datetime

    def of_job(self, job_id: str) -> "RequestKey":
        """The key for one job of a request about many, so that a request that was cut off can be continued."""
        digest = sha256(f"{self.key}\n{job_id}".encode()).hexdigest()
        return RequestKey(f"{INTERNAL}{digest}", self.fingerprint, self.at)

    def kept(self, answer: Mapping[str, Any], execution_id: str | None = None) -> "Kept":
        return Kept(self.key, self.fingerprint, self.at, answer, execution_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """The stored answer to a request with a key."""

    key: str
    fingerprint: str
    at: datetime
    answer: Mapping[str, Any] = field(hash=False)
    execution_id: str | None = None
    """The execution that the request started, if any."""
