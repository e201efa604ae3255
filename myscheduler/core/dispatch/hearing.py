"""What a ping says, and what becomes of the execution that waits for it. Pure decisions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Execution, Status, is_of
from myscheduler.core.job.job import Job
from myscheduler.core.job.ping import Ping
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import LAST_INSTANT, forth
from myscheduler.messages.message import said

LOG_BYTES = 10 * 1024
"""The most bytes of a ping's body that are kept: its end, where a log says what went wrong."""
LONGEST_LINE = 200
"""Characters of a log's last line in an error."""


class Signal(StrEnum):
    """What a ping reports."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Heard:
    """One ping."""

    signal: Signal
    exit_code: int | None = None
    """Of a success (0) or a failure that was told by its exit code."""
    log: str | None = None
    """The end of its body."""
    size: int = 0
    """How many bytes its body had."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends that waited for pings."""

    status: Status
    outcome: Outcome
    reason: Reason | None = None


def heard(action: str, body: bytes = b"", size: int = 0) -> Heard | None:
    """The ping whose path ends in `action`, which is empty for a success; `None` if there is no such action.

    `body` is the end of what was sent, and `size` how many bytes that had in all.
    """
    log = body[-LOG_BYTES:].decode("utf-8", "replace").replace("\0", "\ufffd") or None
    if action in {Signal.START, Signal.FAIL, Signal.LOG}:
        return Heard(Signal(action), None, log, size)
    if not action:
        return Heard(Signal.SUCCESS, None, log, size)
    if action.isascii() and action.isdecimal() and len(action) <= 3 and int(action) <= 255:
        code = int(action)
        return Heard(Signal.FAIL if code else Signal.SUCCESS, code, log, size)
    return None


def deadline_of(ping: Ping, execution: Execution, *, has_begun: bool) -> datetime:
    """Until when an execution waits for its success. With `has_begun`, its start was told at `started_at`."""
    return forth(execution.started_at if has_begun else execution.slot, ping.grace) or LAST_INSTANT


def goes_on(job: Job, execution: Execution, now: datetime, *, has_begun: bool) -> bool:
    """Whether an execution that waited when the service ended still waits at the next start."""
    ping = job.spec.ping
    if ping is None or not is_of(job, execution.execution_id):
        return False
    return deadline_of(ping, execution, has_begun=has_begun) > now


def end_of(ping: Heard, log: str | None) -> Ending:
    """The end that a success or a failure reports; `log` is what was told before, for a ping without a body."""
    excerpt = ping.log or log
    if ping.signal is not Signal.FAIL:
        return Ending(Status.COMPLETED, Outcome(response_size=ping.size or None, excerpt=excerpt))
    last = _last_line(excerpt)
    if ping.exit_code is None:
        error = said("ping-failed", last=last)
    else:
        error = said("ping-exit-code", code=ping.exit_code, last=last)
    return Ending(Status.FAILED, Outcome(error=error, response_size=ping.size or None, excerpt=excerpt))


def overdue(ping: Ping, *, has_begun: bool, log: str | None) -> Ending:
    """The end of an execution whose deadline passed without a report of its success or failure."""
    seconds = int(ping.grace.total_seconds())
    if has_begun:
        error = said("ping-end-missing", seconds=seconds)
        return Ending(Status.FAILED, Outcome(error=error, excerpt=log), Reason.NO_PING)
    return Ending(Status.MISSED, Outcome(error=said("ping-missing", seconds=seconds), excerpt=log), Reason.NO_PING)


def _last_line(log: str | None) -> str | None:
    """The last line of a log that says something, without control characters; `None` if there is none."""
    lines = [line.strip() for line in (log or "").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(char if char.isprintable() else " " for char in last[:LONGEST_LINE]).strip() or None
