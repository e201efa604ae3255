"""The one list of reasons: why a slot did not run, or why an execution ended as it did.

The values are written in the history, in the answers of the API and in metrics, so they never change.
"""

from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why a slot did not run, or why an execution ended as it did."""

    PAUSED = "paused"
    OVERLAP = "overlap"
    DEADLINE = "deadline"
    COALESCED = "coalesced"
    BACKLOG = "backlog"
    EDITED = "edited"
    DELETED = "deleted"
    EXPIRED = "expired"
    DST_GAP = "dst-gap"
    BLACKOUT = "blackout"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    CATCH_UP = "catchup"
    REPLACED = "replaced"
    CRASH = "crash"
    SHUTDOWN = "shutdown"
    DATABASE = "database"
    NO_FILE = "no-file"
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a word, no password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - a word, no password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - a word, no password
    TARGET_NOT_ALLOWED = "target-not-allowed"


ClosedReason = Literal[Reason.HOLIDAY, Reason.WEEKEND]
"""Why a day is closed."""

ExclusionReason = Literal[Reason.DST_GAP, Reason.BLACKOUT, Reason.HOLIDAY, Reason.WEEKEND]
"""Why a due slot is left out, whatever state its job is in."""
