"""Why a job ran, or did not, in runs of chains: what started it, what kept it from running, or what it waits for."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from myscheduler.core.calls.matching import MISSING, as_text, in_signs, unmet
from myscheduler.core.chains.judging import NOT_RUN, EdgeState, End, edge_state
from myscheduler.core.explain.after import after_words
from myscheduler.core.explain.reasons import REASONS
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.job.after import DeclaredAfter, Edge, Requirement
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Message, said
from myscheduler.messages.recognition import recognised

MOST_NAMED = 5
"""The most jobs that one sentence names."""


@dataclass(frozen=True, slots=True)
class ChainRunSeen:
    """A run of a chain, as one of its jobs sees it."""

    slot: datetime
    first: Record | None = None
    """The execution that it began with; `None` if it began with a slot that did not run, or its row is pruned."""
    before: Mapping[str, Record] = field(default_factory=dict)
    """By job: the rows of those that the job runs after, in this run or in the one that it repeats a part of."""
    is_over: bool = True
    """Whether nothing of it is in progress."""
    is_called_off: bool = False


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What the database has about the chains of a job that runs after others, around some time."""

    of_rows: Mapping[str, ChainRunSeen] = field(default_factory=dict)
    """By execution id of a row of the job: its run."""
    without_row: tuple[ChainRunSeen, ...] = ()
    """Runs that have not reached the job, or never will."""
    gone: tuple[str, ...] = ()
    """Jobs that it runs after and that do not exist."""
    paused: tuple[str, ...] = ()
    """Jobs that it runs after and that are paused now."""


