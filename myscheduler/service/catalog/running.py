"""How what runs the jobs is told of changes, once these are committed."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.history.execution import QueuedRun
from myscheduler.core.job.job import Job
from myscheduler.service.catalog.effects import Effects

ARM_AT_ONCE = 200
"""The most jobs whose timers are set in one turn of the event loop."""


class Running(Protocol):
    """What runs the jobs, and is told of changes once they are committed."""

    def note(
        self,
        changed: Sequence[Job],
        removed: Sequence[str],
        *,
        undone: Sequence[UnrunOfJob],
        unsent: Sequence[QueuedRun],
        followed: Followed,
    ) -> None:
        """Take over all that a transaction has changed, and count what it left out."""

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Set the timers of changed jobs, and remove those of deleted ids; some of them at a time."""

    def follow(self, followed: Followed) -> None:
        """Begin executions that the transaction recorded: all its jobs are armed."""


def tell(running: Running, changed: Sequence[Job], removed: Sequence[str], effects: Effects) -> None:
    """Tell of a transaction that changed a few jobs."""
    _note(running, changed, removed, effects)
    running.arm(changed, removed)
    running.follow(effects.followed)


async def tell_of_many(running: Running, changed: Sequence[Job], removed: Sequence[str], effects: Effects) -> None:
    """Tell of a transaction that may have changed thousands."""
    _note(running, changed, removed, effects)
    running.arm((), removed)
    await arm_many(running, changed)
    running.follow(effects.followed)


async def arm_many(running: Running, jobs: Sequence[Job]) -> None:
    """Set timers in batches: thousands take long, and other tasks run between two batches."""
    for start in range(0, len(jobs), ARM_AT_ONCE):
        running.arm(jobs[start : start + ARM_AT_ONCE], ())
        await asyncio.sleep(0)


def _note(running: Running, changed: Sequence[Job], removed: Sequence[str], effects: Effects) -> None:
    running.note(changed, removed, undone=effects.undone, unsent=effects.unsent, followed=effects.followed)
