"""How the last executions of jobs ended, and since when jobs are failing, for filters and orders of lists.

The history is read only for executions that were not known to have ended, because rows of ended ones don't change.
"""

from collections.abc import Mapping
from typing import TypeVar

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import job_index as index_rows
from myscheduler.core.history.execution import Status

KEPT = 20_000
"""The most jobs that are remembered."""

T = TypeVar("T")
_Known = dict[str, tuple[str, T]]
"""By job, the id of its last execution, and what is known of that."""


class LastRuns:
    """Remembers what the history says about the last execution of each job. Runs in threads, also in two at once.

    `last` has, by job, the id of its last execution. It is never changed, so the same object has the same results.
    """

    def __init__(self) -> None:
        self._statuses: _Known[str] = {}
        self._failing: _Known[int | None] = {}
        self._newest: tuple[Mapping[str, str], dict[str, str]] = {}, {}
        """The last argument and result of `statuses`, if all executions had ended."""
        self._newest_failing: tuple[Mapping[str, str], dict[str, int]] = {}, {}
        """The same of `failing`."""

    def statuses(self, connection: Connection, last: Mapping[str, str]) -> dict[str, str]:
        """By job, the status of its last execution, if the history still has it."""
        if self._newest[0] is last:
            return self._newest[1]
        known = _known(self._statuses, last)
        new = {one: job_id for job_id, one in last.items() if job_id not in known}
        found = {new[one]: status for one, status in index_rows.statuses(connection, list(new)).items()}
        ended = {job_id: status for job_id, status in found.items() if status != Status.RUNNING}
        _remember(self._statuses, last, ended)
        known |= found
        if len(ended) == len(found):
            self._newest = last, known
        return known

    def failing(self, connection: Connection, last: Mapping[str, str]) -> dict[str, int]:
        """By job, the slot of its first failed execution since the last completed one, in microseconds since 1970.

        Jobs that are not failing are left out. Only those whose last execution did not complete are looked at: few.
        """
        if self._newest_failing[0] is last:
            return self._newest_failing[1]
        statuses = self.statuses(connection, last)
        suspects = {job_id: last[job_id] for job_id, status in statuses.items() if status != Status.COMPLETED}
        known = _known(self._failing, suspects)
        found = index_rows.failing_since(connection, [job_id for job_id in suspects if job_id not in known])
        ended = {job_id: since for job_id, since in found.items() if statuses[job_id] != Status.RUNNING}
        _remember(self._failing, last, ended)
        failing = {job_id: since for job_id, since in (known | found).items() if since is not None}
        if self._newest[0] is last:
            self._newest_failing = last, failing
        return failing


def _known(remembered: _Known[T], last: Mapping[str, str]) -> dict[str, T]:
    nothing = (None, None)
    found = ((job_id, remembered.get(job_id, nothing), one) for job_id, one in last.items())
    return {job_id: kept[1] for job_id, kept, one in found if kept[0] == one}


def _remember(remembered: _Known[T], last: Mapping[str, str], new: Mapping[str, T]) -> None:
    if len(remembered) + len(new) > KEPT:
        remembered.clear()
    if len(new) <= KEPT:
        remembered.update((job_id, (last[job_id], one)) for job_id, one in new.items())
