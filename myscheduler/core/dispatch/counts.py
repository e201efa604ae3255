"""Counts of the executions of each job that are under way, by how far they are."""

from myscheduler.core.job.job import Job


class Counts:
    """The executions of each job, from when they are claimed or begun until their end is recorded."""

    def __init__(self) -> None:
        self._in_flight: dict[str, int] = {}
        """By job, like the others; plain dictionaries, which are several times as fast as a `Counter`."""
        self._claimed: dict[str, int] = {}
        """Those whose claim is taken but not yet stored, so nothing has been sent."""
        self._ended: dict[str, int] = {}
        """Those that have ended, but whose end is not yet recorded."""

    def in_flight(self, job_id: str) -> int:
        return self._in_flight.get(job_id, 0)

    def claimed(self, job_id: str) -> int:
        """How many are not known to be stored yet."""
        return self._claimed.get(job_id, 0)

    def ended(self, job_id: str) -> int:
        """How many have ended without that being recorded yet."""
        return self._ended.get(job_id, 0)

    def running(self, job_id: str) -> int:
        return self.in_flight(job_id) - self.claimed(job_id) - self.ended(job_id)

    def have_room(self, job: Job) -> bool:
        """Whether the job may have another one."""
        return job.spec.overlap == "allow" or self.in_flight(job.job_id) < job.spec.max_instances

    def claim(self, job_id: str) -> None:
        _increment(self._in_flight, job_id)
        _increment(self._claimed, job_id)

    def answered(self, job_id: str) -> None:
        """Note that it is known whether a claim is stored."""
        _decrement(self._claimed, job_id)

    def begin(self, job_id: str) -> None:
        """Count one that was not claimed here."""
        _increment(self._in_flight, job_id)

    def over(self, job_id: str) -> None:
        _increment(self._ended, job_id)

    def recorded(self, job_id: str) -> None:
        _decrement(self._ended, job_id)

    def free(self, job_id: str) -> None:
        """Note that one is under way no more."""
        _decrement(self._in_flight, job_id)


def _increment(counts: dict[str, int], job_id: str) -> None:
    counts[job_id] = counts.get(job_id, 0) + 1


def _decrement(counts: dict[str, int], job_id: str) -> None:
    left = counts.get(job_id, 0) - 1
    if left:
        counts[job_id] = left
    else:
        del counts[job_id]