@dataclass(frozen=True, slots=True)
class ChainTeller:
    """Says it in sentences, with times in a zone."""

    facts: ChainFacts
    job: Job
    after: DeclaredAfter
    zone: str

    def start(self, row: Record) -> Message:
        """What started an execution, such as `after extract had completed at …`."""
        run = self._run(row)
        parent_id = row.link.parent_id if row.link else None
        parent = next((one for one in run.before.values() if one.execution_id == parent_id), None)
        if parent is None:
            return said("started-unparented")
        if parent.status in NOT_RUN:
            return said("started-after-skipped", parent=parent.job_id)
        at = self._local(parent.completed_at or parent.slot)
        return said(f"started-after-{parent.status}", parent=parent.job_id, at=at, condition=self._met(row, run))

    def why(self, row: Record) -> Message | None:
        """Why a row did not run, as far as its chain explains it and its job has not been edited since."""
        if row.reason == Reason.CHAIN_TIMEOUT and row.link is not None and row.link.until is not None:
            return said("chain-timeout-of", until=self._local(row.link.until))
        if row.reason == Reason.CANCELLED and row.error:
            return recognised(row.error)
        if row.digest != self.job.digest:
            return None
        run = self._run(row)
        match row.reason:
            case Reason.UPSTREAM_OUTCOME | Reason.UPSTREAM_SKIPPED:
                causes = list(self._causes(run))
                return said("upstream-of", causes=causes[:MOST_NAMED]) if causes else None
            case Reason.CONDITION:
                return self._unmet(run)
            case _:
                return None

    def without_row(self, run: ChainRunSeen) -> Message:
        """Why a run has no row of the job."""
        slot, first = self._local(run.slot), run.first
        if first is not None and first.is_alone:
            return said("chain-alone", first=first.job_id, slot=slot, by=first.requested_by)
        if run.is_called_off:
            return said("chain-called-off", slot=slot)
        if not run.is_over:
            waits = [self._open(edge, run) for edge in self._edges(run, EdgeState.OPEN)]
            code = "chain-waits-any" if self.after.join == "any" and len(self.after.edges) > 1 else "chain-waits"
            return said(code, slot=slot, jobs=waits[:MOST_NAMED]) if waits else said("chain-goes-on", slot=slot)
        if self.job.created_at > run.slot:
            return said("chain-created-later", slot=slot, created=self._local(self.job.created_at))
        return said("chain-without-row", slot=slot)

    def at_present(self) -> Iterator[Message]:
        """What keeps the job from running in any chain now."""
        for one in self.facts.gone[:MOST_NAMED]:
            yield said("parent-gone", parent=one)
        for one in self.facts.paused[:MOST_NAMED]:
            yield said("parent-paused", parent=one)

    def no_run(self) -> Message:
        """That no run of a chain was there at the time."""
        return said("no-chain-run", after=after_words(self.after))

    def _run(self, row: Record) -> ChainRunSeen:
        return self.facts.of_rows.get(row.execution_id) or ChainRunSeen(row.slot)

    def _local(self, moment: datetime) -> datetime:
        return local_time(moment, self.zone)

    # --- edges ---

    def _edges(self, run: ChainRunSeen, *states: EdgeState) -> Iterator[Edge]:
        for edge in self.after.edges:
            record = run.before.get(edge.job)
            end = End(record.execution_id, record.status) if record else None
            if edge_state(edge, end, self.after, lambda _: not run.is_over) in states:
                yield edge

    def _causes(self, run: ChainRunSeen) -> Iterator[Message]:
        for edge in self._edges(run, EdgeState.UNMET, EdgeState.SKIPPED):
            record = run.before.get(edge.job)
            if record is None:
                yield said("parent-not-there", parent=edge.job)
            elif record.status in NOT_RUN:
                yield said("parent-not-run", parent=edge.job, why=REASONS[Reason(record.reason or "")])
            else:
                yield said(f"parent-was-for-{edge.on}", parent=edge.job, end=self._end(record))

    def _end(self, record: Record) -> Message:
        at = self._local(record.completed_at or record.slot)
        why = recognised(record.error) if record.error else None
        if record.status is Status.COMPLETED:
            return said("parent-completed", at=at)
        return said("parent-failed" if record.status is Status.FAILED else "parent-interrupted", at=at, why=why)

    def _open(self, edge: Edge, run: ChainRunSeen) -> Message:
        record = run.before.get(edge.job)
        if record is None:
            return said("parent-to-come", parent=edge.job)
        if record.started_at is None:
            return said("parent-waits", parent=edge.job)
        return said("parent-runs", parent=edge.job, since=self._local(record.started_at))

    # --- the condition ---

    def _extracted(self, run: ChainRunSeen) -> Mapping[str, object]:
        record = run.before.get(self.after.when.job) if self.after.when else None
        found = json.loads(record.extracted) if record and record.extracted else {}
        return found if isinstance(found, dict) else {}

    def _unmet(self, run: ChainRunSeen) -> Message | None:
        when = self.after.when
        found = unmet(dict(self._extracted(run)), when.json) if when else None
        if when is None or found is None:
            return None
        pointer, value, matcher = found
        wanted = in_signs(matcher)
        if value is MISSING:
            return said("condition-missing", parent=when.job, pointer=pointer, wanted=wanted)
        return said("condition-unmet", parent=when.job, pointer=pointer, value=as_text(value), wanted=wanted)

    def _met(self, row: Record, run: ChainRunSeen) -> str | None:
        """The condition that held, in signs."""
        if self.after.when is None or row.digest != self.job.digest or not self._extracted(run):
            return None
        when = self.after.when
        return ", ".join(f"{at.pointer} {in_signs(one)}" for at in when.json for one in at.matchers)


def requirement_words(
    requires: Iterable[Requirement], completed: Mapping[str, datetime], slot: datetime, zone: str
) -> Message | None:
    """Which required jobs had not completed when a slot was due; `completed` says when they last had, by the end of its
    wait. `None` if all had.
    """
    causes = []
    for one in requires:
        last, since = completed.get(one.job), slot - one.within
        if last is None:
            causes.append(said("required-never", required=one.job, since=local_time(since, zone)))
        elif last < since:
            at = local_time(last, zone)
            causes.append(said("required-last", required=one.job, since=local_time(since, zone), last=at))
    return said("requirement-of", causes=causes[:MOST_NAMED]) if causes else None
