"""All reasons why a slot did not run, or why an execution failed or was interrupted.

Their values are stored in the history and appear in API responses and metrics, so they never change.
"""

from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why a slot did not run, or why an execution failed or was interrupted; `explain.reasons` has the explanations."""

    PAUSED = "paused"
    OVERLAP = "overlap"
    DEADLINE = "deadline"
    COALESCED = "coalesced"
    BACKLOG = "backlog"
    EDITED = "edited"
    DELETED = "deleted"
    EXPIRED = "expired"
    CIRCUIT_OPEN = "circuit-open"
    DST_GAP = "dst-gap"
    BLACKOUT = "blackout"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    CATCH_UP = "catchup"
    REPLACED = "replaced"
    CRASH = "crash"
    SHUTDOWN = "shutdown"
    CANCELLED = "cancelled"
    DATABASE = "database"
    SENDER_LOST = "sender-lost"
    NO_FILE = "no-file"
    SECRET_MISSING = "secret-missing"  # noqa: S105 - not a password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - not a password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - not a password
    TEMPLATE = "template"
    TARGET_NOT_ALLOWED = "target-not-allowed"
    NO_PING = "no-ping"
    EXPECTATION = "expectation"
    AUTH_FAILED = "auth-failed"
    FILE_UNUSABLE = "file-unusable"
    RETRY_AFTER = "retry-after-too-long"
    UPSTREAM_SKIPPED = "upstream-skipped"
    UPSTREAM_OUTCOME = "upstream-outcome"
    CONDITION = "condition"
    REQUIREMENT = "requirement"
    CHAIN_TIMEOUT = "chain-timeout"


ClosedReason = Literal[Reason.HOLIDAY, Reason.WEEKEND]
"""Why a day of a calendar is closed."""

ExclusionReason = Literal[Reason.DST_GAP, Reason.BLACKOUT, Reason.HOLIDAY, Reason.WEEKEND]
"""Why the schedule itself leaves a slot out, whatever the state of its job."""
