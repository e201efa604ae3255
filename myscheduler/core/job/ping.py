"""What a job expects that makes no call: the pings of work that runs elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from myscheduler.core.caching import cached
from myscheduler.core.schedule.timestamps import duration_text, parse_duration

USUAL_GRACE = timedelta(hours=1)
_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""22 characters have at least 128 bits if they are drawn at random; a UUID has 36."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The key that pings of a job come with, and how long they may take."""

    key_sha256: str
    """The SHA-256 of the key, in hexadecimal: the key itself is known to the senders only."""
    grace: timedelta = USUAL_GRACE
    """After a slot, the time for its success; once a start is told, the time from then on. In whole seconds."""


def hash_of(key: str) -> str | None:
    """What `Ping.key_sha256` has for a key; `None` for one that is too short to be secret, or no key at all."""
    return sha256(key.encode()).hexdigest() if _KEY.fullmatch(key) else None


def ping_to_json(ping: Ping) -> dict[str, Any]:
    """As the field `ping` of a manifest."""
    return {"key_sha256": ping.key_sha256, "grace": duration_text(ping.grace)}


@cached(4_096)
def _shared_grace(text: str) -> timedelta:
    return timedelta(**dict(parse_duration(text)))


def ping_from_json(stored: Mapping[str, Any]) -> Ping:
    """The inverse of `ping_to_json`."""
    return Ping(stored["key_sha256"], _shared_grace(stored["grace"]))
