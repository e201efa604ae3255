"""What became of one try to deliver a message."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.findings.problem import cut, printable
from myscheduler.core.incidents.delivery import DELIVERED, Delivered, Failed
from myscheduler.messages.message import said

LONGEST_WAIT = timedelta(hours=1)
"""The most that a service can make us wait with `Retry-After`."""
LONGEST_ANSWER = 200
_TRY_AGAIN = frozenset({408, 425, 429})
_NOT_SENT = frozenset({Failure.INVALID_REQUEST, Failure.TARGET_NOT_ALLOWED})


def delivery_of(outcome: Outcome, now: datetime) -> Delivered | Failed:
    """What the outcome of a request to a service means. One that says so has taken it, even if its answer then breaks
    off: people would get it again and again.
    """
    status = outcome.http_status
    if outcome.failure is None or (status is not None and 200 <= status < 300):
        return DELIVERED
    why = outcome.error or str(outcome.failure)
    if outcome.excerpt:
        answer = printable(" ".join(outcome.excerpt[: 4 * LONGEST_ANSWER].split()))
        why = said("channel-answered", why=why, answer=cut(answer, LONGEST_ANSWER))
    is_refused = status is not None and 300 <= status < 500 and status not in _TRY_AGAIN
    return Failed(why, is_refused or outcome.failure in _NOT_SENT, _wait(outcome.retry_after, now))


def _wait(written: str | None, now: datetime) -> timedelta | None:
    """The time that `Retry-After` asks for (RFC 9110, 10.2.3), in seconds or as a date; `None` if it says nothing."""
    if written is None:
        return None
    if written.isascii() and written.isdigit():
        wait = timedelta(seconds=int(written[:9]))
    else:
        try:
            until = parsedate_to_datetime(written)
        except ValueError:
            return None
        wait = until.replace(tzinfo=until.tzinfo or UTC) - now
    return min(max(wait, timedelta()), LONGEST_WAIT)
