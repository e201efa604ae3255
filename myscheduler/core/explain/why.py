"""Why a job ran at some time, or why not, in sentences. Taken from the history; for other slots from the schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from myscheduler.core.explain.clock_changes import clock_note
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.reasons import REASONS, closed_words, is_repeated, moved_words
from myscheduler.core.explain.schedule_parts import ScheduleParts, schedule_parts
from myscheduler.core.history.execution import Kind, QueuedRun, Record, Status
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import exclusion_at, next_run
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, back, last_until, slots_between
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Message, all_coded, coded, said
from myscheduler.messages.recognition import recognised

MOST = 20
"""The most slots in one explanation."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """The service was not running from `start` to `end`."""

    start: datetime
    """When it was stopped, or after a crash when it was last known to run."""
    end: datetime
    """When it started again."""
    is_crash: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database has about a job around some time."""

    job_id: str
    job: Job | None
    """`None` if it is deleted."""
    rows: Sequence[Record]
    """The history's rows of slots around the time, oldest first."""
    blockers: dict[datetime, Record] = field(default_factory=dict)
    """By slot: the execution that was in progress, so that the slot did not run."""
    downtimes: dict[datetime, Downtime] = field(default_factory=dict)
    """By slot: when the service was not running though the slot was due."""
    is_held: bool = False
    """Whether the job's manifest is broken, so that its last good spec applies."""
    waiting: QueuedRun | None = None
    """The manual run that waits for an execution of the job in progress."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A slot, or the slots of one row, and a sentence that says what happened to it."""

    first: datetime
    """The slot, or the first one of the row."""
    sentence: Message
    row: Record | None = None
    """The row of the history; `None` if there is none."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to the question why a job ran, or did not run, at the time `asked`."""

    job_id: str
    timezone: str
    """The job's IANA zone; the times are shown in it."""
    asked: LocalTime
    findings: tuple[Finding, ...]
    """In the order of time; empty if there is no slot at that time."""
    remarks: tuple[Message, ...]
    """Sentences that do not belong to one slot."""
    previous: datetime | None
    """The last slot before that time, by the present schedule."""
    parts: ScheduleParts | None
    """The present schedule in parts; `None` if the job is deleted."""
    upcoming: datetime | None
    """The next run after that time and after now, by the present schedule."""

    @property
    def answer(self) -> Message:
        """All sentences as one text."""
        return said("answer", sentences=[*(one.sentence for one in self.findings), *self.remarks])

    def as_json(self) -> dict[str, Any]:
        def shown(moment: datetime | None) -> str | None:
            return None if moment is None else local_time(moment, self.timezone).isoformat()

        return {
            "job_id": self.job_id,
            "timezone": self.timezone,
            "at": shown(self.asked.first),
            "answer": self.answer,
            "answer_coded": coded(self.answer),
            "slots": [
                {
                    "scheduled_at": shown(one.first),
                    "status": one.row.status if one.row else None,
                    "reason": one.row.reason if one.row else None,
                    "execution_id": one.row.execution_id if one.row else None,
                    "sentence": one.sentence,
                    "sentence_coded": coded(one.sentence),
                }
                for one in self.findings
            ],
            "remarks": list(self.remarks),
            "remarks_coded": all_coded(self.remarks),
            "previous_slot": shown(self.previous),
            "next_run": shown(self.upcoming),
            "schedule_parts": self.parts,
        }


