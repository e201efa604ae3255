"""Agendas of small jobs that were made at noon, and what is taken from them, in words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from tests.support.parts import job

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOST = "127.0.0.1:9"


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def minutely(job_id: str, **fields: Any) -> Job:
    """A job that was made at noon and is due every minute since."""
    return job(job_id, NOON, **({"interval": {"minutes": 1}} | fields))


def once(job_id: str, minutes: float, **fields: Any) -> Job:
    return job(job_id, NOON, run_at=at(minutes).isoformat(), **fields)


def agenda(*jobs: Job, permits: int = 10, now: datetime = NOON, asks: bool = False) -> Agenda:
    ids = count(1)
    made = Agenda(
        zone="UTC", permits=permits, permits_per_host=permits, new_id=lambda _moment: f"id-{next(ids)}", asks=asks
    )
    made.start(NOON)
    for one in jobs:
        made.arm(one, now)
    return made


def told(taken: Sequence[Taken]) -> list[str]:
    """Each claim in a line: `a: skipped coalesced 2: 12:01-12:02, run 12:03`."""

    def gap(gap: Unrun) -> str:
        return f"{gap.status} {gap.reason} {gap.count}: {gap.first:%H:%M}-{gap.last:%H:%M}"

    return [
        f"{one.claim.job_id}: "
        + ", ".join(
            [*map(gap, one.claim.unrun), *([f"run {one.claim.execution.slot:%H:%M}"] if one.claim.execution else [])]
        )
        for one in taken
    ]


def claimed(of: Agenda, now: datetime, at_most: int = 100) -> list[Taken]:
    """What is taken and stored, batch by batch, until nothing is left to take."""
    claimed: list[Taken] = []
    while batch := of.take(now, at_most):
        for one in batch:
            of.confirm(one)
        claimed += batch
    return claimed


def over(of: Agenda, *taken: Taken) -> None:
    """The executions among these are over, and that is recorded."""
    for one in taken:
        if one.claim.execution:
            of.leave(one.host)
            of.over(one.claim.job_id)
            of.end(one.claim.job_id)


def busy(of: Agenda) -> Taken:
    """All permits are held by one job, that is due at noon, as far as a single one is all."""
    of.arm(job("busy", at(-1), run_at=NOON.isoformat()), NOON)
    (holder,) = claimed(of, NOON)
    return holder


DARK = {"blackout": [{"cron": f"{minute}-59/7 * * * *", "duration": "PT40S"} for minute in range(5)]}
"""More than is decided at once."""
