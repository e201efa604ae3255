"""The executions that are under way: one object for each, and the one place to end one of them."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from myscheduler.core.history.execution import Execution, Finish
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason


@dataclass(frozen=True, slots=True)
class CutOff:
    """How an execution ends that is not left to end by itself."""

    reason: Reason
    error: str
    """What its row says."""
    unsent: str
    """What its row says where no request of it was sent."""
    is_resumable: bool = False
    """The next start of the service sends it again where its job asks for that, so its row stays open."""


STOPPED = CutOff(
    Reason.SHUTDOWN,
    error="the scheduler was stopped while this execution was under way; the target may have got the request",
    unsent="the scheduler was stopped before this execution was sent",
    is_resumable=True,
)
_REPLACED = "the next slot of this job was due, and it says overlap: replace; the target may have got the request"
REPLACED = CutOff(Reason.REPLACED, error=_REPLACED, unsent=_REPLACED)
_GIVEN_UP = "whoever triggered it was told that it could not be recorded in time, so it was not sent"
GIVEN_UP = CutOff(Reason.DATABASE, error=_GIVEN_UP, unsent=_GIVEN_UP)


@dataclass(slots=True, eq=False)
class Flight:
    """An execution under way: its claim is stored, and its end is not recorded yet.

    It runs in `task` until `finish` is set, and is closed once that is recorded. Once `finish` is set, nothing cuts it
    off any more.
    """

    job: Job
    """As it was when the execution was claimed."""
    execution: Execution
    host: str
    """The lane in which it waits for permits."""
    has_permit: bool
    """One attempt of it may be sent. It has none while it waits for its next attempt."""
    attempts: int = 0
    """How many attempts have begun, in this process or an earlier one."""
    task: asyncio.Task[None] | None = None
    is_begun: bool = False
    """`task` has taken its first step, so from now on it has to be cancelled to be ended."""
    cut_off: CutOff | None = None
    """How it is to end, if it is not left to end by itself."""
    finish: Finish | None = None
    """How it ended; not recorded yet."""


class Flights:
    """All executions under way, by id and by job; the oldest of a job is its first.

    Opened when the claim is stored, and closed when the end is recorded, so whatever the history calls `running` and is
    not here was left by an earlier process, or by a commit whose answer was lost. `end` is how one execution is ended,
    `end_all` how all are; both only say how, and the execution's own task does it.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Flight] = {}
        self._by_job: dict[str, dict[str, Flight]] = {}
        self._is_claiming = False
        self._is_empty = asyncio.Event()
        self.cut_off: CutOff | None = None
        """How all end, also those that are opened from now on; `None` as long as executions are sent."""

    def __len__(self) -> int:
        return len(self._by_id)

    def open(self, flight: Flight) -> None:
        """An execution is under way from here on."""
        execution = flight.execution
        self._by_id[execution.execution_id] = flight
        self._by_job.setdefault(execution.job_id, {})[execution.execution_id] = flight

    def close(self, flight: Flight) -> None:
        """The end of an execution is recorded, or is left to the next start."""
        execution = flight.execution
        del self._by_id[execution.execution_id]
        of_job = self._by_job[execution.job_id]
        del of_job[execution.execution_id]
        if not of_job:
            del self._by_job[execution.job_id]
        self._tell()

    def end(self, execution_id: str, how: CutOff) -> bool:
        """Cut off an execution. Returns whether it was still running; what came first says how it ends.

        It ends in the next turns of the event loop, as soon as its task has let go of what it holds.
        """
        flight = self._by_id.get(execution_id)
        if flight is None or flight.finish is not None:
            return False
        flight.cut_off = flight.cut_off or how
        if flight.task is not None and flight.is_begun:  # else its first step sees `cut_off`
            flight.task.cancel()
        return True

    def end_all(self, how: CutOff) -> None:
        """Cut off all executions, and from now on each that comes to be under way."""
        self.cut_off = how
        for execution_id in self.ids:
            self.end(execution_id, how)

    @property
    def ids(self) -> Sequence[str]:
        return tuple(self._by_id)

    @property
    def executions(self) -> Sequence[Execution]:
        """Those that are under way, the oldest first."""
        return [flight.execution for flight in self._by_id.values()]

    def of_job(self, job_id: str) -> Collection[Flight]:
        """The job's executions, the oldest first."""
        return self._by_job.get(job_id, {}).values()

    # --- waiting for the last one ---------------------------------------------------------------------------------

    @property
    def are_over(self) -> bool:
        """Nothing is under way, and no claim is being stored that would bring something."""
        return not self._by_id and not self._is_claiming

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Claims are being stored: what waits for the last flight waits for the end of the block, too."""
        self._is_claiming = True
        try:
            yield
        finally:
            self._is_claiming = False
            self._tell()

    async def wait(self, seconds: float) -> None:
        """Returns when nothing is under way any more, after `seconds`, or when `stop_waiting` is called."""
        self._tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()

    def stop_waiting(self) -> None:
        """Let go whoever is in `wait`."""
        self._is_empty.set()

    def _tell(self) -> None:
        if self.are_over:
            self._is_empty.set()
        else:
            self._is_empty.clear()
