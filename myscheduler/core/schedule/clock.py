"""The time at which something is decided, and the zone that applies where a job names none."""

from datetime import datetime
from typing import NamedTuple


class Clock(NamedTuple):
    """One reading of the clock: the core never reads it, so what a decision needs of it is passed in."""

    now: datetime
    """An aware datetime."""
    zone: str
    """The IANA name of the service's zone, in which jobs without a zone of their own are due."""
