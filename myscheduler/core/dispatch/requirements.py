"""Slots that wait until jobs have completed which theirs requires."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from myscheduler.core.job.after import Requirement
from myscheduler.core.job.spec import JobSpec


class Requirements:
    """Knows when required jobs last completed, and which slots wait for one of them."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Requirement, ...]] = {}
        """What jobs require, as far as they require anything."""
        self._completed: dict[str, datetime] = {}
        """When required jobs last completed."""
        self._waiting: dict[str, datetime] = {}
        """Jobs whose first slot waits, and until when it may."""

    def declare(self, job_id: str, requires: tuple[Requirement, ...]) -> None:
        """Set what a job requires."""
        if requires:
            self._of[job_id] = requires
        else:
            self._of.pop(job_id, None)
            self._waiting.pop(job_id, None)

    def required(self) -> set[str]:
        """The jobs that others require."""
        return {one.job for requires in self._of.values() for one in requires}

    def completed(self, times: Mapping[str, datetime]) -> list[str]:
        """Note when jobs completed. Returns those of which a slot waits that may run now."""
        for job_id, at in times.items():
            self._completed[job_id] = max(at, self._completed.get(job_id, at))
        return [one for one in self._waiting if any(each.job in times for each in self._of[one])]

    def unmet(self, job_id: str, slot: datetime) -> str | None:
        """A job that has to complete before the slot may run; `None` if there is none."""
        for one in self._of.get(job_id, ()):
            last = self._completed.get(one.job)
            if last is None or last < slot - one.within:
                return one.job
        return None

    def wait(self, spec: JobSpec, slot: datetime) -> bool:
        """Whether the slot has to wait; it may do so for the grace of its job."""
        if spec.job_id not in self._of or self.unmet(spec.job_id, slot) is None:
            self._waiting.pop(spec.job_id, None)
            return False
        self._waiting[spec.job_id] = slot + timedelta(seconds=spec.misfire_grace_time)
        return True

    def forget(self, job_id: str) -> None:
        """Forget a job that is removed, also when it completed: another job may get its id."""
        self._completed.pop(job_id, None)
        self._of.pop(job_id, None)
        self._waiting.pop(job_id, None)

    def overdue(self, now: datetime) -> Iterator[str]:
        """Remove and return the jobs whose first slot has waited as long as it may."""
        for job_id in [one for one, until in self._waiting.items() if until < now]:
            del self._waiting[job_id]
            yield job_id

    def next_at(self) -> datetime | None:
        """When the first of the waits ends in vain; `None` if nothing waits."""
        return min(self._waiting.values(), default=None)