def explain(facts: Facts, asked: LocalTime, *, clock: Clock) -> Explanation:
    """Explains the slots at the time `asked`. `clock.zone` is the zone of jobs that name none."""
    job = facts.job
    own_zone = (job.spec.timezone if job else None) or clock.zone
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at) if job else None
    due = list(_slots_of(schedule, asked)) if schedule else []
    explainer = _Explainer(facts, schedule, own_zone, clock.now)
    findings = sorted(explainer.findings(asked, due), key=lambda one: one.first)
    return Explanation(
        job_id=facts.job_id,
        timezone=own_zone,
        asked=asked,
        findings=tuple(findings),
        remarks=tuple(explainer.remarks(asked, findings)),
        previous=_previous(schedule, job, asked),
        parts=schedule_parts(job.spec, zone=own_zone) if job else None,
        upcoming=next_run(schedule, _from(job, max(asked.last, clock.now))) if schedule and job else None,
    )


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

    def findings(self, asked: LocalTime, due: Sequence[datetime]) -> Iterator[Finding]:
        """One for each row of the history, each slot in `due` without a row, and the waiting manual run.

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
        waiting = self.facts.waiting
        if waiting is not None and asked.has(waiting.asked_at):
            yield Finding(waiting.asked_at, self._waiting(waiting))

    def _is_about(self, row: Record, asked: LocalTime, due: Sequence[datetime]) -> bool:
        """Whether the row is about the time that is asked for.

        A row of several slots is about a time between two of them only if the job's schedule was another one then.
        """
        if asked.has(row.slot) or any(row.slot <= slot <= row.last_slot for slot in due):
            return True
        is_older = self.facts.job is None or row.digest != self.facts.job.digest
        return is_older and any(row.slot <= span.first <= row.last_slot for span in asked.spans)

    def remarks(self, asked: LocalTime, findings: Sequence[Finding]) -> Iterator[Message]:
        if asked.remark is not None:
            yield asked.remark
        if not findings:
            yield from self._no_slot(asked)
        elif len(findings) >= MOST:
            yield said("only-first", count=MOST)
        if self.facts.job is None and self.facts.rows:
            yield said("deleted-since")
        if self.facts.is_held:
            yield said("is-held")

    # --- slots that are recorded ---

    def _row(self, row: Record) -> Message:
        match row.status:
            case Status.FAILED if row.reason:
                attempts = _attempts(row) if row.attempts else None
                return said("failed", subject=self._due(row), attempts=attempts, why=_error_of(row))
            case Status.COMPLETED | Status.FAILED:
                return self._ran(row)
            case Status.RUNNING if row.next_attempt_at is not None:
                number, at = row.attempts + 1, self._local(row.next_attempt_at)
                return said("waits-for-attempt", subject=self._due(row), number=number, at=at)
            case Status.RUNNING:
                return said("running-since", subject=self._due(row), since=self._local(row.started_at or row.slot))
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
        if row.slot_count == 1:
            return said(f"slot-{row.status}", slot=first, why=why)
        return said(f"slots-{row.status}", count=row.slot_count, first=first, last=last, why=why)

    def _ran(self, row: Record) -> Message:
        started, completed = row.started_at or row.slot, row.completed_at or row.slot
        is_manual, is_completed = row.kind is Kind.MANUAL, row.status is Status.COMPLETED
        late = started - row.slot
        clocks = clock_note(self.schedule, self.zone, row.slot) if self.schedule and not is_manual else None
        return said(
            "ran" if is_completed else "ran-and-failed",
            subject=self._due(row),
            cause=said("to-catch-up") if row.cause == "catch_up" else None,
            start=said("started-by", by=row.requested_by or "api")
            if is_manual
            else said("started-late", lateness=late),
            end=self._end(row),
            attempts=_attempts(row),
            duration=completed - started,
            note=recognised(row.error) if row.error and is_completed else None,
            clocks=clocks,
        )

    def _end(self, row: Record) -> Message:
        if row.http_status:
            return said("ended-http", status=row.http_status)
        if row.error:
            return recognised(row.error)
        return said("ended-pinged" if self.facts.job and self.facts.job.spec.ping else "ended-unanswered")

    def _due(self, row: Record) -> Message:
        """The subject of a sentence: a slot, the slots of a row, or a manual run."""
        slot = self._local(row.slot)
        if row.kind is Kind.MANUAL:
            return said("the-manual-run", slot=slot)
        if row.slot_count == 1:
            return said("the-slot", slot=slot)
        return said("the-slots", count=row.slot_count, first=slot, last=self._local(row.last_slot))

    def _waiting(self, run: QueuedRun) -> Message:
        limit = self.facts.job.spec.max_instances if self.facts.job else None
        return said("manual-run-waits", at=self._local(run.asked_at), by=run.requested_by, max_instances=limit)

    def _why(self, row: Record) -> Message:
        job, reason = self.facts.job, Reason(row.reason or "")
        match reason:
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
            return said("slot-waits", slot=at)
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
