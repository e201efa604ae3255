"""Executions in progress: one `Flight` for each, and the only place to cut one off."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.dispatch.armed import lane_of
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Execution, Finish, Kind
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditEntry, Cancellation
from myscheduler.core.reason import Reason
from myscheduler.messages.message import said


@dataclass(frozen=True, slots=True)
class CutOff:
    """Why an execution is cut off, and the texts recorded for it in the history."""

    reason: Reason
    error: str
    """The error recorded if requests may have been sent."""
    unsent: str
    """The error recorded if no request was sent."""
    cancelled: Cancellation | None = None
    """The request that cut it off, to be recorded with its end."""
    is_resumable: bool = False
    """Whether the next start sends it again if its job says `on_interrupt: retry`; its row then stays `running`."""


STOPPED = CutOff(
    Reason.SHUTDOWN,
    error=said("stopped"),
    unsent=said("stopped-unsent"),
    is_resumable=True,
)
_REPLACED = said("replaced")
REPLACED = CutOff(Reason.REPLACED, error=_REPLACED, unsent=_REPLACED)
_GIVEN_UP = said("given-up")
GIVEN_UP = CutOff(Reason.DATABASE, error=_GIVEN_UP, unsent=_GIVEN_UP)
_LOST = said("sender-lost")
SENDER_LOST = CutOff(Reason.SENDER_LOST, error=_LOST, unsent=_LOST)


def cut_off_by(cancelled: Cancellation) -> CutOff:
    """The execution was cancelled by a request."""
    error, unsent = (cancelled_in_words(cancelled.entry, code) for code in ("cancelled", "cancelled-unsent"))
    return CutOff(Reason.CANCELLED, error=error, unsent=unsent, cancelled=cancelled)


def cancelled_in_words(entry: AuditEntry, code: str) -> str:
    return said(code, by=entry.actor, reason=entry.detail.get("reason") or None)


@dataclass(slots=True, eq=False)
class Flight:
    """An execution in progress: its claim is stored, and its end is not recorded yet.

    It runs in `task` until `finish` is set, and is closed once that is recorded. After `finish` is set it can't be cut
    off any more.
    """

    job: Job
    """As it was when the execution was claimed."""
    execution: Execution
    host: str
    has_permit: bool
    """Whether it holds a permit to send an attempt; it has none while it waits for its next attempt."""
    attempts: int = 0
    """How many attempts have begun, in this process or an earlier one."""
    attempts_detail: tuple[Attempt, ...] = ()
    """The attempts that are known, in order; the last may be in progress."""
    next_attempt_at: datetime | None = None
    """While it waits for its next attempt: when that is due. No request of it is in flight then."""
    is_wait_recorded: bool = False
    """Whether its row certainly says so."""
    task: asyncio.Task[None] | None = None
    is_begun: bool = False
    """Whether `task` has begun to run. From then on, cutting it off means cancelling the task."""
    cut_off: CutOff | None = None
    """Why it is being cut off; `None` if it may end by itself."""
    finish: Finish | None = None
    """How it ended; `None` while it runs."""
    is_counted: bool = True
    """Whether the agenda counts it: one that waits for its turn in a chain is not in progress yet."""
    closed: asyncio.Event | None = None
    """Set when its end is recorded, if anyone waits for that."""

    @property
    def is_unbegun(self) -> bool:
        """Whether it waits for its turn in a chain: its row is stored, and nothing of it was sent."""
        return self.execution.kind is Kind.CHAINED and self.attempts == 0 and self.next_attempt_at is not None

    @property
    def lane(self) -> str:
        """The lane in which it waits for permits."""
        return lane_of(self.job.spec, self.host)


class Flights:
    """All executions in progress, by id and by job, each in the order of their start.

    A flight is opened when its claim is stored and closed when its end is recorded. So an execution that the history
    shows as `running` and that is not here was left by an earlier process, or by a commit whose answer was lost.

    `end` cuts off one execution, `end_all` all. Both only set `cut_off` and cancel the task; the task then ends the
    flight.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Flight] = {}
        self._by_job: dict[str, dict[str, Flight]] = {}
        self._is_claiming = False
        self._is_empty = asyncio.Event()
        self.cut_off: CutOff | None = None
        """Why all flights are cut off, including those opened later; `None` in normal operation."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Flight]:
        """The flights, oldest first."""
        return iter(self._by_id.values())

    def open(self, flight: Flight) -> None:
        """Add a flight."""
        execution = flight.execution
        self._by_id[execution.execution_id] = flight
        self._by_job.setdefault(execution.job_id, {})[execution.execution_id] = flight

    def close(self, flight: Flight) -> None:
        """Remove a flight, because its end is recorded or left to the next start."""
        execution = flight.execution
        del self._by_id[execution.execution_id]
        if flight.closed is not None:
            flight.closed.set()
        of_job = self._by_job[execution.job_id]
        del of_job[execution.execution_id]
        if not of_job:
            del self._by_job[execution.job_id]
        self._update_is_empty()

    def end(self, execution_id: str, how: CutOff) -> bool:
        """Cut off an execution. Returns whether it was still running. If it was cut off before, the first cause counts.

        It ends in a later turn of the event loop, when its task has released what it holds.
        """
        flight = self._by_id.get(execution_id)
        if flight is None or flight.finish is not None:
            return False
        flight.cut_off = flight.cut_off or how
        if flight.task is not None and flight.is_begun:  # else its first step sees `cut_off`
            flight.task.cancel()
        return True

    def end_all(self, how: CutOff) -> None:
        """Cut off all executions, and any that is opened later."""
        self.cut_off = how
        for execution_id in self.ids:
            self.end(execution_id, how)

    @property
    def ids(self) -> Sequence[str]:
        return tuple(self._by_id)

    @property
    def executions(self) -> Sequence[Execution]:
        """The executions in progress, oldest first."""
        return [flight.execution for flight in self._by_id.values()]

    def of_job(self, job_id: str) -> Collection[Flight]:
        """The job's flights, oldest first."""
        return self._by_job.get(job_id, {}).values()

    def find(self, execution_id: str) -> Flight | None:
        return self._by_id.get(execution_id)

    # --- waiting for the last one ---------------------------------------------------------------------------------

    @property
    def are_over(self) -> bool:
        """Whether nothing is in progress and no claims are being stored."""
        return not self._by_id and not self._is_claiming

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """A context in which claims are being stored: `are_over` is false and `wait` goes on until it is left."""
        self._is_claiming = True
        try:
            yield
        finally:
            self._is_claiming = False
            self._update_is_empty()

    async def wait(self, seconds: float) -> None:
        """Wait until nothing is in progress, at most `seconds`, or until `stop_waiting` is called."""
        self._update_is_empty()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()

    def stop_waiting(self) -> None:
        """Make current calls of `wait` return."""
        self._is_empty.set()

    def _update_is_empty(self) -> None:
        if self.are_over:
            self._is_empty.set()
        else:
            self._is_empty.clear()
