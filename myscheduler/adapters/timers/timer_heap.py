"""A job store plug-in for APScheduler that keeps its timers in a heap.

APScheduler's own in-memory store keeps a sorted list, which is slow with 100,000 timers, and stores with each timer
what to run and how; here all timers do the same.
"""

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from apscheduler.jobstores.base import BaseJobStore, JobLookupError

from myscheduler.core.schedule.slots import Schedule, next_after

FEWEST_DUE, MOST_DUE = 32, 512
"""How many due timers are taken off the heap at once: a herd is handed over in parts, the first of which is small and
each twice as large as the one before, so that its first calls leave while the thread works through the others."""
SPARE = 1_000
"""The heap is rebuilt when it holds more stale entries than there are timers, plus this number."""


class Timer:
    """The timer of one job, with the interface of an APScheduler job that is its own trigger.

    After it rang, it is set to the next slot in the future. Slots that are skipped so are not lost: what is due is
    decided from the job's cursor.
    """

    __slots__ = ("_schedule", "id", "next_run_time")

    executor: ClassVar[str] = "default"
    coalesce: ClassVar[bool] = True

    def __init__(self, job_id: str, schedule: Schedule, first: datetime) -> None:
        self.id = job_id
        self.next_run_time = first
        self._schedule = schedule

    @property
    def trigger(self) -> "Timer":
        return self

    def get_next_fire_time(self, previous: datetime, now: datetime) -> datetime | None:
        """The next slot in the future, after the one that rang. Part of APScheduler's trigger interface."""
        return next_after(self._schedule, max(previous, now).astimezone(UTC))

    def _get_run_times(self, _now: datetime) -> list[datetime]:
        """APScheduler calls this only for timers that are due."""
        return [self.next_run_time]

    def _modify(self, *, next_run_time: datetime) -> None:
        self.next_run_time = next_run_time


class TimerHeap(BaseJobStore):  # type: ignore[misc] # APScheduler ships no types
    """Timers by id, the next one first. Not thread-safe: callers hold APScheduler's lock.

    Entries of the heap are not removed when their timer is removed or set to another time. Such stale entries are
    skipped when they reach the top.
    """

    def __init__(self) -> None:
        super().__init__()
        self._timers: dict[str, Timer] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._at_most = FEWEST_DUE

    def set(self, timer: Timer) -> None:
        """Add the timer, or replace the one with the same id."""
        self._timers[timer.id] = timer
        self._push(timer)

    def discard(self, job_id: str) -> None:
        """Remove a timer, if there is one."""
        self._timers.pop(job_id, None)

    def get_due_jobs(self, now: datetime) -> list[Timer]:
        """Take the due timers off the heap, the soonest first, or some of them: then the next time is still one that is
        over, so APScheduler asks again. For each, it then calls `update_job` or `remove_job`.
        """
        due: dict[str, Timer] = {}
        while len(due) < self._at_most and (first := self.get_next_run_time()) is not None and first <= now:
            _, job_id = heapq.heappop(self._heap)
            due[job_id] = self._timers[job_id]
        is_cut = len(due) == self._at_most
        self._at_most = min(2 * self._at_most, MOST_DUE) if is_cut else FEWEST_DUE
        return list(due.values())

    def get_next_run_time(self) -> datetime | None:
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def ascending(self) -> Iterator[tuple[datetime, str]]:
        """The time of each timer and its job, the soonest first, as of now or later.

        What is returned may be consumed without the lock. A timer that is set meanwhile has its old or its new time.
        """
        return _ascending(self._heap.copy(), self._timers.copy())

    def lookup_job(self, job_id: str) -> Timer | None:
        return self._timers.get(job_id)

    def get_all_jobs(self) -> list[Timer]:
        return sorted(self._timers.values(), key=lambda timer: timer.next_run_time)

    def add_job(self, job: Timer) -> None:
        self.set(job)

    def update_job(self, job: Timer) -> None:
        if job.id not in self._timers:
            raise JobLookupError(job.id)
        self.set(job)

    def remove_job(self, job_id: str) -> None:
        if self._timers.pop(job_id, None) is None:
            raise JobLookupError(job_id)

    def remove_all_jobs(self) -> None:
        self._timers.clear()
        self._heap.clear()

    def _push(self, timer: Timer) -> None:
        heapq.heappush(self._heap, (timer.next_run_time, timer.id))
        if len(self._heap) > 2 * len(self._timers) + SPARE:
            self._heap = [(one.next_run_time, one.id) for one in self._timers.values()]
            heapq.heapify(self._heap)

    def _is_current(self, moment: datetime, job_id: str) -> bool:
        timer = self._timers.get(job_id)
        return timer is not None and timer.next_run_time == moment


def _ascending(heap: list[tuple[datetime, str]], timers: Mapping[str, Timer]) -> Iterator[tuple[datetime, str]]:
    seen: set[str] = set()
    while heap:
        moment, job_id = heapq.heappop(heap)
        timer = timers.get(job_id)
        if timer is None or job_id in seen:
            continue
        if timer.next_run_time > moment:  # a stale entry, or the timer was set since
            heapq.heappush(heap, (timer.next_run_time, job_id))
        else:
            seen.add(job_id)
            yield moment, job_id
