"""Compares the calls that arrived at the sink with the history of the service."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from benchmarks.driver import Api, in_parallel
from benchmarks.sink import Arrival

NEWEST = 1_000
"""How many rows of each job's history are compared slot by slot; older ones may have been pruned."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


@dataclass(slots=True)
class Verdict:
    """The differences that were found; all should be 0."""

    doubled: int = 0
    """Calls that arrived more than once."""
    count_differs: int = 0
    """The sum of the differences between calls and `execution_count`, over the jobs that still exist."""
    not_received: int = 0
    """Slots that the history has as sent but that did not arrive."""
    not_recorded: int = 0
    """Calls that are not in the history."""
    left_out: int = 0
    """Seconds without a row in the history of a job that was not edited, between its oldest row and its newest."""

    @property
    def is_clean(self) -> bool:
        return not (self.doubled or self.count_differs or self.not_received or self.not_recorded or self.left_out)


class Ledger:
    def __init__(self) -> None:
        self._slots: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        """The times of the calls by job, in microseconds since 1970: eight bytes per call."""

    @property
    def received(self) -> int:
        return sum(map(len, self._slots.values()))

    def add(self, arrivals: Iterable[Arrival]) -> None:
        for one in arrivals:
            if one.slot is not None:
                self._slots[urlsplit(one.path).path.rpartition("/")[2]].append(_micros(one.slot))

    async def compare(self, api: Api, job_ids: Collection[str], steady: Collection[str]) -> Verdict:
        """Compare; call it when no job runs any more."""
        counts = Counter({job_id: len(slots) for job_id, slots in self._slots.items()})
        verdict = Verdict(doubled=sum(len(slots) - len(set(slots)) for slots in self._slots.values()))
        for one in await api.jobs():
            verdict.count_differs += abs(one["execution_count"] - counts[one["job_id"]])

        async def compare_slots(job_id: str) -> None:
            rows = await api.executions(job_id, NEWEST)
            recorded = {_micros(row["scheduled_at"]) for row in rows if row["attempts"]}
            oldest = min(recorded, default=0) if len(rows) == NEWEST else 0
            received = {slot for slot in self._slots[job_id] if slot >= oldest}
            verdict.not_received += len(recorded - received)
            verdict.not_recorded += len(received - recorded)
            if job_id in steady:
                verdict.left_out += _left_out(rows)

        await in_parallel(compare_slots, sorted(job_ids))
        return verdict


def _left_out(rows: Sequence[dict[str, Any]]) -> int:
    """The slots of a row; a row of slots that did not run represents several."""
    if not rows:
        return 1
    first = min(_micros(row["scheduled_at"]) for row in rows)
    last = max(_micros(row["last_scheduled_at"]) for row in rows)
    told = sum(int(row["slot_count"]) for row in rows)
    return abs((last - first) // _SECOND + 1 - told)


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
