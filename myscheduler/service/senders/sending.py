"""A sender's end: makes the calls that it is told to make, and reports how they ended."""

import asyncio
import os
import traceback
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from myscheduler.core.job.job import Job
from myscheduler.core.policy.file import Rules
from myscheduler.service.dispatch.caller import Caller, RedactedBugError
from myscheduler.service.senders.messages import (
    CallId,
    CallRow,
    Orders,
    OutcomeRow,
    Report,
    execution_of,
    outcome_row,
    taken_rules,
    unpacked,
)


class Sending:
    """Makes each call in a task of its own. What ends in one turn of the event loop is reported in one message."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        """`send` takes reports."""
        self._send = send
        self.rules = Rules()
        """The rules in force, as the main process said last."""
        self._parent = os.getppid()
        self._jobs: dict[int, Job] = {}
        self._tasks: dict[CallId, asyncio.Task[None]] = {}
        self._outcomes: list[tuple[CallId, OutcomeRow]] = []
        self._cancelled: list[CallId] = []
        self._bugs: list[tuple[CallId, str]] = []
        self._certificates: list[tuple[str, datetime]] = []
        self._is_flushing = False
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        """Report that calls can be made."""
        self._flush_soon()

    def take(self, message: tuple[Any, ...], caller: Caller) -> None:
        """Do what a message asks for; nothing more is begun once the main process has ended."""
        if os.getppid() != self._parent:
            return
        orders = Orders._make(message)
        if orders.rules is not None:
            self.rules = taken_rules(orders.rules)
        for number, data in orders.jobs:
            self._jobs[number] = unpacked(data)
        for row in orders.calls:
            self._tasks[row[0]] = asyncio.create_task(self._call(caller, row, self._jobs[row[1]]))
        for number in orders.forgotten:
            del self._jobs[number]
        for call in orders.cancelled:
            if (task := self._tasks.get(call)) is None:
                self._cancelled.append(call)  # it has just ended
            else:
                task.cancel()
                task.add_done_callback(partial(self._stopped, call))
        if not orders.calls:
            self._flush_soon()

    def certificate_seen(self, host: str, expires_at: datetime) -> None:
        self._certificates.append((host, expires_at))
        self._flush_soon()

    async def _call(self, caller: Caller, row: CallRow, job: Job) -> None:
        call = row[0]
        try:
            outcome = await caller.call(job, execution_of(row, job), call[1])
            self._outcomes.append((call, outcome_row(outcome)))
        except RedactedBugError as error:
            self._bugs.append((call, str(error)))
        except Exception:  # noqa: BLE001 - the main process logs it
            self._bugs.append((call, traceback.format_exc()))
        del self._tasks[call]
        self._flush_soon()

    def _stopped(self, call: CallId, task: "asyncio.Task[None]") -> None:
        """Report a call that was told to end, also if it had not begun; its outcome may have been faster."""
        if task.cancelled():
            del self._tasks[call]
            self._cancelled.append(call)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        report = Report(self._outcomes, self._cancelled, self._bugs, self._certificates)
        self._outcomes, self._cancelled, self._bugs, self._certificates = [], [], [], []
        self._send(tuple(report))
