"""The changes of a job: created, changed, moved, paused, resumed, removed.

Each change decides the slots that were due before it and are not in the history yet: it returns those that did not run,
to be recorded.
So no slot is lost, and no slot of the past is fired. `clock` has the time of the change and the zone of the service.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun, unrun_between
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import TICK, Once, Schedule, back, count_between, last_until, next_after

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """A job after a change, and the slots that do not run because of it, to be recorded."""

    job: Job
    unrun: tuple[Unrun, ...] = ()


def create(
    spec: JobSpec, *, owner: Owner, source: Source | None, clock: Clock, known_digest: str | None = None
) -> Turn:
    """A new job. Its slots after `now` run; a one-off in the past is recorded as expired.

    `known_digest` is the digest of the spec, if it is computed already.
    """
    schedule = compile_schedule(spec, zone=clock.zone, created_at=clock.now)
    job = Job(
        spec=spec,
        owner=owner,
        digest=known_digest or digest(spec),
        version=_version(clock.now),
        created_at=clock.now,
        updated_at=clock.now,
        cursor=clock.now,
        next_slot=next_after(schedule, clock.now),
        source=source,
    )
    return Turn(job, _expired(schedule, clock.now))


def change(job: Job, spec: JobSpec, *, source: Source | None, clock: Clock) -> Turn:
    """The job with another spec. If its schedule stays the same, so does its progress in it."""
    changed = replace(job, spec=spec, digest=digest(spec), source=source)
    schedule = compile_schedule(spec, zone=clock.zone, created_at=job.created_at)
    if schedule == compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at):
        return resume_from(job, changed, clock=clock)
    settled = _settle(job, clock, Status.MISSED, Reason.EDITED)
    cursor = max(clock.now, job.cursor)
    changed = replace(changed, cursor=cursor, next_slot=next_after(schedule, cursor))
    return Turn(_touched(changed, clock.now), (*settled, *_expired(schedule, clock.now)))


def adopt(job: Job, spec: JobSpec, *, source: Source, clock: Clock) -> Turn:
    """A job of the API that now belongs to its manifest; if its schedule stays the same, so does its phase."""
    return change(replace(job, owner=Owner.MANIFEST), spec, source=source, clock=clock)


def move(job: Job, source: Source, *, now: datetime) -> Turn:
    """The same job, declared at another location; the revision that brought its spec stays."""
    revision = job.source.revision if job.source else source.revision
    return Turn(_touched(replace(job, source=replace(source, revision=revision)), now))


def pause(job: Job, *, by: str, now: datetime, reason: str | None = None, until: datetime | None = None) -> Turn:
    """Pause the job, up to `until` if given. Another pause without reason and end leaves the first as it is."""
    if job.pause is None or (job.pause.until is not None and job.pause.until <= now):
        paused = Pause(by, now, reason, until)
    elif reason is None and until is None:
        return Turn(job)
    else:
        paused = Pause(by, job.pause.at, reason or job.pause.reason, until or job.pause.until)
    return Turn(_touched(replace(job, pause=paused), now))


def unpinned(job: Job) -> Job:
    """A job of the API without `paused` in its spec: once operators pause or resume it, their pause decides."""
    if job.owner is Owner.MANIFEST or job.spec.paused is None:
        return job
    spec = replace(job.spec, paused=None)
    pause = (job.pause or Pause("api", job.created_at)) if job.spec.paused else None
    return replace(job, spec=spec, digest=digest(spec), pause=pause)


def resume(job: Job, *, clock: Clock) -> Turn:
    """End the operators' pause. Slots that were due during it do not run."""
    if job.pause is None:
        return Turn(job)
    return resume_from(job, replace(job, pause=None), clock=clock)


@dataclass(frozen=True, slots=True)
class Reopened:
    """A job with slots that are recorded as not run, but have to be decided again."""

    turn: Turn
    recorded: Unrun | None
    """What is left of the history's row of these slots; `None` if nothing is."""


