"""Finds the jobs of a page: filters and sorts all jobs by what it remembers of them, and by their progress.

A page with no filter, sorted by id, is read from the database without looking at all jobs.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import job_index as index_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.job_queries import JobQuery, JobState, LastResult, Place, Sort
from myscheduler.api.listing.last_runs import LastRuns
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.history.execution import Status
from myscheduler.core.job.compiling import next_run
from myscheduler.core.job.job import Job
from myscheduler.core.job.selection import Selection, search_text
from myscheduler.core.schedule.expansion import to_micros

KEPT = 20_000
"""The most jobs that are remembered."""


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


class Found(NamedTuple):
    """A page of ids."""

    job_ids: list[str]
    total: int
    """How many jobs match the filters, on all pages."""
    last: Place | None
    """The place of the last job of the page; `None` if no further job follows."""


class JobIndex:
    """Remembers facts about jobs, so that a page does not read every spec. Runs in threads, also in two at once.

    `zone` is the service's IANA zone.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._last_runs = LastRuns()
        self._progress: _Progress | None = None
        self._known: tuple[Mapping[str, int], dict[str, Facts]] = {}, {}
        """The versions of all jobs, and the facts of these versions; replaced together, never changed."""

    def find(self, connection: Connection, query: JobQuery, held: Collection[str]) -> Found:
        """The ids of a page; `held` has the ids of jobs whose manifests are broken."""
        if query.is_plain:
            return _plain(connection, query)
        facts = self._current(connection)
        matching = _matching(facts, query, held)
        if not query.needs_progress:
            return _page(matching, None, query)
        progress = self._current_progress(connection, facts, matching)
        if query.status is not None:
            next_slots = progress.next_slots
            matching = [one for one in matching if _state(facts[one], next_slots.get(one)) is query.status]
        if query.last_result is not None:
            statuses = self._last_runs.statuses(connection, progress.last)
            matching = [one for one in matching if _result(statuses.get(one)) is query.last_result]
        if query.failing is not None:
            failing = self._last_runs.failing(connection, progress.last)
            matching = [one for one in matching if (one in failing) == query.failing]
        match query.sort.key:
            case "next_run" | "last_run":
                return _page(matching, progress.order(query.sort), query)
            case "failing_since":
                failing = self._last_runs.failing(connection, progress.last)
                return _page(matching, _ordered(matching, failing, query.sort), query)
            case _:
                return _page(matching, None, query)

    def _current_progress(self, connection: Connection, facts: dict[str, Facts], job_ids: Sequence[str]) -> "_Progress":
        """The progress of at least these jobs: that of an earlier page, while it is the same."""
        rows = index_rows.progress_of(connection, job_ids)
        before = self._progress
        if before is not None and before.facts is facts and before.rows == rows:
            return before
        progress = _Progress(facts, [row for row in rows if row[0] in facts])
        if len(progress.rows) == len(rows) == len(facts) <= KEPT:
            self._progress = progress
        return progress

    def select(self, connection: Connection, selection: Selection) -> dict[str, Mapping[str, str]]:
        """The selected jobs, sorted by id, with their labels."""
        matches = selection.matcher()
        facts = self._current(connection)
        return {job_id: one.labels for job_id, one in facts.items() if matches(job_id, one.labels, one.text)}

    def _current(self, connection: Connection) -> dict[str, Facts]:
        """The facts of all jobs, sorted by id."""
        versions = index_rows.versions(connection)
        known_versions, known = self._known
        if versions == known_versions:
            return known
        new = [job_id for job_id, version in versions.items() if known_versions.get(job_id) != version]
        found = dict(self._read(connection, new))
        facts = {job_id: found[job_id] if job_id in found else known[job_id] for job_id in sorted(versions)}
        self._known = (versions, facts) if len(facts) <= KEPT else ({}, {})
        return facts

    def _read(self, connection: Connection, job_ids: Sequence[str]) -> Iterator[tuple[str, Facts]]:
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


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _plain(connection: Connection, query: JobQuery) -> Found:
    after = query.after.job_id if query.after else None
    ids = index_rows.ids_after(connection, after, query.limit + 1, descending=query.sort.is_descending)
    total, page = index_rows.count(connection), ids[: query.limit]
    return Found(page, total, Place(False, 0, page[-1]) if len(ids) > len(page) else None)


