"""The jitter of a job: a fixed part of the seconds that it may run later, so that a review can see the real minute."""

import hashlib
from datetime import timedelta


def jitter_offset(job_id: str, jitter_sec: int) -> timedelta:
    """Whole seconds from 0, included, to `jitter_sec`, excluded; the same for an id everywhere and for ever.

    A hash of the name instead of chance is Jenkins' `H` and Dkron's `~`.
    """
    if not jitter_sec:
        return timedelta()
    return timedelta(seconds=int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8], "big") % jitter_sec)
