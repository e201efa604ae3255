"""Why a slot did not run, or why an execution ended as it did."""

from enum import StrEnum


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
    CATCHUP = "catchup"
    REPLACED = "replaced"
    CRASH = "crash"
    SHUTDOWN = "shutdown"
    DATABASE = "database"
    NO_FILE = "no-file"
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a word, no password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - a word, no password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - a word, no password
    TARGET_NOT_ALLOWED = "target-not-allowed"
