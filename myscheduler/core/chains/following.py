"""What the ends of jobs lead to: which jobs run after them, and which do not run, with the reason. Pure decisions."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from myscheduler.core.chains.graph import Graph, by_depth, reached
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

    @property
    def place(self) -> "Place":
        return Place(self.chain_id, self.slot, self.until)


@dataclass(frozen=True, slots=True)
class Place:
    """What all executions of a chain have in common, as in `Ended`."""

    chain_id: str
    slot: datetime
    until: datetime | None


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
    still come is what is below an execution that has not ended. Where jobs were changed meanwhile, one of those that
    are returned may be in the chain already; it is not to be recorded again. `earlier_of` returns the ends in the chain
    that this one repeats a part of: they count for jobs that are not in that part.
    """
    found: list[Follower] = []
    for chain_id, of_chain in _by_chain(ended).items():
        chain = _Chain(graph, of_chain[0].place, {one.job_id: one.end for one in of_chain}, new_id, now)
        chain.unread = partial(ends_of, chain_id)
        if any(graph.has_join(one.job_id) for one in of_chain):
            chain.read()
            chain.earlier = earlier_of(chain_id)
        found += chain.follow([one.job_id for one in of_chain])
    return found


def judge_again(
    before: Graph,
    graph: Graph,
    place: Place,
    ends: Mapping[str, End],
    *,
    earlier: Mapping[str, End] | None = None,
    new_id: Callable[[], str],
    now: datetime,
) -> list[Follower]:
    """What a change of the graph decides in a chain that goes on.

    Only jobs that waited in it `before` are judged, so that a new one does not run after what ended before it. Those
    that wait no longer for anything that may still come are decided now: no later end has a bearing on them.
    """
    waiting = _waiting(before, ends)
    in_order = dict.fromkeys((*(job_id for job_id, _ in by_depth(graph, waiting)), *waiting))
    chain = _Chain(graph, place, dict(ends), new_id, now)
    chain.earlier = earlier or {}
    return chain.decide(in_order)


def _waiting(graph: Graph, ends: Mapping[str, End]) -> set[str]:
    """The jobs that may still come in a chain with these ends: below one that runs, over jobs that have none."""
    running = (child for job_id, end in ends.items() if not end.is_over for child in graph.children(job_id))
    return reached(running, lambda one: () if one in ends else graph.children(one)) - ends.keys()


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
        place: Place,
        ends: dict[str, End],
        new_id: Callable[[], str],
        now: datetime,
    ) -> None:
        self._graph, self._place, self._ends, self._new_id, self._now = graph, place, ends, new_id, now
        self.earlier: Mapping[str, End] = {}
        self.unread: Callable[[], Mapping[str, End]] | None = None
        """Reads what is recorded of the chain, until that is known."""
        self._left: deque[str] = deque()
        """Jobs whose ends are new: those that run after them are still to be judged."""
        self._open: dict[str, None] = {}
        """Jobs that were judged, and are not decided yet."""
        self._found: list[Follower] = []

    def read(self) -> None:
        """Read what is recorded of the chain, once."""
        if self.unread is not None:
            self._ends = {**self.unread(), **self._ends}
            self.unread = None

    def follow(self, ended: Iterable[str]) -> list[Follower]:
        """What follows from the ends of these jobs."""
        self._left.extend(ended)
        while self._left:
            job_id = self._left.popleft()
            for child in self._graph.children(job_id):
                self._decide(child, by=job_id, unjudged={*self._left, job_id})
            if not self._left:
                self._decide_over(self._open)  # jobs of a cycle wait for each other
        return self._found

    def decide(self, job_ids: Iterable[str]) -> list[Follower]:
        """What follows if these jobs are judged now, in this order."""
        self._decide_over(job_ids)
        return self.follow(())

    def _decide_over(self, job_ids: Iterable[str]) -> None:
        """Judge those of these jobs of which one that they run after has ended."""
        for job_id in list(job_ids):
            ended = [one for one in self._graph.parents(job_id) if one in self._ends and self._ends[one].is_over]
            if ended:
                self._decide(job_id, by=ended[-1], unjudged=set(self._left))

    def _decide(self, job_id: str, *, by: str, unjudged: set[str]) -> None:
        if job_id in self._ends:
            return
        after, ends = self._graph.afters[job_id], {**self.earlier, **self._ends}
        verdict = judge(after, ends, lambda one: self._may_come(one, unjudged))
        if verdict is None:
            self._open[job_id] = None
            return
        place = self._place
        reason = None if verdict == RUNS else Reason(verdict)
        if reason is None and place.until is not None and self._now >= place.until:
            reason = Reason.CHAIN_TIMEOUT
        if reason is not None and self._graph.children(job_id):
            self.read()  # before a change it may have run after another job, and be in the chain: it leads to nothing
            if job_id in self._ends:
                return
        parent = ends[starter(after, ends, by) if verdict == RUNS else by]
        self._ends[job_id] = end = End(self._new_id(), Status.RUNNING if reason is None else Status.SKIPPED)
        found = Follower(place.chain_id, job_id, end.execution_id, parent.execution_id, place.slot, place.until, reason)
        self._found.append(found)
        if reason is not None:
            self._left.append(job_id)

    def _may_come(self, job_id: str, unjudged: set[str]) -> bool:
        """Whether a job without an end may still get one: whether anything goes on above it. What is over has led to
        all that it leads to.
        """
        above = reached(self._graph.parents(job_id), lambda one: () if one in self._ends else self._graph.parents(one))
        return any(one in unjudged or (one in self._ends and not self._ends[one].is_over) for one in above)
