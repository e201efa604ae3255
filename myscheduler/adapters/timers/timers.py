"""APScheduler as the timer: it wakes the dispatcher when a job has a slot due, and decides nothing.

The dispatcher decides from the job's cursor which slots are due and what happens to them. So wake-ups that are late,
repeated or unnecessary do no harm. APScheduler's own decisions (coalesce, skip, drop what is late) are switched off.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from myscheduler.adapters.timers.timer_heap import Timer, TimerHeap
from myscheduler.core.schedule.slots import Schedule, next_after

PAUSE_SEC = 0.005
"""The shortest wait of the timer thread; with thousands of jobs it would otherwise wake up for each of them."""

HANDED_AT_ONCE = 128
"""The most due jobs that the event loop takes in one turn."""

Due = tuple[str, datetime]
"""A job's id and the slot that its timer was set to."""
Wake = Callable[[Sequence[Due]], None]
Armed = tuple[Sequence[tuple[str, Schedule, datetime]], Sequence[str]]
"""Jobs to arm, each as (id, schedule, moment after which its first slot is searched); and ids of removed jobs."""

log = logging.getLogger(__name__)


class Timers:
    """One timer for each job, in a separate thread. Calls `wake` on the event loop, with many due jobs at a time."""

    def __init__(self, wake: Wake, loop: asyncio.AbstractEventLoop) -> None:
        self._executor = _Collector(wake, loop)
        self._scheduler = _Scheduler(self._executor)
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="arm-timers")
        self._is_stopped = False
        self._wanted: list[Armed] = []
        self._guard = threading.Lock()

    def start(self) -> None:
        """Start ringing, after the timers that were armed before are set. Returns at once."""
        self._hands.submit(self._scheduler.start).add_done_callback(_report)

    def stop(self) -> None:
        """Stop: no wake-up comes after this returns, and `arm` does nothing any more."""
        self._is_stopped = True
        self._hands.shutdown(wait=True, cancel_futures=True)
        self._executor.close()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def look(self) -> None:
        """Check for due timers now, because the system clock was set and the scheduler's wait may be too long."""
        if not self._is_stopped:
            self._hands.submit(self._look).add_done_callback(_report)

    def _look(self) -> None:
        if self._scheduler.running:
            self._scheduler.wakeup()

    def arm(self, schedules: Sequence[tuple[str, Schedule, datetime]], removed: Sequence[str]) -> None:
        """Set a timer for each of `schedules` (id, schedule, moment) to the first slot after its moment, and stop the
        timers of `removed` ids. Returns at once.

        The timers are set in another thread: the scheduler holds its lock while it works through due timers, and the
        event loop must not wait for that.
        """
        if self._is_stopped:
            return
        with self._guard:
            self._wanted.append((schedules, removed))
            is_first = len(self._wanted) == 1
        if is_first:
            self._hands.submit(self._arm_wanted).add_done_callback(_report)

    async def next_slots(self) -> Iterator[tuple[datetime, str]]:
        """The time to which each timer is set, and its job, the soonest first; what was armed before is included.

        Slots that limits leave out are among them. Empty once the timers are stopped. It may be consumed in a thread.
        """
        if self._is_stopped:
            return iter(())
        return await asyncio.get_running_loop().run_in_executor(self._hands, self._scheduler.next_slots)

    def _arm_wanted(self) -> None:
        """Process all calls of `arm` since the last time."""
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
    """An APScheduler that sets many timers at once, and handles together those that are due within `PAUSE_SEC`."""

    def __init__(self, executor: BaseExecutor) -> None:
        self._heap = TimerHeap()
        super().__init__(timezone=UTC, executors={"default": executor}, jobstores={"default": self._heap})

    def set_timers(self, timers: Iterable[tuple[str, Timer | None]]) -> None:
        """Set timers by id, or stop those that are `None`, under one lock.

        APScheduler's own `add_job` inspects the function of each job, and wakes the thread for each.
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

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:  # noqa: ARG002 - there is one store
        """Stop the timer of a job, if there is one. Called for a timer whose schedule has ended.

        APScheduler's own looks in another place once a shutdown has begun, and raises in its thread.
        """
        with self._jobstores_lock:
            self._heap.discard(job_id)

    def next_slots(self) -> Iterator[tuple[datetime, str]]:
        with self._jobstores_lock:
            return self._heap.ascending()

    def _process_jobs(self) -> float | None:
        wait: float | None = super()._process_jobs()
        return None if wait is None else max(wait, PAUSE_SEC)


def _report(future: object) -> None:
    error = future.exception() if not future.cancelled() else None  # type: ignore[attr-defined]
    if error is not None:
        log.error("timers could not be set", exc_info=error)


class _Collector(BaseExecutor):  # type: ignore[misc] # APScheduler ships no types
    """An APScheduler executor that collects due jobs in the scheduler's thread; the event loop takes them together."""

    def __init__(self, wake: Wake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._wake = wake
        self._loop = loop
        self._due: dict[str, datetime] = {}
        """The last due slot of each job. One entry for each job keeps it small however long the event loop is busy."""
        self._guard = threading.Lock()
        self._is_open = True

    def submit_job(self, job: Timer, run_times: Sequence[datetime]) -> None:
        """Called by the scheduler for each due job. Does not limit instances as APScheduler's executors do."""
        with self._guard:
            is_first = not self._due
            self._due[job.id] = run_times[-1]
        if is_first and self._is_open:
            self._loop.call_soon_threadsafe(self._hand_over)

    def _do_submit_job(self, job: Timer, run_times: Sequence[datetime]) -> None:
        """Abstract in the base class; never called, because `submit_job` is overridden."""

    def close(self) -> None:
        self._is_open = False

    def _hand_over(self) -> None:
        with self._guard:
            due = list(islice(self._due.items(), HANDED_AT_ONCE))
            for job_id, _ in due:
                del self._due[job_id]
            has_more = bool(self._due)
        log.debug("timers rang", extra={"jobs": len(due)})
        if not self._is_open:
            return
        if has_more:
            self._loop.call_soon(self._hand_over)
        self._wake(due)
