"""Reads what judging needs, and stores what it decided, each in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.history.execution import is_of
from myscheduler.core.incidents.delivery import WAIT, Delivery
from myscheduler.core.incidents.failing import rows_needed
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Facts, Step, is_reminder_due, judge
from myscheduler.core.incidents.notice import NoticeKind
from myscheduler.core.incidents.thresholds import USUAL
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.clock import Clock
from myscheduler.service.incidents.contacts import Contacts

REMINDERS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done about the incidents of a job."""

    steps: tuple[Step, ...]
    channels: tuple[str, ...]
    """Whom a new incident is told to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of some jobs."""

    judged: tuple[Judged, ...]
    """Only those with something to do."""
    in_trouble: frozenset[str]
    """Those of the jobs that have an open incident once this is stored."""


def judge_jobs(
    connection: Connection, job_ids: Sequence[str], contacts: Contacts, *, clock: Clock, may_be_late: bool
) -> Outcome:
    """Judge jobs by their history. Runs in a thread."""
    jobs = job_rows.find_jobs(connection, job_ids)
    known: dict[str, dict[IncidentKind, Incident]] = {job_id: {} for job_id in job_ids}
    for one in incident_rows.open_of(connection, job_ids):
        known[one.job_id][one.kind] = one
    judged, in_trouble = [], set()
    for job_id, open_ones in known.items():
        job = jobs.get(job_id)
        facts = _facts(connection, job, open_ones, contacts)
        steps = judge(facts, clock=clock, new_id=new_execution_id, may_be_late=may_be_late)
        if steps:
            judged.append(Judged(steps, tuple(one.name for one in contacts.channels_of(job)) if job else ()))
        begun = sum(isinstance(one, Begun) for one in steps)
        if len(open_ones) + begun > sum(isinstance(one, Ended) for one in steps):
            in_trouble.add(job_id)
    return Outcome(tuple(judged), frozenset(in_trouble))


def _facts(connection: Connection, job: Job | None, known: dict[IncidentKind, Incident], contacts: Contacts) -> Facts:
    if job is None:
        return Facts(None, (), known, USUAL)
    thresholds = contacts.thresholds_of(job)
    rows = incident_rows.past(connection, job.job_id, rows_needed(thresholds))
    own = [row for row in rows if is_of(job, row.execution_id)]
    newest = next((row.is_good for row in own if row.is_good is not None), True)
    needs_good = not newest and IncidentKind.FAILING not in known
    good = incident_rows.last_good_revision(connection, job.job_id) if needs_good else None
    return Facts(job, own, known, thresholds, good)


def keep(connection: Connection, judged: Iterable[Judged], now: datetime) -> list[Incident]:
    """Store what was decided, with what is to be told. Returns the incidents that began or ended."""
    changed = []
    for one in judged:
        for step in one.steps:
            match step:
                case Begun(incident):
                    if _begin(connection, incident, one.channels, now):
                        changed.append(incident)
                case Continued(incident):
                    incident_rows.update(connection, incident)
                case Ended(incident):
                    _end(connection, incident, now)
                    changed.append(incident)
                case _:
                    assert_never(step)
    return changed


def _begin(connection: Connection, incident: Incident, channels: Sequence[str], now: datetime) -> bool:
    stored = incident_rows.insert(connection, replace(incident, told_at=now if channels else None))
    if stored:
        delivery_rows.add(connection, _notices(incident, NoticeKind.BEGAN, channels, now))
    return stored


def _end(connection: Connection, incident: Incident, now: datetime) -> None:
    incident_rows.update(connection, incident)
    if incident.end_reason is EndReason.RECOVERED:
        channels = delivery_rows.begun_channels(connection, incident.incident_id)
        delivery_rows.add(connection, _notices(incident, NoticeKind.RECOVERED, channels, now))
    else:
        delivery_rows.withdraw(connection, incident.incident_id, at=now)


def due_reminders(connection: Connection, contacts: Contacts, *, before: datetime, now: datetime) -> list[Incident]:
    """Open incidents of which somebody is to be reminded, of those that were told before a moment."""
    found = incident_rows.told_before(connection, before, REMINDERS_AT_ONCE)
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in found}))
    with_jobs = ((one, jobs[one.job_id]) for one in found if one.job_id in jobs)
    return [one for one, job in with_jobs if is_reminder_due(one, job, contacts.thresholds_of(job), now)]


def remind(connection: Connection, due: Iterable[Incident], now: datetime) -> None:
    """Queue reminders for the channels that were told the beginning."""
    for one in due:
        incident_rows.mark_told(connection, one.incident_id, now)
        channels = delivery_rows.begun_channels(connection, one.incident_id)
        delivery_rows.add(connection, _notices(one, NoticeKind.REMINDER, channels, now))


def _notices(incident: Incident, kind: NoticeKind, channels: Iterable[str], now: datetime) -> list[Delivery]:
    return [
        Delivery(new_execution_id(now), incident.incident_id, channel, kind, now, next_at=now + WAIT)
        for channel in channels
    ]
