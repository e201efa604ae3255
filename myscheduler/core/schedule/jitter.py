"""The jitter of a job: a fixed delay, computed from its id, so that a review can show the exact time of each run."""

import hashlib
from datetime import timedelta


def jitter_offset(job_id: str, jitter_sec: int) -> timedelta:
    """A delay of whole seconds from 0 (included) to `jitter_sec` (excluded); always and everywhere the same for an id.

    A hash of the name instead of a random number is also what Jenkins' `H` and Dkron's `~` use.
    """
    if not jitter_sec:
        return timedelta()
    return timedelta(seconds=int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8], "big") % jitter_sec)
