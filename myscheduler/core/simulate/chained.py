"""The chains of a simulation: what the ends of jobs lead to, and how each chain went."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from myscheduler.core.chains.following import Ended, Follower, follow
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import End
from myscheduler.core.chains.runs import ChainStatus, chain_status
from myscheduler.core.history.execution import Link, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.reason import Reason
from myscheduler.core.simulate.outlook import WAITING, Sent
from myscheduler.core.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True)
class ChainStep:
    """What became of a job in a chain. Times count from the logical slot of the chain."""

    job_id: str
    status: str
    """A value of `Status`, or `WAITING`; `running` if the simulation ended before it."""
    reason: str | None
    """Why it did not run, or was cut off; or a value of `Late`."""
    parent: str | None
    """The job whose end decided it; `None` for the job with which the chain began."""
    sent_after: timedelta | None
    """`None` if nothing of it was sent."""
    ended_after: timedelta | None


@dataclass(frozen=True, slots=True)
class ChainOutlook:
    """A chain, or consecutive ones of a job that all went alike."""

    root: str
    """The job of the slot with which it began; with `if_skipped: run`, that slot may have been left out."""
    first: datetime
    """The logical slot of the chain, or of the first of them."""
    last: datetime
    count: int
    status: ChainStatus
    steps: tuple[ChainStep, ...]
    """In the order in which they were decided; those of which nothing was sent, too."""


@dataclass(slots=True)
class _Chain:
    root: str
    slot: datetime
    until: datetime | None
    """When it times out."""
    ends: dict[str, End] = field(default_factory=dict)
    """How jobs ended in it, as far as they have."""
    members: list[tuple[Sent, str | None]] = field(default_factory=list)
    """Its executions, each with the job whose end decided it."""


class SimulatedChains:
    """Decides what follows from ends as the service does, with what it would have recorded."""

    def __init__(self, graph: Graph, scenario: Scenario, new_id: Callable[[datetime], str]) -> None:
        self.graph = graph
        self._scenario = scenario
        self._new_id = new_id
        self._open: dict[str, _Chain] = {}
        self._over: list[tuple[str, datetime, tuple[ChainStep, ...]]] = []
        self._known: dict[tuple[ChainStep, ...], tuple[ChainStep, ...]] = {}
        """Chains that go alike share their steps."""
        self._ended: list[Ended] = []
        self._touched: set[str] = set()
        """Chains of which something has ended or was decided since `settle`."""

    @property
    def has_ended(self) -> bool:
        """Whether there are ends of which it is not decided yet what follows."""
        return bool(self._ended)

    def begin(self, sent: Sent, now: datetime) -> None:
        """Have an execution of a slot begin a chain, if jobs run after its own; it is sent now."""
        execution = sent.execution
        if not self.graph.children(execution.job_id):
            return
        timeout = self.graph.timeouts.get(execution.job_id)
        until = None if timeout is None else now + timedelta(seconds=timeout)
        sent.execution = replace(execution, link=Link(execution.execution_id, None, until))
        chain = self._open[execution.execution_id] = _Chain(execution.job_id, execution.slot, until)
        chain.ends[execution.job_id] = End(execution.execution_id, Status.RUNNING)
        chain.members.append((sent, None))

    def joined(self, sent: Sent, parent_id: str | None) -> None:
        """Note an execution that the end of another has started, or left out; that may be a slot without a row."""
        chain = self._open[sent.execution.chain_id]
        self._touched.add(sent.execution.chain_id)
        parents = (one for one, end in chain.ends.items() if end.execution_id == parent_id)
        chain.members.append((sent, next(parents, chain.root)))
        chain.ends[sent.execution.job_id] = End(sent.execution.execution_id, sent.status)

    def ended(self, sent: Sent) -> None:
        """Note the end of an execution; see `follow`."""
        chain = self._open.get(sent.execution.chain_id)
        if chain is None:
            return
        self._touched.add(sent.execution.chain_id)
        job_id = sent.execution.job_id
        handed_on = self._scenario.assumed.handed_on(job_id) if sent.status is Status.COMPLETED else None
        chain.ends[job_id] = end = End(sent.execution.execution_id, sent.status, handed_on)
        self._ended.append(Ended(sent.execution.chain_id, job_id, end, chain.slot, chain.until))

    def follow(self, now: datetime) -> list[Follower]:
        """What follows from the ends so far. Note all of it with `joined`, and then `settle`."""
        ended, self._ended = self._ended, []
        if not ended:
            return []
        new_id = partial(self._new_id, now)
        return follow(self.graph, ended, ends_of=lambda chain_id: self._open[chain_id].ends, new_id=new_id, now=now)

    def left_out(self, job_id: str, unrun: Unrun, now: datetime) -> tuple[list[tuple[str, Unrun]], list[Follower]]:
        """What follows from slots that did not run: the same of other jobs, or a chain of those that run anyway."""
        if not self.graph.children(job_id):
            return [], []
        chain_id = self._new_id(now)
        ended = Ended(chain_id, job_id, End(chain_id, Status.SKIPPED), unrun.last)
        followers = follow(self.graph, [ended], ends_of=_nothing, new_id=partial(self._new_id, now), now=now)
        reasons = {one.job_id: one.reason for one in followers if one.reason is not None}
        if len(reasons) == len(followers):
            return [(one, replace(unrun, status=Status.SKIPPED, reason=reason)) for one, reason in reasons.items()], []
        self._open[chain_id] = _Chain(job_id, unrun.last, None)
        return [], followers

    def settle(self) -> None:
        """Close the chains of which nothing is in progress or waits."""
        for chain_id in self._touched:
            if all(end.is_over for end in self._open[chain_id].ends.values()):
                self._close(self._open.pop(chain_id))
        self._touched.clear()

    def _close(self, chain: _Chain) -> None:
        steps = tuple(_step(sent, parent, chain.slot) for sent, parent in chain.members)
        self._over.append((chain.root, chain.slot, self._known.setdefault(steps, steps)))

    def close(self, *, keep_all: bool) -> Iterator[ChainOutlook]:
        """All chains in the order of their slots, by job; with `keep_all`, each alone."""
        for chain in self._open.values():
            self._close(chain)
        last: ChainOutlook | None = None
        for root, slot, steps in sorted(self._over, key=lambda one: one[:2]):
            if last is not None and not keep_all and (last.root, last.steps) == (root, steps):
                last = replace(last, last=slot, count=last.count + 1)
                continue
            if last is not None:
                yield last
            last = ChainOutlook(root, slot, slot, 1, _status(steps), steps)
        if last is not None:
            yield last


def _nothing(_: str) -> Mapping[str, End]:
    return {}


def _step(sent: Sent, parent: str | None, slot: datetime) -> ChainStep:
    sent_after = None if sent.sent_at is None else sent.sent_at - slot
    ended_after = None if sent.ended_at is None or sent.sent_at is None else sent.ended_at - slot
    if sent.ended_at is None and sent.is_unbegun:
        return ChainStep(sent.execution.job_id, WAITING, None, parent, None, None)
    reason = sent.reason or sent.late
    return ChainStep(sent.execution.job_id, sent.status.value, reason, parent, sent_after, ended_after)


def _status(steps: Sequence[ChainStep]) -> ChainStatus:
    statuses = [Status.RUNNING if one.status == WAITING else Status(one.status) for one in steps]
    is_timed_out = any(one.reason is Reason.CHAIN_TIMEOUT for one in steps)
    return chain_status(statuses, is_called_off=False, is_timed_out=is_timed_out)


def counted(chains: Sequence[ChainOutlook]) -> Mapping[ChainStatus, int]:
    """How many chains came to which state."""
    counts = Counter[ChainStatus]()
    for one in chains:
        counts[one.status] += one.count
    return counts
