"""What is remembered of all jobs for filters and orders of lists: brought up to date job by job, never computed anew.

Jobs are read again when the service notes that they changed or ran. Everything is compared with the database now and
then, so that a change that was not noted is not missed for long.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import job_index as index_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.job_queries import Place, Sort
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.history.execution import Status
from myscheduler.core.job.compiling import next_run
from myscheduler.core.job.job import Job
from myscheduler.core.job.selection import search_text
from myscheduler.core.schedule.expansion import to_micros

_T = TypeVar("_T")
MANY = 1_000
"""More changed jobs than this are found by reading all, and orders are then sorted anew."""


class News(NamedTuple):
    """The jobs that changed or ran between two numbers of changes."""

    since: int
    number: int
    jobs: frozenset[str] | None
    """`None` if they are not known: then all jobs have to be read."""


EVERYTHING = News(-1, -1, None)


class Facts(NamedTuple):
    """What filters ask of a job, and what stays the same until the job has another version."""

    owner: str
    schedule_type: str
    host: str
    labels: dict[str, str]
    text: str
    """In the form of `search_text`."""
    is_paused: bool
    resumes_at: int | None
    """The next run of a paused job, in microseconds since 1970."""


class KnownJobs:
    """The facts and the progress of all jobs. Used by one thread at a time.

    `zone` is the service's IANA zone.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self.number = -1
        """The number of the last change that is included; negative before the first reading."""
        self.ids: list[str] = []
        """Sorted."""
        self.facts: dict[str, Facts] = {}
        self.next_slots: dict[str, int] = {}
        """By job, in microseconds since 1970."""
        self._last: dict[str, str] = {}
        """By job, its last execution."""
        self._versions: dict[str, int] = {}
        self._statuses: dict[str, str] = {}
        self._failing: dict[str, int] = {}
        self._unread: set[str] = set()
        """Jobs whose last execution has to be looked at before `_statuses` is right."""
        self._undecided: set[str] = set()
        """Jobs whose history has to be looked at before `_failing` is right."""
        self._orders: dict[Sort, _Order] = {}

    @property
    def is_read(self) -> bool:
        """Whether the jobs were read once."""
        return self.number >= 0

    def update(self, connection: Connection, news: News) -> None:
        """Take over what changed. It must be called first in a transaction, so that it sees what was committed."""
        if news.jobs is None or self.number < news.since:
            self._read_all(connection)
        elif news.number > self.number:
            self._read_some(connection, news.jobs)
        self.number = max(self.number, news.number)

    def statuses(self, connection: Connection) -> Mapping[str, str]:
        """By job, the status of its last execution, if the history still has it."""
        sent = {self._last[job_id]: job_id for job_id in self._unread if job_id in self._last}
        found = index_rows.statuses(connection, list(sent))
        for job_id in self._unread:
            self._statuses.pop(job_id, None)
        self._statuses.update((sent[execution_id], status) for execution_id, status in found.items())
        self._undecided |= self._unread
        self._unread.clear()
        return self._statuses

    def failing(self, connection: Connection) -> Mapping[str, int]:
        """By job, the slot of its first failed execution since the last completed one, in microseconds since 1970.

        Jobs that are not failing are left out. Only those whose last execution did not complete are looked at: few.
        """
        statuses = self.statuses(connection)
        suspects = [one for one in self._undecided if statuses.get(one, Status.COMPLETED) != Status.COMPLETED]
        found = index_rows.failing_since(connection, suspects)
        for job_id in self._undecided:
            self._failing.pop(job_id, None)
        self._failing.update((job_id, since) for job_id, since in found.items() if since is not None)
        self._sort_in(self._undecided, "failing_since")
        self._undecided.clear()
        return self._failing

    def order(self, sort: Sort) -> Sequence[Place]:
        """The places of all jobs, in this order. For `failing_since`, call `failing` before."""
        order = self._orders.get(sort)
        if order is None:
            order = self._orders[sort] = _Order(self._places(sort, self.ids))
        return order.places

    # --- reading ---

    def _read_all(self, connection: Connection) -> None:
        versions, rows = index_rows.versions(connection), index_rows.progress_of_all(connection)
        progress = {job_id: (slot, last) for job_id, slot, last in rows if job_id in versions}
        gone = [job_id for job_id in self.facts if job_id not in progress]
        self._take(connection, versions, progress, gone)
        self._unread.update(one for one in progress if self._statuses.get(one, Status.RUNNING) == Status.RUNNING)

    def _read_some(self, connection: Connection, job_ids: Collection[str]) -> None:
        if len(job_ids) > MANY:
            self._read_all(connection)
        else:
            versions = index_rows.versions_of(connection, job_ids)
            rows = index_rows.progress_of(connection, job_ids)
            progress = {job_id: (slot, last) for job_id, slot, last in rows if job_id in versions}
            gone = [job_id for job_id in job_ids if job_id not in progress and job_id in self.facts]
            self._take(connection, versions, progress, gone)
        self._unread.update(one for one in job_ids if one in self.facts)

    def _take(
        self,
        connection: Connection,
        versions: Mapping[str, int],
        progress: Mapping[str, tuple[int | None, str | None]],
        gone: Sequence[str],
    ) -> None:
        """Take over jobs as they are now; of those that changed, read what is not given."""
        edited = [job_id for job_id in progress if self._versions.get(job_id) != versions[job_id]]
        facts = dict(self._facts(connection, edited))
        edited = [job_id for job_id in edited if job_id in facts]
        moved = [one for one, at in progress.items() if at != (self.next_slots.get(one), self._last.get(one))]
        fresh = [job_id for job_id in edited if job_id not in self.facts]
        for job_id in gone:
            self._forget(job_id)
        self.facts |= facts
        self._versions.update((job_id, versions[job_id]) for job_id in edited)
        for job_id in moved:
            slot, last = progress[job_id]
            if last != self._last.get(job_id):
                self._unread.add(job_id)
            _put(self.next_slots, job_id, slot)
            _put(self._last, job_id, last)
        if fresh or gone:
            self.ids = sorted(self.facts)
        changed = {*moved, *edited}
        if len(changed) + len(gone) > MANY:
            self._orders.clear()
        else:
            self._sort_in(changed, "next_run", "last_run")
            self._sort_in(fresh, "failing_since")

    def _forget(self, job_id: str) -> None:
        for known in (self.facts, self.next_slots, self._last, self._versions, self._statuses, self._failing):
            known.pop(job_id, None)
        for some in (self._unread, self._undecided):
            some.discard(job_id)
        for order in self._orders.values():
            order.remove(job_id)

    def _facts(self, connection: Connection, job_ids: Sequence[str]) -> Iterator[tuple[str, Facts]]:
        for some in job_rows.chunks(job_ids):
            for job_id, job in job_rows.find_jobs(connection, some).items():
                yield job_id, self._facts_of(job)

    def _facts_of(self, job: Job) -> Facts:
        return Facts(
            job.owner.value,
            job.spec.schedule_type,
            host_key(job.spec.target_url),
            dict(job.spec.labels),
            search_text(job.spec),
            job.is_paused,
            _micros(next_run(job, zone=self._zone)) if job.is_paused else None,
        )

    # --- orders ---

    def _sort_in(self, job_ids: Collection[str], *keys: str) -> None:
        for sort, order in self._orders.items():
            if sort.key in keys:
                for place in self._places(sort, job_ids):
                    order.put(place)

    def _places(self, sort: Sort, job_ids: Iterable[str]) -> Iterator[Place]:
        sign = -1 if sort.is_descending else 1
        for job_id in job_ids:
            if job_id in self.facts:
                time = self._time(sort.key, job_id)
                yield Place(True, 0, job_id) if time is None else Place(False, sign * time, job_id)

    def _time(self, key: str, job_id: str) -> int | None:
        match key:
            case "next_run":
                slot, facts = self.next_slots.get(job_id), self.facts[job_id]
                return facts.resumes_at if slot is not None and facts.is_paused else slot
            case "last_run":  # ids begin with their time in milliseconds
                last = self._last.get(job_id)
                return None if last is None else int(last[:8] + last[9:13], 16)
            case _:
                return self._failing.get(job_id)


def failing_of(connection: Connection, job_ids: Collection[str]) -> set[str]:
    """Those of the jobs that are failing, as `KnownJobs.failing` has them, without reading all jobs."""
    sent = {last: job_id for job_id, _, last in index_rows.progress_of(connection, job_ids) if last is not None}
    statuses = index_rows.statuses(connection, list(sent))
    suspects = [sent[execution_id] for execution_id, status in statuses.items() if status != Status.COMPLETED]
    found = index_rows.failing_since(connection, suspects)
    return {job_id for job_id, since in found.items() if since is not None}


class _Order:
    """The places of jobs, sorted."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = sorted(places)
        self._of_job = {place.job_id: place for place in self.places}

    def put(self, place: Place) -> None:
        """Set the place of a job."""
        if self._of_job.get(place.job_id) != place:
            self.remove(place.job_id)
            self._of_job[place.job_id] = place
            insort(self.places, place)

    def remove(self, job_id: str) -> None:
        place = self._of_job.pop(job_id, None)
        if place is not None:
            del self.places[bisect_left(self.places, place)]


def _put(known: dict[str, _T], job_id: str, value: _T | None) -> None:
    if value is None:
        known.pop(job_id, None)
    else:
        known[job_id] = value


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
