"""Why a job ran at some time, or why not, in sentences. Taken from the history; for other slots from the schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from myscheduler.core.explain.chained import ChainTeller, requirement_words
from myscheduler.core.explain.clock_changes import clock_note
from myscheduler.core.explain.explanation import Explanation, Finding
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.reasons import REASONS, closed_words, is_repeated, moved_words
from myscheduler.core.explain.schedule_parts import schedule_parts
from myscheduler.core.explain.why_facts import Facts
from myscheduler.core.history.execution import Kind, QueuedRun, Record, Status
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import exclusion_at, next_run
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, back, last_until, slots_between
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Message, said
from myscheduler.messages.recognition import recognised

MOST = 20
"""The most slots in one explanation."""


def explain(facts: Facts, asked: LocalTime, *, clock: Clock) -> Explanation:
    """Explains the slots at the time `asked`. `clock.zone` is the zone of jobs that name none."""
    job = facts.job
    own_zone = (job.spec.timezone if job else None) or clock.zone
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at) if job else None
    due = list(_slots_of(schedule, asked)) if schedule else []
    explainer = _Explainer(facts, schedule, own_zone, clock.now, _teller(facts, own_zone))
    findings = sorted(explainer.findings(asked, due), key=lambda one: one.first)
    return Explanation(
        job_id=facts.job_id,
        timezone=own_zone,
        asked=asked,
        findings=tuple(findings),
        remarks=tuple(explainer.remarks(asked, findings, clock)),
        previous=_previous(schedule, job, asked),
        parts=schedule_parts(job.spec, zone=own_zone) if job else None,
        upcoming=next_run(schedule, _from(job, max(asked.last, clock.now))) if schedule and job else None,
    )


def _teller(facts: Facts, zone: str) -> ChainTeller | None:
    job = facts.job
    if job is None or not isinstance(job.spec.schedule, DeclaredAfter):
        return None
    return ChainTeller(facts.chain, job, job.spec.schedule, zone)


def _slots_of(schedule: Schedule, asked: LocalTime) -> Iterator[datetime]:
    for span in asked.spans:
        yield from islice(slots_between(schedule, span.first - TICK, span.last), MOST)


def _from(job: Job, moment: datetime) -> datetime:
    """The later of `moment` and the end of the job's pause, after which the next run is searched."""
    return max(moment, back(job.paused_until, TICK)) if job.paused_until else moment


