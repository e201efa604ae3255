"""The main process's end of one sender: its calls in progress, the jobs that it knows, and whether it lives."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from myscheduler.adapters.senders.process import SenderProcess, start_sender
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job
from myscheduler.core.policy.file import Rules
from myscheduler.service.dispatch.caller import RedactedBugError, SenderLostError
from myscheduler.service.senders.messages import (
    CallId,
    CallRow,
    Orders,
    Report,
    Setup,
    call_row,
    outcome_of,
    packed,
    told_rules,
)

MOST_JOBS = 16_384
"""Jobs that a sender keeps."""
START_SEC = 60.0
"""How long a sender may take until it can make calls."""
BEAT_SEC = 1.0
MOST_MISSED = 8
"""Beats in a row without a word from the sender, after which it is killed: it hangs, and so do its calls."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """A job as the sender knows it."""

    number: int
    job: Job


class Link:
    """One sender process, from its start to its end.

    All that is said in one turn of the event loop goes in one message.
    """

    def __init__(
        self,
        setup: Setup,
        rules: Callable[[], Rules],
        *,
        certificate_seen: Callable[[str, datetime], None],
    ) -> None:
        """`rules` returns the rules in force, the same object as long as they stay."""
        self._setup = setup
        self._rules = rules
        self._certificate_seen = certificate_seen
        self._loop = asyncio.get_running_loop()
        self._process: SenderProcess | None = None
        self._ready: asyncio.Future[bool] = self._loop.create_future()
        """Whether it can make calls, once that is known."""
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._calls: dict[CallId, asyncio.Future[Outcome]] = {}
        self._last_job = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._told_rules: Rules | None = None
        """The rules that the sender was told last."""
        self._rows: list[CallRow] = []
        self._jobs: list[tuple[int, bytes]] = []
        self._forgotten: list[int] = []
        self._cancelled: list[CallId] = []
        self._is_flushing = False
        self._has_reported = False

    def __len__(self) -> int:
        """How many calls are in progress."""
        return len(self._calls)

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> int:
        """Start the process, and return its id. Raises `OSError`."""
        self._process = await start_sender(self._hear, self._lose)
        self._process.channel.send(self._setup)
        return self._process.pid

    async def until_ready(self) -> bool:
        """Wait until it can make calls; false if it ends instead, or takes too long."""
        await asyncio.wait([self._ready], timeout=START_SEC)
        return self._ready.done() and self._ready.result()

    async def watch(self) -> None:
        """Wait until the process has ended, or hangs and is killed."""
        missed = 0
        while missed < MOST_MISSED:
            self._has_reported = False
            self._flush()  # is answered, also if it says nothing
            if (await asyncio.wait([self._lost], timeout=BEAT_SEC))[0]:
                return
            missed = 0 if self._has_reported else missed + 1
        if self._process is not None:
            log.error("a sender does not respond, and is killed", extra={"pid": self._process.pid})
            self._process.kill()

    async def end(self) -> int | None:
        """End the process, and return its exit code: nothing of it is sent after that. Its calls are lost."""
        if self._process is not None and not self._ready.done():
            self._process.kill()  # it has no calls, and is too busy with its start to see that it is to end
        code = None if self._process is None else await self._process.end()
        calls, self._calls = self._calls, {}
        for ended in calls.values():
            if not ended.done():
                ended.set_exception(SenderLostError())
                ended.exception()  # nobody asks for that of a call which is being cancelled
        return code

    # --- calls ----------------------------------------------------------------------------------------------------

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        """Have the sender make a call. Raises `SenderLostError` if it ends before the outcome has come."""
        self._rows.append(call_row(execution, attempt, self._number_of(job, execution)))
        call = execution.execution_id, attempt
        ended: asyncio.Future[Outcome] = self._loop.create_future()
        self._calls[call] = ended
        self._flush_soon()
        try:
            outcome = await ended
        except asyncio.CancelledError:
            await self._cancel(call)
            raise
        return outcome

    async def _cancel(self, call: CallId) -> None:
        """End a call, and wait until it has ended: only then may another take its place."""
        if call not in self._calls:
            return
        ended = self._calls[call] = self._loop.create_future()
        self._cancelled.append(call)
        self._flush_soon()
        await asyncio.wait([ended])

    def _number_of(self, job: Job, execution: Execution) -> int:
        """The number of the job as it is for this execution; the sender is told if it does not know it yet."""
        found = self._known.get(job.job_id)
        if found is not None:
            known = found.job
            if (
                known.spec is job.spec
                and known.owner is job.owner
                and (known.source is execution.source or known.source == execution.source)
            ):
                return found.number
            self._forgotten.append(found.number)
        elif len(self._known) >= MOST_JOBS:
            self._forgotten.append(self._known.popitem(last=False)[1].number)
        self._last_job = number = self._last_job + 1
        told = replace(job, source=execution.source)
        self._jobs.append((number, packed(told)))
        self._known[job.job_id] = _Known(number, told)
        return number

    # --- messages -------------------------------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Say what there is to say. Jobs that are forgotten may still be named by calls of the same message."""
        self._is_flushing = False
        if self._process is None:
            return
        rules = self._rules()
        news = None if rules is self._told_rules else told_rules(rules)
        self._told_rules = rules
        orders = Orders(self._rows, self._jobs, self._forgotten, self._cancelled, news)
        self._rows, self._jobs, self._forgotten, self._cancelled = [], [], [], []
        self._process.channel.send(tuple(orders))

    def _lose(self) -> None:
        self._lost.set_result(None)
        if not self._ready.done():
            self._ready.set_result(False)

    def _hear(self, message: tuple[object, ...]) -> None:
        self._has_reported = True
        if not self._ready.done():
            self._ready.set_result(True)
        report = Report._make(message)
        for call, row in report.outcomes:
            if (ended := self._ended(call)) is not None:
                ended.set_result(outcome_of(row))
        for call in report.cancelled:
            if (ended := self._ended(call)) is not None:
                ended.cancel()
        for call, trace in report.bugs:
            if (ended := self._ended(call)) is not None:
                ended.set_exception(RedactedBugError(trace))
        for host, expires_at in report.certificates:
            self._certificate_seen(host, expires_at)

    def _ended(self, call: CallId) -> "asyncio.Future[Outcome] | None":
        """What waits for the end of a call; `None` if nothing does any more."""
        ended = self._calls.pop(call, None)
        return None if ended is None or ended.done() else ended
