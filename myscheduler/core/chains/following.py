"""What the ends of jobs lead to: which jobs run after them, and which do not run, with the reason. Pure decisions."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import RUNS, End, judge, starter
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended in a chain."""

    chain_id: str
    """The id of the execution that the chain began with: its own, if it is that one."""
    job_id: str
    end: End
    slot: datetime
    """The logical slot of the chain: that of its first execution."""
    until: datetime | None = None
    """When the chain times out: what has not begun by then is skipped."""


@dataclass(frozen=True, slots=True)
class Follower:
    """A job whose turn in a chain has come: it runs, or it is known that it does not."""

    chain_id: str
    job_id: str
    execution_id: str
    parent_id: str | None
    """The execution whose end decided it; `None` if that is no execution but a slot that did not run."""
    slot: datetime
    until: datetime | None
    reason: Reason | None
    """Why it does not run; `None` if it does."""


EndsOf = Callable[[str], Mapping[str, End]]
"""Returns what is recorded of a chain by its id: the end of each job that has an execution in it."""


def _none(_: str) -> Mapping[str, End]:
    return {}


def follow(
    graph: Graph,
    ended: Sequence[Ended],
    *,
    ends_of: EndsOf,
    earlier_of: EndsOf = _none,
    new_id: Callable[[], str],
    now: datetime,
) -> list[Follower]:
    """What follows from these ends, which are recorded now; in an order in which none comes before its parent.

    A job is in a chain at most once. One that does not run ends with that, so what runs after it is decided, too.
    A job with several edges is decided as soon as no end can change the decision, so a chain never hangs: what may
    still come is what is below an execution that has not ended. `earlier_of` returns the ends in the chain that this
    one repeats a part of: they count for jobs that are not in that part.
    """
    found: list[Follower] = []
    for chain_id, of_chain in _by_chain(ended).items():
        has_joins = any(graph.has_join(one.job_id) for one in of_chain)
        ends = dict(ends_of(chain_id)) if has_joins else {}
        earlier = earlier_of(chain_id) if has_joins else {}
        found += _Chain(graph, of_chain, ends, earlier, new_id, now).followers()
    return found


def _by_chain(ended: Iterable[Ended]) -> dict[str, list[Ended]]:
    chains: dict[str, list[Ended]] = {}
    for one in ended:
        chains.setdefault(one.chain_id, []).append(one)
    return chains


class _Chain:
    """The decisions that one chain waits for."""

    def __init__(
        self,
        graph: Graph,
        ended: Sequence[Ended],
        ends: dict[str, End],
        earlier: Mapping[str, End],
        new_id: Callable[[], str],
        now: datetime,
    ) -> None:
        self._graph, self._new_id = graph, new_id
        self._left = deque(one.job_id for one in ended)
        self._ends = ends | {one.job_id: one.end for one in ended}
        self._earlier = earlier
        self._first, self._now = ended[0], now
        self._found: list[Follower] = []

    def followers(self) -> list[Follower]:
        while self._left:
            job_id = self._left.popleft()
            for child in self._graph.children(job_id):
                self._decide(child, by=job_id, unjudged={*self._left, job_id})
            if not self._left:
                self._decide_rest()
        return self._found

    def _decide_rest(self) -> None:
        """Decide joins on which the last ends had no bearing: an edit of the jobs may have left them without hope."""
        for job_id in [job_id for job_id, end in self._ends.items() if end.is_over]:
            for child in self._graph.children(job_id):
                if len(self._graph.parents(child)) > 1:
                    self._decide(child, by=job_id, unjudged=set())

    def _decide(self, job_id: str, *, by: str, unjudged: set[str]) -> None:
        if job_id in self._ends:
            return
        after, ends = self._graph.afters[job_id], {**self._earlier, **self._ends}
        verdict = judge(after, ends, lambda one: self._may_come(one, unjudged))
        if verdict is None:
            return
        first = self._first
        reason = None if verdict == RUNS else Reason(verdict)
        if reason is None and first.until is not None and self._now >= first.until:
            reason = Reason.CHAIN_TIMEOUT
        parent = ends[starter(after, ends, by) if verdict == RUNS else by]
        self._ends[job_id] = end = End(self._new_id(), Status.RUNNING if reason is None else Status.SKIPPED)
        found = Follower(first.chain_id, job_id, end.execution_id, parent.execution_id, first.slot, first.until, reason)
        self._found.append(found)
        if reason is not None:
            self._left.append(job_id)

    def _may_come(self, job_id: str, unjudged: set[str]) -> bool:
        """Whether a job without an end may still get one in this chain."""
        above = self._graph.above(job_id)
        return any(one in unjudged or (one in self._ends and not self._ends[one].is_over) for one in above)
