"""What becomes of a job's incidents, by its history and what is stored: begun, continued or ended. A pure decision.

Taken again with the same facts, it changes nothing: a restart in the middle of an incident tells nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from myscheduler.core.history.execution import Status
from myscheduler.core.incidents import failing
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
    if known is None:
        if failing.begins(facts.rows, facts.thresholds):
            wrong = failing.wrong_ones(facts.rows, facts.thresholds)
            yield Begun(_first(job, wrong, facts.good_revision, clock.now, new_id))
    elif failing.has_ended(facts.rows, facts.thresholds):
        yield _ended(_grown(job, known, facts.rows), EndReason.RECOVERED, clock.now)
    else:
        grown = _grown(job, known, facts.rows)
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
        error=_told(job, newest),
        source_revision=oldest.revision,
        good_revision=good_revision,
    )


def _grown(job: Job, known: Incident, rows: Sequence[Past]) -> Incident:
    """The incident with the failures that were recorded since its last one."""
    newer = takewhile(lambda row: row.execution_id != known.last_execution_id, rows)
    wrong = [row for row in newer if row.is_good is False and row.execution_id > (known.last_execution_id or "")]
    if not wrong:
        return known
    last = wrong[0]
    return replace(
        known, failures=known.failures + len(wrong), last_execution_id=last.execution_id, error=_told(job, last)
    )


def _told(job: Job, row: Past) -> str | None:
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
    grace = grace_of(job, facts.thresholds, usual_duration(facts.rows))
    since = late_since(job, schedule, facts.rows, grace, now=clock.now)
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
                    source_revision=job.source.revision if job.source else None,
                    good_revision=good.revision if good else facts.good_revision,
                )
            )
    elif since is None:
        yield _ended(known, EndReason.PAUSED if job.is_paused else EndReason.RECOVERED, clock.now)


def _ended(known: Incident, why: EndReason, now: datetime) -> Ended:
    return Ended(replace(known, ended_at=now, end_reason=why))
