"""Why a job ran at some time, or why not, in sentences. Taken from the history; for other slots from the schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from myscheduler.core.explain.clock_changes import clock_note
from myscheduler.core.explain.durations import span_words
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.reasons import REASONS, as_sentence, closed_words, is_repeated, moved_words
from myscheduler.core.history.execution import Kind, QueuedRun, Record, Status
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import exclusion_at, next_run
from myscheduler.core.schedule.slots import TICK, Adjusted, Schedule, back, last_until, slots_between
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time

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
    sentence: str
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
    remarks: tuple[str, ...]
    """Sentences that do not belong to one slot."""
    previous: datetime | None
    """The last slot before that time, by the present schedule."""
    upcoming: datetime | None
    """The next run after that time and after now, by the present schedule."""

    @property
    def answer(self) -> str:
        """All sentences as one text."""
        return " ".join([*(one.sentence for one in self.findings), *self.remarks])

    def as_json(self) -> dict[str, Any]:
        def shown(moment: datetime | None) -> str | None:
            return None if moment is None else local_time(moment, self.timezone).isoformat()

        return {
            "job_id": self.job_id,
            "timezone": self.timezone,
            "at": shown(self.asked.first),
            "answer": self.answer,
            "slots": [
                {
                    "scheduled_at": shown(one.first),
                    "status": one.row.status if one.row else None,
                    "reason": one.row.reason if one.row else None,
                    "execution_id": one.row.execution_id if one.row else None,
                    "sentence": one.sentence,
                }
                for one in self.findings
            ],
            "remarks": list(self.remarks),
            "previous_slot": shown(self.previous),
            "next_run": shown(self.upcoming),
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

    def remarks(self, asked: LocalTime, findings: Sequence[Finding]) -> Iterator[str]:
        if asked.remark:
            yield asked.remark
        if not findings:
            yield from self._no_slot(asked)
        elif len(findings) >= MOST:
            yield f"Only the first {MOST} slots are shown."
        if self.facts.job is None and self.facts.rows:
            yield "The job has been deleted since."
        if self.facts.is_held:
            yield "The job's manifest is broken at the moment, so its last good spec applies."

    # --- slots that are recorded ---

    def _row(self, row: Record) -> str:
        match row.status:
            case Status.FAILED if row.reason:
                attempts = "" if row.attempts == 0 else f" after {_attempts(row)}"
                return f"{self._due(row)} failed{attempts}: {as_sentence(row.error or REASONS[Reason(row.reason)])}"
            case Status.COMPLETED | Status.FAILED:
                return self._ran(row)
            case Status.RUNNING:
                return f"{self._due(row)} has been running since {self._time(row.started_at or row.slot)}."
            case Status.INTERRUPTED:
                return (
                    f"{self._due(row)} was interrupted: {as_sentence(row.error or REASONS[Reason(row.reason or '')])}"
                )
            case Status.SKIPPED | Status.MISSED:
                note = clock_note(self.schedule, self.zone, row.slot) if self.schedule else None
                clocks = f" ({note})" if note and row.reason == Reason.DST_GAP else ""
                return f"{self._due(row)} {row.status}: {as_sentence(self._why(row) + clocks + self._down(row))}"

    def _ran(self, row: Record) -> str:
        started, completed = row.started_at or row.slot, row.completed_at or row.slot
        what = "ran" if row.status is Status.COMPLETED else "ran and failed"
        how = "on request of " + (row.requested_by or "api") if row.kind is Kind.MANUAL else ""
        late = "" if row.kind is Kind.MANUAL else f"{span_words(started - row.slot)} after its time"
        end = f"HTTP {row.http_status}" if row.http_status else row.error or "no answer"
        caught_up = ", to catch up" if row.cause == "catch_up" else ""
        note = clock_note(self.schedule, self.zone, row.slot) if self.schedule and row.kind is Kind.SCHEDULED else None
        clocks = f" On that day {note}." if note else ""
        note_on_answer = f" Note: {as_sentence(row.error)}" if row.error and row.status is Status.COMPLETED else ""
        return (
            f"{self._due(row)} {what}{caught_up}: it started {late or how}, and ended with {end} "
            f"after {_attempts(row)} and {span_words(completed - started)}.{note_on_answer}{clocks}"
        )

    def _due(self, row: Record) -> str:
        if row.kind is Kind.MANUAL:
            return f"A manual run of {self._time(row.slot)}"
        if row.slot_count == 1:
            is_over = "was " if row.status in {Status.SKIPPED, Status.MISSED} else ""
            return f"The slot of {self._time(row.slot)} {is_over}".rstrip()
        times = f"{self._time(row.slot)} to {self._time(row.last_slot)}"
        return f"The {row.slot_count:,} slots from {times} were"

    def _waiting(self, run: QueuedRun) -> str:
        limit = f" (max_instances: {self.facts.job.spec.max_instances})" if self.facts.job else ""
        return (
            f"A manual run of {self._time(run.asked_at)} on request of {run.requested_by} waits until the execution "
            f"in progress has ended{limit}."
        )

    def _why(self, row: Record) -> str:
        job, reason = self.facts.job, Reason(row.reason or "")
        match reason:
            case Reason.PAUSED:
                return self._paused(row)
            case Reason.OVERLAP:
                return self._overlap(row)
            case Reason.DEADLINE if job is not None:
                grace = span_words(timedelta(seconds=job.spec.misfire_grace_time))
                return f"there was no start within {grace} (misfire_grace_time)"
            case Reason.HOLIDAY | Reason.WEEKEND if isinstance(self.schedule, Adjusted):
                of_days = {closed_words(self.schedule, moment) for moment in (row.slot, row.last_slot)}
                return (of_days.pop() if len(of_days) == 1 else None) or REASONS[reason]
            case _:
                return REASONS[reason]

    def _down(self, row: Record) -> str:
        down = self.facts.downtimes.get(row.slot)
        if down is None:
            return ""
        end = self._time(down.end)
        if down.is_crash:
            return f"; the service was seen last at {self._time(down.start)}, and started again at {end}"
        return f"; the service was stopped from {self._time(down.start)} to {end}"

    def _paused(self, row: Record) -> str:
        job = self.facts.job
        if job is not None and job.spec.paused and job.source:
            return f"the job is paused in {job.source.path}:{job.source.line}"
        if job is not None and job.pause and job.pause.at <= row.slot:
            reason = f" ({job.pause.reason})" if job.pause.reason else ""
            return f"the job was paused by {job.pause.by} at {self._time(job.pause.at)}{reason}"
        return REASONS[Reason.PAUSED]

    def _overlap(self, row: Record) -> str:
        job, other = self.facts.job, self.facts.blockers.get(row.slot)
        limit = f" (max_instances: {job.spec.max_instances}, overlap: {job.spec.overlap})" if job else ""
        if other is None:
            return f"an earlier execution was still running{limit}"
        end = f"until {self._time(other.completed_at)}" if other.completed_at else "and still is"
        what = "manual run" if other.kind is Kind.MANUAL else "execution"
        return f"the {what} of {self._time(other.slot)} was running {end}{limit}"

    # --- slots that are not recorded ---

    def _slot(self, slot: datetime) -> str:
        """What is known of a slot of the present schedule that has no row in the history."""
        job, at = self.facts.job, self._time(slot)
        if job is None:
            return ""
        if slot > self.now:
            return f"The slot of {at} is still to come: {self._will(job, slot)}."
        if slot > job.cursor:
            return f"The slot of {at} is due and waits for its turn, or for the database; see /health/ready."
        if slot <= job.created_at:
            return f"Nothing ran at {at}: the job was created later, at {self._time(job.created_at)}."
        return f"The history has no row for {at}: it is pruned, or the job had another schedule then."

    def _will(self, job: Job, slot: datetime) -> str:
        left_out = exclusion_at(self.schedule, slot) if self.schedule else None
        if job.paused_until is not None and slot < job.paused_until:
            return "it will be skipped unless the job is resumed before then"
        if left_out is None:
            return "it will run"
        closed = closed_words(self.schedule, slot) if isinstance(self.schedule, Adjusted) else None
        named = left_out in {Reason.HOLIDAY, Reason.WEEKEND} and closed
        return f"it will be left out, {named or REASONS[Reason(left_out)]}"

    # --- no slot at all ---

    def _no_slot(self, asked: LocalTime) -> Iterator[str]:
        job, schedule = self.facts.job, self.schedule
        if job is None or schedule is None:
            yield "The history has no row for that time, and the job is deleted."
            return
        if isinstance(schedule, Adjusted):
            if asked.last < schedule.start:
                yield f"The schedule begins later: start_at is {self._time(schedule.start)}."
                return
            if asked.first >= schedule.end:
                yield f"The schedule is over: end_at is {self._time(schedule.end)}."
                return
            if moved := moved_words(schedule, asked):
                yield moved
                return
        if is_repeated(schedule, asked):
            yield (
                "The clock shows that time twice on that day, and a fixed time runs the first time only; "
                "with `dst: {overlap: both}` it would run both times."
            )
            return
        yield f"There is no slot at that time by the job's present schedule: {describe_job(job.spec, zone=self.zone)}."

    def _time(self, moment: datetime) -> str:
        local = local_time(moment, self.zone)
        text = local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")
        return f"{text[:-6]} {text[-6:]}"


def _attempts(row: Record) -> str:
    return "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
