"""What becomes of a job's incidents, by its history and what is stored: begun, continued or ended. A pure decision.

Taken again with the same facts, it changes nothing: a restart in the middle of an incident tells nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile

from myscheduler.core.history.execution import Status
from myscheduler.core.incidents import failing
from myscheduler.core.incidents.chains import Runs, as_awaited, as_told, left_words
from myscheduler.core.incidents.deadlines import grace_of, late_since, usual_duration
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.secrets.echoes import error_without_echoes, literals_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one job and its incidents."""

    job: Job | None
    """`None` if it is deleted."""
    rows: Sequence[Past]
    """The newest rows of its history, newest first."""
    open: Mapping[IncidentKind, Incident]
    thresholds: Thresholds
    good_revision: str | None = None
    """That of the manifest with which the job last completed."""
    runs: Runs = field(default_factory=dict)
    """Those of chains that these rows began."""
    longest: timedelta | None = None
    """How long such a run may take by its timeouts; `None` for a job that begins no chain."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An incident that is new."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Continued:
    """An open incident with what was added to it."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Ended:
    """An incident that is over."""

    incident: Incident


Step = Begun | Continued | Ended


def judge(
    facts: Facts, *, clock: Clock, new_id: Callable[[datetime], str], may_be_late: bool = True
) -> tuple[Step, ...]:
    """The changes of a job's incidents. `clock.zone` is the zone of the service.

    Where not `may_be_late`, incidents of late jobs may end but not begin: slots of a downtime may still be caught up.
    """
    job = facts.job
    gone = [one for one in facts.open.values() if job is None or one.noticed_at < job.created_at]
    ended = tuple(_ended(one, EndReason.DELETED, clock.now) for one in gone)
    if job is None:
        return ended
    left = {kind: one for kind, one in facts.open.items() if one not in gone}
    return (
        *ended,
        *_failing(job, facts, left.get(IncidentKind.FAILING), clock, new_id),
        *_late(job, facts, left.get(IncidentKind.LATE), clock, new_id, may_begin=may_be_late),
    )


def is_reminder_due(incident: Incident, job: Job | None, thresholds: Thresholds, now: datetime) -> bool:
    """Whether an open incident is to be told again. That of a paused job is not, and one that somebody acknowledged.
    `job` is `None` for one of a target or host.
    """
    if thresholds.remind is None or incident.told_at is None or incident.is_acknowledged(now):
        return False
    if job is not None and job.is_paused:
        return False
    return now - incident.told_at >= thresholds.remind


def _failing(
    job: Job, facts: Facts, known: Incident | None, clock: Clock, new_id: Callable[[datetime], str]
) -> Iterator[Step]:
    rows = as_told(facts.rows, facts.runs)
    if known is None:
        if failing.begins(rows, facts.thresholds):
            wrong = failing.wrong_ones(rows, facts.thresholds)
            yield Begun(_first(job, wrong, facts.good_revision, clock.now, new_id))
    elif failing.has_ended(rows, facts.thresholds):
        yield _ended(_grown(job, known, rows), EndReason.RECOVERED, clock.now)
    else:
        grown = _grown(job, known, rows)
        if grown != known:
            yield Continued(grown)


def _first(
    job: Job, wrong: Sequence[Past], good_revision: str | None, now: datetime, new_id: Callable[[datetime], str]
) -> Incident:
    newest, oldest = wrong[0], wrong[-1]
    return Incident(
        incident_id=new_id(now),
        subject=job.job_id,
        kind=IncidentKind.FAILING,
        began_at=oldest.at,
        noticed_at=now,
        failures=len(wrong),
        first_execution_id=oldest.execution_id,
        last_execution_id=newest.execution_id,
        error=told_by(job, newest),
        source_revision=oldest.revision,
        good_revision=good_revision,
    )


def _grown(job: Job, known: Incident, rows: Sequence[Past]) -> Incident:
    """The incident with the failures that were recorded since its last one. In the run of a chain that is the last one,
    more jobs may have gone wrong.
    """
    newer = takewhile(lambda row: row.execution_id != known.last_execution_id, rows)
    wrong = [row for row in newer if row.is_good is False and row.execution_id > (known.last_execution_id or "")]
    if not wrong:
        last = next((row for row in rows if row.execution_id == known.last_execution_id), None)
        return replace(known, error=told_by(job, last)) if last is not None and last.is_good is False else known
    last = wrong[0]
    return replace(
        known, failures=known.failures + len(wrong), last_execution_id=last.execution_id, error=told_by(job, last)
    )


def told_by(job: Job, row: Past) -> str | None:
    """What an execution said, as anybody may read it: without what its target repeated of credentials."""
    if row.error is None:
        return None
    literals = literals_of(job.spec) if row.digest == job.digest else None
    return error_without_echoes(row.error, literals)


def _late(
    job: Job,
    facts: Facts,
    known: Incident | None,
    clock: Clock,
    new_id: Callable[[datetime], str],
    *,
    may_begin: bool,
) -> Iterator[Step]:
    if not facts.thresholds.is_late_watched:
        if known is not None:
            yield _ended(known, EndReason.UNWATCHED, clock.now)
        return
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at)
    rows = as_awaited(facts.rows, facts.runs)
    grace = grace_of(job, facts.thresholds, usual_duration(rows), facts.longest)
    since = late_since(job, schedule, rows, grace, now=clock.now)
    error = left_words(rows, facts.runs, since) if since is not None else None
    if known is None:
        if since is not None and may_begin:
            good = next((row for row in facts.rows if row.status is Status.COMPLETED), None)
            yield Begun(
                Incident(
                    new_id(clock.now),
                    job.job_id,
                    IncidentKind.LATE,
                    began_at=since,
                    noticed_at=clock.now,
                    error=error,
                    source_revision=job.source.revision if job.source else None,
                    good_revision=good.revision if good else facts.good_revision,
                )
            )
    elif since is None:
        yield _ended(known, EndReason.PAUSED if job.is_paused else EndReason.RECOVERED, clock.now)
    elif error is not None and error != known.error:
        yield Continued(replace(known, error=error))


def _ended(known: Incident, why: EndReason, now: datetime) -> Ended:
    return Ended(replace(known, ended_at=now, end_reason=why))
