"""Finds the jobs of a page: filters and sorts all jobs by what is remembered of them.

A page of all jobs or of given ids, sorted by id, is read from the database without looking at all jobs. So it is there
soon after a start, when nothing is remembered yet.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from threading import Lock
from typing import NamedTuple

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import job_index as index_rows
from myscheduler.api.input.job_queries import JobQuery, LastResult, Place
from myscheduler.api.listing.known_jobs import EVERYTHING, Facts, KnownJobs, News, failing_of
from myscheduler.core.history.execution import Status
from myscheduler.core.job.job import JobState, state_of
from myscheduler.core.job.selection import Selection
from myscheduler.service.changes import Changes

KEPT = 20_000
"""The most jobs that are remembered; with more, every page reads all of them."""
COMPARED_SEC = 60.0
"""How often all that is remembered is compared with the database, while pages are asked for."""


class Found(NamedTuple):
    """A page of ids."""

    job_ids: list[str]
    total: int
    """How many jobs match the filters, on all pages."""
    last: Place | None
    """The place of the last job of the page; `None` if no further job follows."""


class JobIndex:
    """Remembers what filters and orders need of the jobs, so that a page reads only what changed.

    `news` is called on the event loop, the others in threads, also in two at once. `zone` is the service's IANA zone.
    """

    def __init__(self, zone: str, changes: Changes) -> None:
        self._zone = zone
        self._changes = changes
        self._known = KnownJobs(zone)
        self._compared_at = float("-inf")
        self._lock = Lock()

    def news(self) -> News:
        """What changed up to now, for `find`. It is noted after it was committed, and before callers learn of it."""
        number, now = self._changes.number, time.monotonic()
        if now - self._compared_at >= COMPARED_SEC:
            self._compared_at = now
            return EVERYTHING._replace(number=number)
        since = self._known.number
        return News(since, number, self._changes.jobs_since(since))

    def find(self, connection: Connection, query: JobQuery, held: Collection[str], news: News) -> Found:
        """The ids of a page; `held` has the ids of jobs whose manifests are broken."""
        if query.is_plain:
            return _plain(connection, query)
        with self._lock:
            known = self._known
            known.update(connection, news)
            self._forget_many()
            matching = _of_runs(_matching(known.ids, known.facts, query, held), connection, known, query)
            if query.sort.key == "id":
                return _page(matching, None, query)
            if query.sort.key == "failing_since":
                known.failing(connection)
            return _page(matching, known.order(query.sort), query)

    def failing(self, connection: Connection, job_ids: Collection[str], news: News) -> set[str]:
        """Those of the jobs of which an execution has failed since the last completed one."""
        with self._lock:
            known = self._known
            if not known.is_read:
                return failing_of(connection, job_ids)
            known.update(connection, news)
            self._forget_many()
            failing = known.failing(connection)
            return {one for one in job_ids if one in failing}

    def select(self, connection: Connection, selection: Selection) -> dict[str, Mapping[str, str]]:
        """The selected jobs, sorted by id, with their labels, as they are in the database."""
        matches = selection.matcher()
        with self._lock:
            known = self._known
            known.update(connection, EVERYTHING)
            self._forget_many()
            of_job = known.facts
            return {one: of_job[one].labels for one in known.ids if matches(one, of_job[one].labels, of_job[one].text)}

    def _forget_many(self) -> None:
        """Remember nothing for the next page if there are too many jobs."""
        if len(self._known.ids) > KEPT:
            self._known = KnownJobs(self._zone)


def _plain(connection: Connection, query: JobQuery) -> Found:
    if query.ids is not None:
        return _page(sorted(index_rows.versions_of(connection, set(query.ids))), None, query)
    after = query.after.job_id if query.after else None
    ids = index_rows.ids_after(connection, after, query.limit + 1, descending=query.sort.is_descending)
    total, page = index_rows.count(connection), ids[: query.limit]
    return Found(page, total, Place(False, 0, page[-1]) if len(ids) > len(page) else None)


def _matching(ids: list[str], facts: dict[str, Facts], query: JobQuery, held: Collection[str]) -> list[str]:
    """The jobs that match the filters that do not depend on runs. A pass for each filter: most pages have one."""
    if query.ids is not None:
        ids = sorted(set(query.ids) & facts.keys())
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


def _of_runs(job_ids: list[str], connection: Connection, known: KnownJobs, query: JobQuery) -> list[str]:
    """Of these jobs, those that match the filters that depend on runs."""
    if query.status is not None:
        facts, slots = known.facts, known.next_slots
        job_ids = [one for one in job_ids if _state(facts[one], slots.get(one)) is query.status]
    if query.last_result is not None:
        statuses = known.statuses(connection)
        wanted = {status for status in (None, *Status) if _result(status) is query.last_result}
        job_ids = [one for one in job_ids if statuses.get(one) in wanted]
    if query.failing is not None:
        failing = known.failing(connection)
        job_ids = [one for one in job_ids if (one in failing) == query.failing]
    return job_ids


def _state(facts: Facts, next_slot: int | None) -> JobState:
    return state_of(facts.schedule_type, has_slot=next_slot is not None, is_paused=facts.is_paused)


def _result(status: str | None) -> LastResult:
    match status:
        case None | Status.RUNNING:
            return LastResult.NONE
        case Status.COMPLETED:
            return LastResult.SUCCESS
        case _:
            return LastResult.FAILURE


# --- the page ---


def _page(job_ids: Sequence[str], order: Sequence[Place] | None, query: JobQuery) -> Found:
    """The page of the jobs, which are sorted by id; `order` has the places of at least these jobs in another order."""
    if order is None:
        following = _beyond(job_ids, query)
        page = following[: query.limit]
        last = Place(False, 0, page[-1]) if len(following) > len(page) else None
        return Found(list(page), len(job_ids), last)
    start = 0 if query.after is None else bisect_right(order, query.after)
    wanted = set(job_ids)
    places = list(islice((place for place in islice(order, start, None) if place[2] in wanted), query.limit + 1))
    ids = [job_id for _, _, job_id in places[: query.limit]]
    return Found(ids, len(job_ids), places[len(ids) - 1] if len(places) > len(ids) else None)


def _beyond(job_ids: Sequence[str], query: JobQuery) -> Sequence[str]:
    """The jobs, sorted by id, that follow the place where the page before ended, in the order of the query."""
    after = query.after.job_id if query.after else None
    if query.sort.is_descending:
        return job_ids[: None if after is None else bisect_left(job_ids, after)][::-1]
    return job_ids if after is None else job_ids[bisect_right(job_ids, after) :]