def _previous(schedule: Schedule | None, job: Job | None, asked: LocalTime) -> datetime | None:
    if schedule is None or job is None:
        return None
    return last_until(schedule, asked.first - TICK, after=job.created_at) if asked.first > job.created_at else None


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Makes the sentences of one explanation."""

    facts: Facts
    schedule: Schedule | None
    zone: str
    now: datetime
    chains: ChainTeller | None
    """For a job that runs after others."""

    def findings(self, asked: LocalTime, due: Sequence[datetime]) -> Iterator[Finding]:
        """One for each row of the history, each slot or run of a chain without one, and the waiting manual run.

        Of the slots before the job was created, only the first is included.
        """
        rows = [row for row in self.facts.rows if self._is_about(row, asked, due)]
        yield from (Finding(row.slot, self._row(row), row) for row in rows)
        recorded = [row for row in rows if row.kind is Kind.SCHEDULED]
        unrecorded = [slot for slot in due if not any(row.slot <= slot <= row.last_slot for row in recorded)]
        created_at = self.facts.job.created_at if self.facts.job else self.now
        early = [slot for slot in unrecorded if slot <= created_at]
        for slot in (*early[:1], *unrecorded[len(early) :]):
            yield Finding(slot, self._slot(slot))
        if self.chains is not None:
            yield from (Finding(run.slot, self.chains.without_row(run)) for run in self.facts.chain.without_row)
        waiting = self.facts.waiting
        if waiting is not None and asked.has(waiting.asked_at):
            yield Finding(waiting.asked_at, self._waiting(waiting))

    def _is_about(self, row: Record, asked: LocalTime, due: Sequence[datetime]) -> bool:
        """Whether the row is about the time that is asked for.

        A row of several slots is about a time between two of them only if the job's schedule was another one then.
        Those of a job that runs after others are about runs of chains that were in progress.
        """
        if self.chains is not None or asked.has(row.slot) or any(row.slot <= slot <= row.last_slot for slot in due):
            return True
        is_older = self.facts.job is None or row.digest != self.facts.job.digest
        return is_older and any(row.slot <= span.first <= row.last_slot for span in asked.spans)

    def remarks(self, asked: LocalTime, findings: Sequence[Finding], clock: Clock) -> Iterator[Message]:
        if asked.remark is not None:
            yield asked.remark
        if self.chains is not None:
            yield from self._of_chains(self.chains, asked, findings, clock)
        elif not findings:
            yield from self._no_slot(asked)
        if len(findings) >= MOST:
            yield said("only-first", count=MOST)
        if self.facts.job is None and self.facts.rows:
            yield said("deleted-since")
        if self.facts.is_held:
            because = self.facts.held_because
            yield said("is-held-because", why=recognised(because)) if because else said("is-held")

    def _of_chains(
        self, chains: ChainTeller, asked: LocalTime, findings: Sequence[Finding], clock: Clock
    ) -> Iterator[Message]:
        """What is to be said if no run of a chain was there at the time, and what keeps the job from running now."""
        if not findings:
            yield chains.no_run()
            for facts in self.facts.beginnings:
                yield said("chain-begins-with", first=facts.job_id, answer=explain(facts, asked, clock=clock).answer)
        if not findings or asked.last >= self.now:
            yield from chains.at_present()

    # --- slots that are recorded ---

    def _row(self, row: Record) -> Message:
        match row.status:
            case Status.FAILED if row.reason:
                attempts = _attempts(row) if row.attempts else None
                return said("failed", subject=self._due(row), attempts=attempts, why=_error_of(row))
            case Status.COMPLETED | Status.FAILED:
                return self._ran(row)
            case Status.RUNNING if row.is_unbegun:
                return said(
                    "waits-for-turn",
                    subject=self._due(row),
                    since=self._local(row.next_attempt_at or row.slot),
                    start=self._start(row),
                )
            case Status.RUNNING if row.next_attempt_at is not None:
                number, at = row.attempts + 1, self._local(row.next_attempt_at)
                return said("waits-for-attempt", subject=self._due(row), number=number, at=at)
            case Status.RUNNING:
                since, start = self._local(row.started_at or row.slot), self._start(row)
                if row.kind is Kind.CHAINED:
                    return said("running-after", subject=self._due(row), since=since, start=start)
                return said("running-since", subject=self._due(row), since=since)
            case Status.INTERRUPTED:
                return said("interrupted", subject=self._due(row), why=_error_of(row))
            case Status.SKIPPED | Status.MISSED:
                return self._not_run(row)

    def _not_run(self, row: Record) -> Message:
        note = clock_note(self.schedule, self.zone, row.slot) if self.schedule else None
        why = self._why(row)
        if note and row.reason == Reason.DST_GAP:
            why = said("with-clocks", why=why, clocks=note)
        why = self._with_downtime(row, why)
        first, last = self._local(row.slot), self._local(row.last_slot)
        if row.kind is Kind.MANUAL:
            return said(f"manual-run-{row.status}", slot=first, why=why)
        if row.kind is Kind.CHAINED:
            return said(f"chain-run-{row.status}", slot=first, why=why)
        if row.slot_count == 1:
            return said(f"slot-{row.status}", slot=first, why=why)
        return said(f"slots-{row.status}", count=row.slot_count, first=first, last=last, why=why)

    def _ran(self, row: Record) -> Message:
        started, completed = row.started_at or row.slot, row.completed_at or row.slot
        is_completed, has_slot = row.status is Status.COMPLETED, row.kind is Kind.SCHEDULED
        clocks = clock_note(self.schedule, self.zone, row.slot) if self.schedule and has_slot else None
        return said(
            "ran" if is_completed else "ran-and-failed",
            subject=self._due(row),
            cause=said("to-catch-up") if row.cause == "catch_up" else None,
            start=self._start(row),
            end=self._end(row),
            attempts=_attempts(row),
            duration=completed - started,
            note=recognised(row.error) if row.error and is_completed else None,
            clocks=clocks,
        )

    def _start(self, row: Record) -> Message:
        """When an execution started, or what started it."""
        match row.kind:
            case Kind.MANUAL:
                return said("started-by", by=row.requested_by or "api")
            case Kind.CHAINED:
                return self.chains.start(row) if self.chains is not None else said("started-by-chain")
            case Kind.SCHEDULED:
                return said("started-late", lateness=(row.started_at or row.slot) - row.slot)

    def _end(self, row: Record) -> Message:
        if row.http_status:
            return said("ended-http", status=row.http_status)
        if row.error:
            return recognised(row.error)
        return said("ended-pinged" if self.facts.job and self.facts.job.spec.ping else "ended-unanswered")

    def _due(self, row: Record) -> Message:
        """The subject of a sentence: a slot, the slots of a row, or a manual run."""
        slot = self._local(row.slot)
        if row.kind is not Kind.SCHEDULED:
            return said("the-manual-run" if row.kind is Kind.MANUAL else "the-chain-run", slot=slot)
        if row.slot_count == 1:
            return said("the-slot", slot=slot)
        return said("the-slots", count=row.slot_count, first=slot, last=self._local(row.last_slot))

    def _waiting(self, run: QueuedRun) -> Message:
        limit = self.facts.job.spec.max_instances if self.facts.job else None
        return said("manual-run-waits", at=self._local(run.asked_at), by=run.requested_by, max_instances=limit)

    def _why(self, row: Record) -> Message:
        job, reason = self.facts.job, Reason(row.reason or "")
        if self.chains is not None and (told := self.chains.why(row)) is not None:
            return told
        match reason:
            case Reason.REQUIREMENT if job is not None:
                return self._required(job, row.slot) or REASONS[reason]
            case Reason.PAUSED:
                return self._paused(row)
            case Reason.OVERLAP:
                return self._overlap(row)
            case Reason.DEADLINE if job is not None:
                return said("deadline-of", grace=timedelta(seconds=job.spec.misfire_grace_time))
            case Reason.HOLIDAY | Reason.WEEKEND if isinstance(self.schedule, Adjusted):
                of_days = {closed_words(self.schedule, moment) for moment in (row.slot, row.last_slot)}
                return (of_days.pop() if len(of_days) == 1 else None) or REASONS[reason]
            case _:
                return REASONS[reason]

    def _required(self, job: Job, slot: datetime) -> Message | None:
        """What a slot waits for, or waited for in vain."""
        completed = self.facts.completed.get(slot)
        return None if completed is None else requirement_words(job.spec.requires, completed, slot, self.zone)

    def _with_downtime(self, row: Record, why: Message) -> Message:
        down = self.facts.downtimes.get(row.slot)
        if down is None:
            return why
        code = "while-crashed" if down.is_crash else "while-stopped"
        return said(code, why=why, start=self._local(down.start), end=self._local(down.end))

    def _paused(self, row: Record) -> Message:
        job = self.facts.job
        if job is not None and job.spec.paused and job.source:
            return said("paused-in", file=job.source.path, line=job.source.line)
        if job is not None and job.pause and job.pause.at <= row.slot:
            pause = job.pause
            return said("paused-by", by=pause.by, at=self._local(pause.at), reason=pause.reason or None)
        return REASONS[Reason.PAUSED]

    def _overlap(self, row: Record) -> Message:
        job, other = self.facts.job, self.facts.blockers.get(row.slot)
        limits = (
            said("limit-instances-overlap", max_instances=job.spec.max_instances, overlap=job.spec.overlap)
            if job
            else None
        )
        if other is None:
            return said("overlap-earlier", limits=limits)
        code = "overlap-manual" if other.kind is Kind.MANUAL else "overlap-execution"
        slot = self._local(other.slot)
        if other.completed_at is None:
            return said(f"{code}-still", slot=slot, limits=limits)
        return said(code, slot=slot, end=self._local(other.completed_at), limits=limits)

    # --- slots that are not recorded ---

    def _slot(self, slot: datetime) -> Message:
        """What is known of a slot of the present schedule that has no row in the history."""
        job, at = self.facts.job, self._local(slot)
        if job is None:
            return said("nothing-known")
        if slot > self.now:
            return said("slot-to-come", slot=at, will=self._will(job, slot))
        if slot > job.cursor:
            why = self._required(job, slot)
            return said("slot-waits-because", slot=at, why=why) if why else said("slot-waits", slot=at)
        if slot <= job.created_at:
            return said("created-later", slot=at, created=self._local(job.created_at))
        return said("no-row", slot=at)

    def _will(self, job: Job, slot: datetime) -> Message:
        left_out = exclusion_at(self.schedule, slot) if self.schedule else None
        if job.paused_until is not None and slot < job.paused_until:
            return said("will-be-skipped")
        if left_out is None:
            return said("will-run")
        closed = closed_words(self.schedule, slot) if isinstance(self.schedule, Adjusted) else None
        named = closed if left_out in {Reason.HOLIDAY, Reason.WEEKEND} else None
        return said("will-be-left-out", why=named or REASONS[Reason(left_out)])

    # --- no slot at all ---

    def _no_slot(self, asked: LocalTime) -> Iterator[Message]:
        job, schedule = self.facts.job, self.schedule
        if job is None or schedule is None:
            yield said("no-row-and-deleted")
            return
        if isinstance(schedule, Adjusted):
            if asked.last < schedule.start:
                yield said("begins-later", start=self._local(schedule.start))
                return
            if asked.first >= schedule.end:
                yield said("is-over", end=self._local(schedule.end))
                return
            if moved := moved_words(schedule, asked):
                yield moved
                return
        if is_repeated(schedule, asked):
            yield said("shown-twice")
            return
        yield said("no-slot", schedule=describe_job(job.spec, zone=self.zone))

    def _local(self, moment: datetime) -> datetime:
        return local_time(moment, self.zone)


def _attempts(row: Record) -> Message:
    return said("attempt") if row.attempts == 1 else said("attempts", count=row.attempts)


def _error_of(row: Record) -> Message:
    return recognised(row.error) if row.error else REASONS[Reason(row.reason or "")]
