"""By when each job should have run, as the incidents of late jobs see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from myscheduler.core.history.execution import Execution, Status
from myscheduler.core.incidents.deadlines import first_deadline, grace_of
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.job import Job
from myscheduler.core.notifications.notifications_file import NO_NOTIFICATIONS, Notifications
from myscheduler.core.notifications.routing import thresholds_of
from myscheduler.core.schedule.slots import Schedule


class Awaited(NamedTuple):
    """A job, and what its deadline follows from."""

    job: Job
    """With its present cursor."""
    schedule: Schedule
    usual: timedelta | None
    """See `usual_duration`."""
    rows: tuple[Past, ...]
    """Its executions in progress, then what it missed since it last ran."""
    longest: timedelta | None = None
    """How long the chain may take that it begins; `None` if it begins none."""


@dataclass(frozen=True, slots=True)
class _Found:
    basis: tuple[object, ...]
    """What the deadline was computed from."""
    deadline: datetime | None


class Deadlines:
    """Computes deadlines, and remembers them for as long as nothing changes: finding the next run may take long.

    Used in the thread that writes, by one scrape at a time.
    """

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._rules = NO_NOTIFICATIONS
        self._thresholds: dict[str, tuple[int, Thresholds]] = {}
        """By job, with its version."""

    def of(self, awaited: Iterable[Awaited], rules: Notifications, *, now: datetime) -> Mapping[str, datetime]:
        """The deadlines of those of the jobs that have one. `rules` say which jobs may be late, and with what grace."""
        if rules is not self._rules:
            self._rules, self._thresholds = rules, {}
        thresholds: dict[str, tuple[int, Thresholds]] = {}
        found: dict[str, _Found] = {}
        for one in awaited:
            job_id = one.job.job_id
            thresholds[job_id] = known = self._thresholds_of(one.job)
            if known[1].is_late_watched:
                found[job_id] = self._deadline(one, known[1], now)
        self._found, self._thresholds = found, thresholds
        return {job_id: one.deadline for job_id, one in found.items() if one.deadline is not None}

    def _thresholds_of(self, job: Job) -> tuple[int, Thresholds]:
        known = self._thresholds.get(job.job_id)
        if known is not None and known[0] == job.version:
            return known
        return job.version, thresholds_of(job.spec, self._rules)

    def _deadline(self, one: Awaited, thresholds: Thresholds, now: datetime) -> _Found:
        job, grace = one.job, grace_of(one.job, thresholds, one.usual, one.longest)
        is_left_out = job.paused_until is not None and job.paused_until > now
        basis = (job.created_at, job.version, job.cursor, is_left_out, grace, one.rows)
        known = self._found.get(job.job_id)
        if known is not None and known.basis == basis:
            return known
        return _Found(basis, first_deadline(job, one.schedule, one.rows, grace, now=now))


def running(execution: Execution) -> Past:
    """The row of an execution in progress."""
    return Past(
        execution.execution_id,
        execution.slot,
        execution.cause,
        Status.RUNNING,
        reason=None,
        started_at=execution.started_at,
        completed_at=None,
        error=None,
        revision=None,
    )
