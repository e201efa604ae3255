"""What a change of jobs leads to beside itself: slots that do not run, and executions of chains."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import chain_edits as chain_edit_rows
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.adapters.store.rows.chains import NOTHING_FOLLOWED, Followed
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.chains.graph import Declared, chained
from myscheduler.core.history.execution import QueuedRun
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.transitions import Turn
from myscheduler.core.reason import Reason


@dataclass(frozen=True, slots=True)
class Effects:
    """What a transaction recorded because of the changes in it."""

    undone: Sequence[UnrunOfJob] = ()
    """Slots that do not run."""
    unsent: Sequence[QueuedRun] = ()
    """Queued runs of deleted jobs."""
    followed: Followed = NOTHING_FOLLOWED
    """Executions of chains."""

    def __add__(self, other: "Effects") -> "Effects":
        return Effects((*self.undone, *other.undone), (*self.unsent, *other.unsent), self.followed + other.followed)


def record_undone(
    connection: Connection, turns: Sequence[Turn], now: datetime, *, removed: Collection[str] = ()
) -> Effects:
    """Record the slots that the changes leave undone, and what follows from these, to be called once the changed jobs
    are written. `removed` are those that are deleted with the same changes.

    A time that had passed when its job was declared was no slot of it, so nothing follows from it.
    """
    undone = [UnrunOfJob(turn.job.job_id, turn.unrun, turn.job.digest, turn.job.source) for turn in turns if turn.unrun]
    recorded = unrun_rows.record_unrun(connection, undone)
    due = [one for one in recorded if all(gap.reason != Reason.EXPIRED for gap in one.unrun)]
    if not due:
        return Effects(recorded)
    graph, jobs = chain_rows.stored_graph(connection)
    left = {job_id: job for job_id, job in jobs.items() if job_id not in removed}
    below, followed = chain_rows.record_left_out(connection, due, graph.changed({}, removed), find=left.get, now=now)
    return Effects((*recorded, *below), followed=followed)


Change = tuple[Job | None, Job | None]
"""A job before and after a change, or `None` where there was or is none."""


def judge_chains_again(connection: Connection, changes: Iterable[Change], now: datetime) -> Effects:
    """Record what changes of edges decide in chains that go on, to be called once the changed jobs are written."""
    former = {}
    for before, after in changes:
        job = before or after
        if job is not None and _links(before) != _links(after):
            former[job.job_id] = _links(before)
    if not any(after for after, _ in former.values()):
        return Effects()  # nothing waited for jobs because of them
    graph, jobs = chain_rows.stored_graph(connection)
    before_graph = graph.changed(former)
    return Effects(followed=chain_edit_rows.judge_again(connection, before_graph, graph, find=jobs.get, now=now))


def _links(job: Job | None) -> Declared:
    return (None, None) if job is None else chained(job.spec)
