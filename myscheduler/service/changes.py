"""What changed lately, by id, so that a screen asks for changes instead of reading everything again.

All of it is in memory: after a restart, and for a client that has not asked for too long, the answer is to read anew.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from myscheduler.core.schedule.slots import FIRST_INSTANT, TICK

KEPT = 30_000
"""The most ids that are kept; the oldest are dropped first."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed after a sequence number; each id is listed once."""

    jobs: frozenset[str]
    """Jobs that were created, changed or deleted, or had an execution claimed or ended."""
    executions: frozenset[str]
    has_source_changed: bool
    """Whether the state of the source changed: the result of a pass, not only its time."""


class _Batch(NamedTuple):
    """The changes that were committed together."""

    jobs: tuple[str, ...]
    executions: tuple[str, ...] = ()
    is_of_source: bool = False
    is_of_incidents: bool = False
    wrong: tuple[str, ...] = ()
    """The jobs among them with something that did not go well."""

    @property
    def size(self) -> int:
        return len(self.jobs) + len(self.executions) + 1


class Changes:
    """A bounded list of changes, each batch with a number; used on the event loop only.

    A sequence number is text: when the process started, and the number of the last batch. So a client sees that it is
    from another process.
    """

    def __init__(self, started_at: datetime) -> None:
        self._process = f"{(started_at - FIRST_INSTANT) // TICK:x}"
        self._last = 0
        """The number of the last batch; that of the first one kept is `_last - len(_batches) + 1`."""
        self._batches: deque[_Batch] = deque()
        self._kept = 0
        self.catalog = 0
        """Increases when jobs are created, changed or deleted, but not when they run."""
        self.incidents = 0
        """Increases when incidents begin, go on, end or are taken care of, and with how telling them goes."""
        self.wrong = 0
        """Increases when executions or slots are recorded that did not go well."""

    @property
    def number(self) -> int:
        """The number of the last change."""
        return self._last

    @property
    def seq(self) -> str:
        """The sequence number of everything so far."""
        return f"{self._process}-{self._last}"

    def of_catalog(self, job_ids: Iterable[str]) -> None:
        """Note jobs that were created, changed or deleted."""
        self.catalog += 1
        self.of_jobs(job_ids)

    def of_jobs(self, job_ids: Iterable[str]) -> None:
        """Note jobs whose state changed."""
        self._add(_Batch(tuple(job_ids)))

    def of_executions(self, job_ids: Iterable[str], execution_ids: Iterable[str], *, wrong: Iterable[str]) -> None:
        """Note executions that were claimed or ended, and their jobs; `wrong` are the jobs of those, and of slots that
        did not run, that did not go well.
        """
        batch = _Batch(tuple(job_ids), tuple(execution_ids), wrong=tuple(wrong))
        self.wrong += bool(batch.wrong)
        self._add(batch)

    def of_incidents(self, job_ids: Iterable[str] = ()) -> None:
        """Note jobs whose incidents changed; without jobs, how it goes to tell people."""
        self.incidents += 1
        self._add(_Batch(tuple(job_ids), is_of_incidents=True))

    def of_source(self, job_ids: Iterable[str] = ()) -> None:
        """Note that the state of the source changed; with jobs that are held now or no longer."""
        self._add(_Batch(tuple(job_ids), is_of_source=True))

    def since(self, seq: str) -> Changed | None:
        """What changed after `seq`; `None` if that is not known: it is too old, or of another process."""
        process, _, number = seq.partition("-")
        if process != self._process or not (number.isascii() and number.isdecimal() and len(number) < 20):
            return None
        batches = self._batches_since(int(number))
        if batches is None:
            return None
        return Changed(
            frozenset(job_id for batch in batches for job_id in batch.jobs),
            frozenset(execution_id for batch in batches for execution_id in batch.executions),
            any(batch.is_of_source for batch in batches),
        )

    def jobs_since(self, number: int) -> frozenset[str] | None:
        """The jobs of the changes after a number; `None` if that is not known."""
        batches = self._batches_since(number)
        return None if batches is None else frozenset(job_id for batch in batches for job_id in batch.jobs)

    def wrong_since(self, number: int) -> frozenset[str] | None:
        """The jobs with something that did not go well after a number; `None` if that is not known."""
        batches = self._batches_since(number)
        return None if batches is None else frozenset(job_id for batch in batches for job_id in batch.wrong)

    def _batches_since(self, number: int) -> list[_Batch] | None:
        count = self._last - number
        return list(islice(reversed(self._batches), count)) if 0 <= count <= len(self._batches) else None

    def _add(self, batch: _Batch) -> None:
        if batch.size == 1 and not (batch.is_of_source or batch.is_of_incidents):
            return
        self._last += 1
        self._batches.append(batch)
        self._kept += batch.size
        for _ in self._excess():
            self._kept -= self._batches.popleft().size

    def _excess(self) -> Iterator[None]:
        while self._kept > KEPT:
            yield
