"""Counts of the executions of each job that are under way, by how far they are."""

from collections import Counter

from myscheduler.core.job.job import Job


class Counts:
    """The executions of each job, from when they are claimed or begun until their end is recorded."""

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self._claimed: Counter[str] = Counter()
        """Those whose claim is taken but not yet stored, so nothing has been sent."""
        self._ended: Counter[str] = Counter()
        """Those that have ended, but whose end is not yet recorded."""

    def in_flight(self, job_id: str) -> int:
        return self._in_flight[job_id]

    def claimed(self, job_id: str) -> int:
        """How many are not known to be stored yet."""
        return self._claimed[job_id]

    def ended(self, job_id: str) -> int:
        """How many have ended without that being recorded yet."""
        return self._ended[job_id]

    def running(self, job_id: str) -> int:
        return self._in_flight[job_id] - self._claimed[job_id] - self._ended[job_id]

    def have_room(self, job: Job) -> bool:
        """Whether the job may have another one."""
        return job.spec.overlap == "allow" or self._in_flight[job.job_id] < job.spec.max_instances

    def claim(self, job_id: str) -> None:
        self._in_flight[job_id] += 1
        self._claimed[job_id] += 1

    def answered(self, job_id: str) -> None:
        """Note that it is known whether a claim is stored."""
        _decrement(self._claimed, job_id)

    def begin(self, job_id: str) -> None:
        """Count one that was not claimed here."""
        self._in_flight[job_id] += 1

    def over(self, job_id: str) -> None:
        self._ended[job_id] += 1

    def recorded(self, job_id: str) -> None:
        _decrement(self._ended, job_id)

    def free(self, job_id: str) -> None:
        """Note that one is under way no more."""
        _decrement(self._in_flight, job_id)


def _decrement(counts: Counter[str], job_id: str) -> None:
    counts[job_id] -= 1
    if not counts[job_id]:
        del counts[job_id]