def _matching(facts: dict[str, Facts], query: JobQuery, held: Collection[str]) -> list[str]:
    """The jobs that match the filters that need no progress. One pass for each filter: most pages have only one."""
    ids = list(facts)
    if query.held is not None:
        ids = [one for one in ids if (one in held) == query.held]
    if query.owner is not None:
        ids = [one for one in ids if facts[one].owner == query.owner]
    if query.schedule_type is not None:
        ids = [one for one in ids if facts[one].schedule_type == query.schedule_type]
    if query.host is not None:
        ids = [one for one in ids if facts[one].host == query.host]
    if query.paused is not None:
        ids = [one for one in ids if facts[one].is_paused == query.paused]
    for name, value in query.labels:
        if value is None:
            ids = [one for one in ids if name in facts[one].labels]
        else:
            ids = [one for one in ids if facts[one].labels.get(name) == value]
    if query.text is not None:
        ids = [one for one in ids if query.text in facts[one].text]
    return ids


# --- how far the jobs are ---


class _Progress:
    """How far jobs are, as it was read for a page, and what is computed from it. Never changed."""

    def __init__(self, facts: dict[str, Facts], rows: Sequence[index_rows.Progress]) -> None:
        self.facts = facts
        self.rows = rows
        self.next_slots = {job_id: slot for job_id, slot, _ in rows if slot is not None}
        """By job, in microseconds since 1970."""
        self.last = {job_id: last for job_id, _, last in rows if last is not None}
        """By job, its last execution."""
        self._order: tuple[Sort, list[tuple[bool, int, str]]] | None = None

    def order(self, sort: Sort) -> list[tuple[bool, int, str]]:
        """The places of all these jobs, in this order, which is kept until another one is asked for."""
        kept = self._order
        if kept is None or kept[0] is not sort:
            times = _next_runs(self.next_slots, self.facts) if sort.key == "next_run" else _last_runs(self.last)
            kept = self._order = sort, _ordered([row[0] for row in self.rows], times, sort)
        return kept[1]


def _state(facts: Facts, next_slot: int | None) -> JobState:
    if next_slot is None:
        return JobState.COMPLETED
    return JobState.PAUSED if facts.is_paused else JobState.RUNNING


def _result(status: str | None) -> LastResult:
    match status:
        case None | Status.RUNNING:
            return LastResult.NONE
        case Status.COMPLETED:
            return LastResult.SUCCESS
        case _:
            return LastResult.FAILURE


def _next_runs(next_slots: Mapping[str, int], facts: Mapping[str, Facts]) -> dict[str, int]:
    """By job, the next run of jobs that have one; a paused job may run once its pause is over."""
    runs = {job_id: slot for job_id, slot in next_slots.items() if not facts[job_id].is_paused}
    paused = ((job_id, facts[job_id]) for job_id in next_slots if facts[job_id].is_paused)
    return runs | {job_id: one.resumes_at for job_id, one in paused if one.resumes_at is not None}


def _last_runs(last: Mapping[str, str]) -> dict[str, int]:
    """By job, when its last execution was claimed: ids begin with their time in milliseconds."""
    return {job_id: int(one[:8] + one[9:13], 16) for job_id, one in last.items()}


# --- the page ---


def _ordered(job_ids: Sequence[str], times: Mapping[str, int], sort: Sort) -> list[tuple[bool, int, str]]:
    """The place of each job, in order; see `Place`."""
    sign = -1 if sort.is_descending else 1
    places = [(False, sign * times[one], one) for one in job_ids if one in times]
    places += [(True, 0, one) for one in job_ids if one not in times]
    places.sort()
    return places


def _page(job_ids: Sequence[str], order: list[tuple[bool, int, str]] | None, query: JobQuery) -> Found:
    """The page of the jobs, which are sorted by id; `order` has the places of at least these jobs in another order."""
    if order is None:
        following = _beyond(job_ids[::-1] if query.sort.is_descending else job_ids, query)
        page = following[: query.limit]
        last = Place(False, 0, page[-1]) if len(following) > len(page) else None
        return Found(list(page), len(job_ids), last)
    start = 0 if query.after is None else bisect_right(order, query.after)
    wanted = set(job_ids)
    places = list(islice((place for place in islice(order, start, None) if place[2] in wanted), query.limit + 1))
    ids = [job_id for _, _, job_id in places[: query.limit]]
    return Found(ids, len(job_ids), Place(*places[len(ids) - 1]) if len(places) > len(ids) else None)


def _beyond(job_ids: Sequence[str], query: JobQuery) -> Sequence[str]:
    if query.after is None:
        return job_ids
    after = query.after.job_id
    if query.sort.is_descending:
        return [one for one in job_ids if one < after]
    return [one for one in job_ids if one > after]
