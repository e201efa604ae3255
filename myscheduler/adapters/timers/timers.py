"""APScheduler as the timer: it wakes us when a job has a slot due, and decides nothing.

Which slots are due, and what becomes of them, is decided from the job's cursor; so a wake-up that comes late, twice or
for nothing does no harm. What APScheduler would do by itself (coalesce, skip, drop what is late) is switched off.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from myscheduler.adapters.timers.timer_heap import Timer, TimerHeap
from myscheduler.core.schedule.slots import Schedule, next_after

PAUSE_SEC = 0.005
"""The timer thread rests so long at least; with thousands of jobs it would wake up for each of them."""

Due = tuple[str, datetime]
"""A job's id and the slot that its timer was set to."""
Wake = Callable[[Sequence[Due]], None]
Armed = tuple[Sequence[tuple[str, Schedule, datetime]], Sequence[str]]
"""Jobs to be armed, each with its schedule and the moment before its first slot; and ids of those that are gone."""

log = logging.getLogger(__name__)


class Timers:
    """Holds one timer a job, in a thread of its own, and hands due jobs to `wake` on the event loop, many at a time."""

    def __init__(self, wake: Wake, loop: asyncio.AbstractEventLoop) -> None:
        self._executor = _Collector(wake, loop)
        self._scheduler = _Scheduler(self._executor)
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="arm-timers")
        self._is_stopped = False
        self._wanted: list[Armed] = []
        self._guard = threading.Lock()

    def start(self) -> None:
        """Begin to ring, once what is armed so far is in."""
        self._hands.submit(self._scheduler.start).add_done_callback(_report)

    def stop(self) -> None:
        """No wake-up comes after this returns, and arming does nothing any more."""
        self._is_stopped = True
        self._hands.shutdown(wait=True, cancel_futures=True)
        self._executor.close()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def look(self) -> None:
        """The clock was set: what is due may be due now, while the scheduler waits for as long as it seemed before."""
        if not self._is_stopped:
            self._hands.submit(self._look).add_done_callback(_report)

    def _look(self) -> None:
        if self._scheduler.running:
            self._scheduler.wakeup()

    def arm(self, schedules: Sequence[tuple[str, Schedule, datetime]], removed: Sequence[str]) -> None:
        """Set timers to the first slot after each given moment, and stop others. Returns at once.

        The scheduler's lock is held while it works through what is due, so the event loop must not wait for it.
        """
        if self._is_stopped:
            return
        with self._guard:
            self._wanted.append((schedules, removed))
            is_first = len(self._wanted) == 1
        if is_first:
            self._hands.submit(self._arm_wanted).add_done_callback(_report)

    def _arm_wanted(self) -> None:
        """Whatever was asked for meanwhile."""
        with self._guard:
            wanted, self._wanted = self._wanted, []
        for schedules, removed in wanted:
            self._arm(schedules, removed)
            if schedules or removed:
                log.debug("timers set", extra={"jobs": len(schedules), "removed": len(removed)})

    def _arm(self, schedules: Sequence[tuple[str, Schedule, datetime]], removed: Sequence[str]) -> None:
        firsts = ((job_id, schedule, next_after(schedule, after)) for job_id, schedule, after in schedules)
        found = [(job_id, Timer(job_id, schedule, first) if first else None) for job_id, schedule, first in firsts]
        self._scheduler.set_timers([*((job_id, None) for job_id in removed), *found])


class _Scheduler(BackgroundScheduler):  # type: ignore[misc] # APScheduler ships no types
    """Rings for all that is due within a moment at once."""

    def __init__(self, executor: BaseExecutor) -> None:
        self._heap = TimerHeap()
        super().__init__(timezone=UTC, executors={"default": executor}, jobstores={"default": self._heap})

    def set_timers(self, timers: Iterable[tuple[str, Timer | None]]) -> None:
        """Set them, or stop those that are `None`, all at once.

        APScheduler's own way looks at what each job would run, and wakes the thread for each.
        """
        with self._jobstores_lock:
            before = self._heap.get_next_run_time()
            for job_id, timer in timers:
                if timer is None:
                    self._heap.discard(job_id)
                else:
                    self._heap.set(timer)
            has_to_look = self._heap.get_next_run_time() != before
        if has_to_look and self.running:
            self.wakeup()

    def _process_jobs(self) -> float | None:
        wait: float | None = super()._process_jobs()
        return None if wait is None else max(wait, PAUSE_SEC)


def _report(future: object) -> None:
    error = future.exception() if not future.cancelled() else None  # type: ignore[attr-defined]
    if error is not None:
        log.error("timers could not be set", exc_info=error)


class _Collector(BaseExecutor):  # type: ignore[misc] # APScheduler ships no types
    """Collects what is due in the scheduler's thread; the event loop takes all that is there at once."""

    def __init__(self, wake: Wake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._wake = wake
        self._loop = loop
        self._due: dict[str, datetime] = {}
        """By job, so that it stays small however long the event loop is busy."""
        self._guard = threading.Lock()
        self._is_open = True

    def submit_job(self, job: Timer, run_times: Sequence[datetime]) -> None:
        """Called by the scheduler for each due job; counting instances is not its business here."""
        with self._guard:
            is_first = not self._due
            self._due[job.id] = run_times[-1]
        if is_first and self._is_open:
            self._loop.call_soon_threadsafe(self._hand_over)

    def _do_submit_job(self, job: Timer, run_times: Sequence[datetime]) -> None:
        """Abstract in the base; `submit_job` stands before it."""

    def close(self) -> None:
        self._is_open = False

    def _hand_over(self) -> None:
        with self._guard:
            due, self._due = self._due, {}
        log.debug("timers rang", extra={"jobs": len(due)})
        if self._is_open:
            self._wake(list(due.items()))
