"""What runs of chains say about the job that they began with: its incidents are those of its chains.

A job that runs after others is told of with the first job of the chain. So however many jobs of a run go wrong, that is
one incident, and the jobs that are left out because of them are none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents.past import Past
from myscheduler.messages.message import Message, said
from myscheduler.messages.recognition import recognised

MOST_NAMED = 5
"""The most jobs that an incident names."""


@dataclass(frozen=True, slots=True)
class WrongJob:
    """A job that went wrong in a run of a chain, and has not completed since."""

    job_id: str
    at: datetime
    error: str | None
    """What it said, without credentials that its target repeated."""
    revision: str | None


@dataclass(frozen=True, slots=True)
class ChainSeen:
    """How a run of a chain stands."""

    is_running: bool
    ended_at: datetime | None
    """When the last of it ended so far."""
    wrong: tuple[WrongJob, ...] = ()
    """In the order in which they ended."""
    left: tuple[str, ...] = ()
    """While it runs: the jobs that have not ended."""


Runs = Mapping[str, ChainSeen]
"""By the id of the execution with which it began."""


def as_told(rows: Sequence[Past], runs: Runs) -> list[Past]:
    """A job's rows as they count for whether it is failing: a run of a chain that it began goes wrong with any job of
    it. What went wrong in a chain that another job began says nothing about this one.
    """
    return [_as_told(row, runs.get(row.execution_id)) for row in rows]


def _as_told(row: Past, run: ChainSeen | None) -> Past:
    if row.cause is Cause.CHAIN:
        return row if row.status is Status.COMPLETED else row._replace(status=Status.SKIPPED)
    if run is None:
        return row
    if row.is_good is False and len(run.wrong) == 1:
        return row  # it says itself how
    if run.wrong:
        first = run.wrong[0]
        return row._replace(
            status=Status.FAILED,
            reason=None,
            completed_at=first.at,
            error=_words(run.wrong),
            revision=first.revision,
        )
    if run.is_running:
        return row._replace(status=Status.RUNNING)
    return row._replace(status=Status.COMPLETED) if row.is_good is False else row


def _words(wrong: Sequence[WrongJob]) -> str:
    first, others = wrong[0], [one.job_id for one in wrong[1:]]
    more = len(others) - MOST_NAMED
    named = others[:MOST_NAMED] + ([f"… ({more})"] if more > 0 else [])
    why = recognised(first.error) if first.error else None
    return said("chain-went-wrong", job_id=first.job_id, why=why, others=named or None)


def as_awaited(rows: Sequence[Past], runs: Runs) -> list[Past]:
    """A job's rows as they count for whether it is late: a run of a chain that it began is over with all of it. A job
    that another one started has no deadline of its own.
    """
    return [_as_awaited(row, runs.get(row.execution_id)) for row in rows if row.cause is not Cause.CHAIN]


def _as_awaited(row: Past, run: ChainSeen | None) -> Past:
    if run is None or row.status is Status.RUNNING:
        return row
    if run.is_running:
        return row._replace(status=Status.RUNNING, completed_at=None)
    return row._replace(completed_at=run.ended_at or row.completed_at)


def left_words(rows: Sequence[Past], runs: Runs, deadline: datetime) -> Message | None:
    """The jobs that have not ended of the oldest run that should be over; `None` if it is no run of a chain."""
    running = [row for row in rows if row.slot <= deadline and (one := runs.get(row.execution_id)) and one.is_running]
    if not running:
        return None
    left = runs[running[-1].execution_id].left
    more = len(left) - MOST_NAMED
    named = [*left[:MOST_NAMED], *([f"… ({more})"] if more > 0 else [])]
    return said("chain-not-over", jobs=named) if named else None


def newest_wrong(rows: Sequence[Past], runs: Runs) -> tuple[str, ...]:
    """The jobs that went wrong in the newest run that went wrong; `rows` are newest first."""
    found = (runs[row.execution_id] for row in rows if row.execution_id in runs)
    return next((tuple(one.job_id for one in run.wrong) for run in found if run.wrong), ())