def resume_and_catch_up(
    job: Job, recorded: Unrun | None, catch_up: Literal["last", "all"], *, clock: Clock
) -> Reopened:
    """End the operators' pause, and let its last slot, or all of them, be decided again, within the misfire grace time.

    `recorded` is the job's last row of the history, if it is about the pause: the slots in question leave it.
    """
    resumed = replace(job, pause=None)
    if job.pause is None or resumed.is_paused:
        return Reopened(resume(job, clock=clock), recorded)
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at)
    start = max(job.pause.at, clock.now - timedelta(seconds=job.spec.misfire_grace_time) - TICK)
    if catch_up == "last":
        last = last_until(schedule, clock.now, after=start)
        start = max(clock.now, job.cursor) if last is None else last - TICK
    start = max(start, recorded.first - TICK if recorded else job.cursor)
    settled = _settle(job, Clock(start, clock.zone), Status.SKIPPED, Reason.PAUSED)
    resumed = replace(resumed, cursor=start, next_slot=next_after(schedule, start), catch_up=catch_up)
    return Reopened(Turn(_touched(resumed, clock.now), settled), _without(recorded, schedule, start))


def realign(job: Job, recorded: Unrun | None, *, clock: Clock) -> Reopened:
    """Set a job that is ahead of the clock back to `now`: later slots are decided when they are due.

    `recorded` is the job's last row of slots that did not run which begins at `now` or before; such rows that begin
    later have to be deleted by the caller. Rows of sent slots stay, so that these are not sent again.
    """
    created_at = min(job.created_at, clock.now)
    pause = replace(job.pause, at=min(job.pause.at, clock.now)) if job.pause else None
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=created_at)
    moved = replace(
        job, created_at=created_at, pause=pause, cursor=clock.now, next_slot=next_after(schedule, clock.now)
    )
    return Reopened(Turn(_touched(moved, clock.now)), _until(recorded, schedule, clock.now))


def _until(recorded: Unrun | None, schedule: Schedule, now: datetime) -> Unrun | None:
    """The recorded slots, the first of which is at `now` or before, without its slots after `now`.

    Slots that an edit left out stay as they are: the slots of the former schedule are no longer known, and never run.
    """
    if recorded is None or recorded.last <= now or recorded.reason == Reason.EDITED:
        return recorded
    return _without(recorded, schedule, now) or replace(recorded, last=recorded.first, count=1)


def _without(recorded: Unrun | None, schedule: Schedule, start: datetime) -> Unrun | None:
    """The recorded slots without those later than `start`."""
    left = recorded.count - count_between(schedule, start, recorded.last) if recorded else 0
    if recorded is None or left <= 0:
        return None
    return replace(recorded, last=last_until(schedule, start, after=recorded.first) or recorded.first, count=left)


def resume_from(job: Job, changed: Job, *, clock: Clock) -> Turn:
    """Replace `job` by `changed`; if that ends a pause, the slots of the pause are recorded as paused."""
    if not job.is_paused or changed.is_paused:
        return Turn(_touched(changed, clock.now))
    end = min(clock.now, back(job.paused_until or clock.now, TICK))  # the pause may have ended by itself before
    settled = _settle(job, Clock(end, clock.zone), Status.SKIPPED, Reason.PAUSED)
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at)
    cursor = max(end, job.cursor)
    return Turn(_touched(replace(changed, cursor=cursor, next_slot=next_after(schedule, cursor)), clock.now), settled)


def remove(job: Job, *, clock: Clock) -> tuple[Unrun, ...]:
    """The slots that do not run because the job is removed."""
    return _settle(job, clock, Status.MISSED, Reason.DELETED)


def _settle(job: Job, clock: Clock, status: Status, reason: Reason) -> tuple[Unrun, ...]:
    """The undecided slots up to `now`: those of a pause as skipped, the others with `status` and `reason`."""
    schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at)
    end = min(clock.now, back(job.paused_until, TICK)) if job.paused_until else job.cursor
    paused = unrun_between(schedule, job.cursor, end, Status.SKIPPED, Reason.PAUSED)
    undone = unrun_between(schedule, max(end, job.cursor), clock.now, status, reason)
    return tuple(one for one in (paused, undone) if one)


def _expired(schedule: Schedule, now: datetime) -> tuple[Unrun, ...]:
    if isinstance(schedule, Once) and schedule.at <= now:
        return (Unrun(Status.MISSED, Reason.EXPIRED, schedule.at, schedule.at, 1, schedule),)
    return ()


def _touched(job: Job, now: datetime) -> Job:
    return replace(job, version=max(job.version + 1, _version(now)), updated_at=now)


def _version(now: datetime) -> int:
    """Microseconds since 1970, so that a job that is removed and created again never gets an old version."""
    return (now - _EPOCH) // timedelta(microseconds=1)
