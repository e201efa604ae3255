"""Reads what judging needs, and stores what it decided, each in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import chain_alarms
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.chains.graph import Graph
from myscheduler.core.history.execution import is_of
from myscheduler.core.incidents.chains import as_told, newest_wrong
from myscheduler.core.incidents.delivery import WAIT, Delivery
from myscheduler.core.incidents.failing import rows_needed
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Facts, Step, is_reminder_due, judge
from myscheduler.core.incidents.notice import NoticeKind
from myscheduler.core.incidents.thresholds import USUAL
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.clock import Clock
from myscheduler.service.incidents.chain_runs import longest_chain, runs_of
from myscheduler.service.incidents.contacts import Contacts

REMINDERS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done about the incidents of a job."""

    steps: tuple[Step, ...]
    channels: tuple[str, ...]
    """Whom a new incident is told to."""
    also: tuple[str, ...] = ()
    """Whom failures in chains are told to, too: the channels of the jobs that failed."""
    joined: tuple[tuple[str, str], ...] = ()
    """Open incidents, by id, each with a channel that was not told yet: it is a channel of the job only now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of some jobs."""

    judged: tuple[Judged, ...]
    """Only those with something to do."""
    in_trouble: frozenset[str]
    """Those of the jobs that have an open incident once this is stored."""
    looked_at: frozenset[str]
    """The jobs, with those that began their chains."""


def judge_jobs(
    connection: Connection, job_ids: Sequence[str], contacts: Contacts, graph: Graph, *, clock: Clock, may_be_late: bool
) -> Outcome:
    """Judge jobs by their history, and those with which chains began that they take part in. Runs in a thread."""
    firsts = chain_alarms.firsts_of(connection, (one for one in job_ids if graph.parents(one)))
    job_ids = list(dict.fromkeys([*job_ids, *firsts]))
    jobs = job_rows.find_jobs(connection, job_ids)
    found = incident_rows.open_of(connection, job_ids)
    begun = delivery_rows.begun_of(connection, [one.incident_id for one in found])
    known: dict[str, dict[IncidentKind, Incident]] = {job_id: {} for job_id in job_ids}
    for one in found:
        known[one.subject][one.kind] = one
    judged, in_trouble = [], set()
    for job_id, open_ones in known.items():
        job = jobs.get(job_id)
        facts = _facts(connection, job, open_ones, contacts, graph)
        steps = judge(facts, clock=clock, new_id=new_execution_id, may_be_late=may_be_late)
        ended = {one.incident.incident_id for one in steps if isinstance(one, Ended)}
        left = [one for one in open_ones.values() if one.incident_id not in ended]
        channels = tuple(one.name for one in contacts.channels_of(job)) if job else ()
        also = _channels_of(connection, newest_wrong(facts.rows, facts.runs), contacts, besides=channels)
        is_told = job is not None and not job.is_paused
        joined = joining(left, channels, begun, clock.now) if is_told else ()
        joined += joining(filter(_is_failing, left), also, begun, clock.now) if is_told else ()
        if steps or joined:
            judged.append(Judged(steps, channels, also, joined))
        if left or any(isinstance(one, Begun) for one in steps):
            in_trouble.add(job_id)
    return Outcome(tuple(judged), frozenset(in_trouble), frozenset(job_ids))


def _is_failing(incident: Incident) -> bool:
    return incident.kind is IncidentKind.FAILING


def _channels_of(
    connection: Connection, job_ids: Sequence[str], contacts: Contacts, *, besides: Collection[str]
) -> tuple[str, ...]:
    """The channels of these jobs that are none of the others."""
    jobs = job_rows.find_jobs(connection, job_ids) if job_ids else {}
    names = dict.fromkeys(one.name for job in jobs.values() for one in contacts.channels_of(job))
    return tuple(one for one in names if one not in besides)


def joining(
    left: Iterable[Incident], channels: Iterable[str], begun: Mapping[str, Collection[str]], now: datetime
) -> tuple[tuple[str, str], ...]:
    """The open incidents that channels are to be told now, although they began earlier. As with reminders, nothing is
    told while somebody takes care.
    """
    told = [one.incident_id for one in left if not one.is_acknowledged(now)]
    return tuple((one, channel) for one in told for channel in channels if channel not in begun[one])


def _facts(
    connection: Connection, job: Job | None, known: dict[IncidentKind, Incident], contacts: Contacts, graph: Graph
) -> Facts:
    if job is None:
        return Facts(None, (), known, USUAL)
    thresholds = contacts.thresholds_of(job)
    rows = incident_rows.past(connection, job.job_id, rows_needed(thresholds))
    own = [row for row in rows if is_of(job, row.execution_id)]
    runs = runs_of(connection, job, own, graph, contacts)
    longest = longest_chain(connection, job, graph) if graph.children(job.job_id) else None
    newest = next((row.is_good for row in as_told(own, runs) if row.is_good is not None), True)
    needs_good = not newest and IncidentKind.FAILING not in known
    good = incident_rows.last_good_revision(connection, job.job_id) if needs_good else None
    return Facts(job, own, known, thresholds, good, runs, longest)


