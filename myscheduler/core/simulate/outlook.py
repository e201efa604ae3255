"""The result of a simulation for one job: events like the rows of the history, and their totals."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from myscheduler.core.history.execution import Execution, Kind, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.expansion import to_datetime

WAITING = "waiting"
"""The status of slots that still wait for their turn when the simulation ends."""


class Late(StrEnum):
    """Why an execution was sent after its slot."""

    CATCH_UP = "catch_up"
    QUEUED = "queued"
    THROTTLED = "throttled"
    """It waited for its turn at its shared target."""
    REQUIREMENT = "requirement"
    """It waited until the jobs had completed that its own requires."""
    RESENT = "resent"


@dataclass(frozen=True, slots=True)
class Event:
    """An execution, or consecutive slots that did not run for one reason."""

    status: str
    reason: str | None
    """A value of `Reason` or `Late`; `None` for an execution on time."""
    first: datetime
    last: datetime
    count: int = 1
    sent_at: datetime | None = None
    """When it was last sent; `None` for slots that did not run."""


@dataclass(slots=True)
class Totals:
    """How many slots of one job, or of many, ended in which way."""

    counts: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Slots by status and reason."""

    @property
    def ran(self) -> int:
        return sum(self.of(Status.COMPLETED).values())

    @property
    def failed(self) -> int:
        return sum(self.of(Status.FAILED).values())

    @property
    def caught_up(self) -> int:
        return self.counts[Status.COMPLETED, Late.CATCH_UP]

    @property
    def waiting(self) -> int:
        return self.counts[WAITING, None]

    def of(self, status: Status) -> dict[str, int]:
        """The number of slots by reason, in alphabetical order; a slot without a reason counts as ''."""
        found = {reason or "": count for (other, reason), count in self.counts.items() if other == status and count}
        return dict(sorted(found.items()))

    def add(self, other: "Totals") -> None:
        self.counts.update(other.counts)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the simulation says of one job's slots."""

    totals: Totals
    events: tuple[Event, ...]
    """In the order of their slots. Those that completed on time are left out unless `keep_all` is set, and so are all
    that the end of another has started: see the chains."""


@dataclass(slots=True, eq=False)
class Sent:
    """A simulated execution that is sent, or that waits for its turn in a chain."""

    execution: Execution
    sent_at: datetime | None = None
    """When it was last sent; of several attempts, the first."""
    late: Late | None = None
    status: Status = Status.RUNNING
    """How it ended."""
    reason: Reason | None = None
    """Why it was interrupted, or why it was not sent."""
    ended_at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    """When its next attempt is due, while it waits for that."""
    has_permit: bool = False
    is_counted: bool = False
    """Whether the agenda counts it."""

    def end(self, status: Status, at: datetime, reason: Reason | None = None) -> None:
        """Note how it ended."""
        self.status, self.ended_at, self.reason = status, at, reason

    @property
    def is_chained(self) -> bool:
        """Whether the end of another has started it."""
        return self.execution.kind is Kind.CHAINED

    @property
    def is_unbegun(self) -> bool:
        """Whether it waits for its turn in a chain."""
        return self.is_chained and self.sent_at is None


class Ledger:
    """Collects the results of one job's slots, in the order of the slots, and makes the `Outlook` of them."""

    def __init__(self, *, keep_all: bool) -> None:
        """With `keep_all`, executions on time have events, too."""
        self._keep_all = keep_all
        self._on_time = 0
        """The number of slots reported to `ran_on_time`."""
        self._rows: list[Unrun | Sent | Sequence[int]] = []
        self._is_open = False
        """Whether the last row is of slots that did not run, and nothing ran since."""

    def ran_on_time(self, slots: Sequence[int]) -> None:
        """Add executions on time, by their slots in microseconds since the Unix epoch."""
        if slots:
            self._is_open = False
            self._on_time += len(slots)
            if self._keep_all:
                self._rows.append(slots)

    def sent(self, sent: Sent) -> None:
        """Add an execution; the caller may still update it until `close`."""
        self._is_open = False
        self._rows.append(sent)

    def left_out(self, unrun: Unrun) -> None:
        """Add slots that did not run, joined with the last ones where the reason is the same."""
        last = self._rows[-1] if self._is_open else None
        if isinstance(last, Unrun) and (both := last.joined(unrun)):
            self._rows[-1] = both
        else:
            self._rows.append(unrun)
            self._is_open = True

    def close(self, waiting: Event | None) -> Outlook:
        """Return the result; `waiting` are the slots that still waited for their turn at the end."""
        counts: Counter[tuple[str, str | None]] = Counter({(Status.COMPLETED, None): self._on_time})
        events: list[Event] = []
        for row in self._rows:
            if not isinstance(row, Unrun | Sent):
                events.extend(_on_time(row))
                continue
            event = _event(row)
            counts[event.status, event.reason] += event.count
            is_chained = isinstance(row, Sent) and row.is_chained
            if (self._keep_all or (event.status, event.reason) != _ON_TIME) and not is_chained:
                events.append(event)
        if waiting is not None:
            counts[waiting.status, waiting.reason] += waiting.count
            events.append(waiting)
        return Outlook(Totals(counts), tuple(events))


def _event(row: Unrun | Sent) -> Event:
    if isinstance(row, Unrun):
        return Event(row.status, row.reason, row.first, row.last, row.count)
    slot = row.execution.slot
    if row.ended_at is None:  # it is cut off by the end of the simulation: what is sent is taken to succeed
        if row.is_unbegun:
            return Event(WAITING, None, slot, slot)
        return Event(Status.COMPLETED, row.late, slot, slot, sent_at=row.sent_at)
    return Event(row.status, row.reason or row.late, slot, slot, sent_at=row.sent_at)


_ON_TIME = (Status.COMPLETED, None)
"""The status and the reason of an execution of which nothing is to be said."""


def _on_time(slots: Iterable[int]) -> Iterator[Event]:
    for slot in map(to_datetime, slots):
        yield Event(Status.COMPLETED, None, slot, slot, sent_at=slot)
