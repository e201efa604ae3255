"""What the jobs and executions of the service are doing now, counted in memory, so that nothing reads the history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import lately as lately_rows
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.history.execution import Status, claimed_at
from myscheduler.core.job.job import Job
from myscheduler.service.dispatch.flights import Flight, Flights
from myscheduler.service.dispatch.triggers import Triggers


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the dispatcher at one moment."""

    jobs: int
    paused: int
    in_flight: int
    """Executions whose claim is stored and whose end is not."""
    oldest: tuple[Flight, ...]
    """Those of them that began first."""
    queued_runs: int
    """Manual runs that wait for an execution of their job to end."""
    asked_runs: int
    """Manual runs that wait for a permit, or are being recorded."""
    due: int
    """Jobs with a due slot that waits: for a permit, for an execution of the job to end, or for the database."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to begin."""

    permit: int
    """Due slots and manual runs that wait for a permit."""
    database: int
    """Due slots that wait for the database."""
    overlap: int
    """Due slots and manual runs that wait, as their jobs say, for an execution of the job to end."""
    since: datetime | None
    """The slot of the first that waits for a permit or the database; `None` if none does."""


class Census:
    """Counts jobs and executions. A job is failing if the last of its executions to complete or to fail has failed.

    Which jobs were failing when the process started is read when it is asked for the first time, so that it does not
    delay the start; what has ended since then counts more.
    """

    def __init__(self, store: Store, agenda: Agenda, flights: Flights, triggers: Triggers) -> None:
        self._store = store
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._paused: set[str] = set()
        self._failing: set[str] = set()
        self._recovered: set[str] | None = set()
        """Jobs that completed before it was read which were failing; `None` once that is read."""

    def arm(self, changed: Iterable[Job], removed: Iterable[str]) -> None:
        """Note jobs as they are stored now, and removed ones."""
        for job_id in removed:
            self._paused.discard(job_id)
            self._failing.discard(job_id)
        for job in changed:
            if job.is_paused:
                self._paused.add(job.job_id)
            else:
                self._paused.discard(job.job_id)

    def ended(self, ends: Iterable[tuple[str, Status]]) -> None:
        """Note executions that ended, each as its job and status."""
        for job_id, status in ends:
            if status is Status.FAILED:
                self._failing.add(job_id)
            elif status is Status.COMPLETED:
                self._failing.discard(job_id)
                if self._recovered is not None:
                    self._recovered.add(job_id)

    async def failing(self) -> int:
        """The number of failing jobs. Raises `StoreUnavailableError` at the first call, if it can't be read."""
        if self._recovered is not None:
            found = await self._store.read(lately_rows.failing_jobs)
            if self._recovered is not None:  # else another call has read it meanwhile
                self._failing |= found - self._recovered
                self._recovered = None
        return sum(job_id in self._agenda.armed for job_id in self._failing)

    def take(self, oldest: int) -> Standing:
        """The counts now, with the `oldest` first executions in flight."""
        armed = self._agenda.armed.values()
        return Standing(
            jobs=len(armed),
            paused=len(self._paused),
            in_flight=len(self._flights),
            oldest=tuple(islice(self._flights, oldest)),
            queued_runs=self._triggers.queued_count,
            asked_runs=len(self._triggers.unanswered),
            due=sum(bool(one.waiting) and one.waiting[0].run is not None for one in armed),
        )

    def waiting(self) -> Waiting:
        """The counts now of what is due and has not begun."""
        agenda, firsts = self._agenda, list[datetime]()
        overlap = self._triggers.queued_count
        for one in agenda.armed.values():
            if one.waiting and (run := one.waiting[0].run) is not None:
                if agenda.is_database_well and not agenda.may_begin(one.job.job_id):
                    overlap += 1
                else:
                    firsts.append(run)
        asked = [claimed_at(execution_id) for execution_id in self._triggers.unanswered]
        is_well, due = agenda.is_database_well, len(firsts)
        return Waiting(
            permit=len(asked) + (due if is_well else 0),
            database=0 if is_well else due,
            overlap=overlap,
            since=min([*firsts, *asked], default=None),
        )