def keep(
    connection: Connection, judged: Iterable[Judged], contacts: Contacts, now: datetime
) -> tuple[list[Incident], bool]:
    """Store what was decided, with what is to be told. Returns the incidents that began or ended, and whether there
    is something to tell.
    """
    changed, has_joined = [], False
    for one in judged:
        for step in one.steps:
            match step:
                case Begun(incident):
                    also = one.also if _is_failing(incident) else ()
                    if _begin(connection, incident, (*one.channels, *also), now):
                        changed.append(incident)
                case Continued(incident):
                    incident_rows.update(connection, incident)
                case Ended(incident):
                    _end(connection, incident, contacts, now)
                    changed.append(incident)
                case _:
                    assert_never(step)
        for incident_id, channel in one.joined:
            has_joined = True
            incident_rows.mark_first_told(connection, incident_id, now)
            delivery_rows.add(connection, _notices(incident_id, NoticeKind.BEGAN, [channel], now))
    return changed, has_joined or bool(changed)


def _begin(connection: Connection, incident: Incident, channels: Sequence[str], now: datetime) -> bool:
    stored = incident_rows.insert(connection, replace(incident, told_at=now if channels else None))
    if stored:
        delivery_rows.add(connection, _notices(incident.incident_id, NoticeKind.BEGAN, channels, now))
    return stored


def _end(connection: Connection, incident: Incident, contacts: Contacts, now: datetime) -> None:
    """Queue what is told of the end: the recovery or, without one, the close to the channels that keep alerts, which
    would keep this one for ever.
    """
    incident_rows.update(connection, incident)
    incident_id = incident.incident_id
    if incident.end_reason is EndReason.RECOVERED:
        channels = delivery_rows.begun_channels(connection, incident_id)
        delivery_rows.add(connection, _notices(incident_id, NoticeKind.RECOVERED, channels, now))
        return
    found = map(contacts.find, delivery_rows.may_have_begun(connection, incident_id))
    delivery_rows.withdraw(connection, incident_id, at=now)
    keepers = [one.name for one in found if one is not None and one.keeps_alerts]
    delivery_rows.add(connection, _notices(incident_id, NoticeKind.CLOSED, keepers, now))


@dataclass(frozen=True, slots=True)
class Reminder:
    """An open incident that is to be told again."""

    incident: Incident
    channels: tuple[str, ...]
    """The present ones of its job, or of the default."""


def due_reminders(connection: Connection, contacts: Contacts, *, before: datetime, now: datetime) -> list[Reminder]:
    """Open incidents of which somebody is to be reminded, of those that were told before a moment."""
    found = incident_rows.told_before(connection, before, REMINDERS_AT_ONCE)
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in found if one.job_id is not None}))
    told = [(one, None if one.job_id is None else jobs.get(one.job_id)) for one in found]
    due = (_reminder(one, job, contacts, now) for one, job in told if job is not None or one.job_id is None)
    return [one for one in due if one is not None and one.channels]


def _reminder(incident: Incident, job: Job | None, contacts: Contacts, now: datetime) -> Reminder | None:
    """`job` is `None` for an incident of a target or host."""
    thresholds = contacts.usual_thresholds if job is None else contacts.thresholds_of(job)
    if not is_reminder_due(incident, job, thresholds, now):
        return None
    channels = contacts.usual_channels if job is None else contacts.channels_of(job)
    return Reminder(incident, tuple(one.name for one in channels))


def remind(connection: Connection, due: Iterable[Reminder], now: datetime) -> None:
    """Queue reminders for the present channels; those that do not know of the incident are told its beginning."""
    for one in due:
        incident_id = one.incident.incident_id
        incident_rows.mark_told(connection, incident_id, now)
        begun = set(delivery_rows.begun_channels(connection, incident_id))
        known, new = (tuple(channel for channel in one.channels if (channel in begun) is it) for it in (True, False))
        delivery_rows.add(connection, _notices(incident_id, NoticeKind.REMINDER, known, now))
        delivery_rows.add(connection, _notices(incident_id, NoticeKind.BEGAN, new, now))


def _notices(incident_id: str, kind: NoticeKind, channels: Iterable[str], now: datetime) -> list[Delivery]:
    return [
        Delivery(new_execution_id(now), incident_id, channel, kind, now, next_at=now + WAIT) for channel in channels
    ]
