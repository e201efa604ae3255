"""A job's life: created, changed, moved, paused, resumed, removed. Each turn settles the slots that fell due before it,
so that no slot is lost and none from the past is fired.
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
from myscheduler.core.schedule.slots import TICK, Once, Schedule, back, count_between, last_until, next_after

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """A job after a change, and the slots that the change leaves undone."""

    job: Job
    unrun: tuple[Unrun, ...] = ()


def create(
    spec: JobSpec, *, owner: Owner, source: Source | None, now: datetime, zone: str, known_digest: str | None = None
) -> Turn:
    """A new job. It runs from now on; a one-off whose moment is over is recorded as expired.

    `known_digest` is that of the spec, where it is at hand.
    """
    schedule = compile_schedule(spec, zone=zone, created_at=now)
    job = Job(
        spec=spec,
        owner=owner,
        digest=known_digest or digest(spec),
        version=_version(now),
        created_at=now,
        updated_at=now,
        cursor=now,
        next_slot=next_after(schedule, now),
        source=source,
    )
    return Turn(job, _expired(schedule, now))


def change(job: Job, spec: JobSpec, *, source: Source | None, now: datetime, zone: str) -> Turn:
    """The job with another spec. Where the schedule stays the same, so does its place in it."""
    changed = replace(job, spec=spec, digest=digest(spec), source=source)
    schedule = compile_schedule(spec, zone=zone, created_at=job.created_at)
    if schedule == compile_schedule(job.spec, zone=zone, created_at=job.created_at):
        return resume_from(job, changed, now=now, zone=zone)
    settled = _settle(job, now, zone, Status.MISSED, Reason.EDITED)
    changed = replace(changed, cursor=max(now, job.cursor), next_slot=next_after(schedule, max(now, job.cursor)))
    return Turn(_touched(changed, now), (*settled, *_expired(schedule, now)))


def adopt(job: Job, spec: JobSpec, *, source: Source, now: datetime, zone: str) -> Turn:
    """The job, until now one of the API, as its manifest's; its phase stays where the schedule does."""
    return change(replace(job, owner=Owner.MANIFEST), spec, source=source, now=now, zone=zone)


def move(job: Job, source: Source, *, now: datetime) -> Turn:
    """The same job, declared at another place; the revision that brought its spec stays."""
    revision = job.source.revision if job.source else source.revision
    return Turn(_touched(replace(job, source=replace(source, revision=revision)), now))


def pause(job: Job, *, by: str, now: datetime, reason: str | None = None, until: datetime | None = None) -> Turn:
    """Lay a pause over the job, which ends by itself at `until`. A second one that says no more keeps the first."""
    if job.pause is None or (job.pause.until is not None and job.pause.until <= now):
        laid = Pause(by, now, reason, until)
    elif reason is None and until is None:
        return Turn(job)
    else:
        laid = Pause(by, job.pause.at, reason or job.pause.reason, until or job.pause.until)
    return Turn(_touched(replace(job, pause=laid), now))


def unpinned(job: Job) -> Job:
    """A job of the API whose spec says `paused` leaves pausing to the operators from the first time they do so."""
    if job.owner is Owner.MANIFEST or job.spec.paused is None:
        return job
    spec = replace(job.spec, paused=None)
    laid = (job.pause or Pause("api", job.created_at)) if job.spec.paused else None
    return replace(job, spec=spec, digest=digest(spec), pause=laid)


def resume(job: Job, *, now: datetime, zone: str) -> Turn:
    """Lift the operators' pause. What fell due before its end does not run."""
    if job.pause is None:
        return Turn(job)
    return resume_from(job, replace(job, pause=None), now=now, zone=zone)


@dataclass(frozen=True, slots=True)
class Reopened:
    """A job of which slots that were recorded as not run are to be decided again."""

    turn: Turn
    recorded: Unrun | None
    """What is left of the history's row of such slots; `None` when nothing is."""


def resume_and_catch_up(
    job: Job, recorded: Unrun | None, catch_up: Literal["last", "all"], *, now: datetime, zone: str
) -> Reopened:
    """Lift the operators' pause, and leave its last slot, or all, to be decided, as far as they lie within the grace.

    `recorded` is the history's last row of the job, if it tells of the pause: the slots in question leave it.
    """
    resumed = replace(job, pause=None)
    if job.pause is None or resumed.is_paused:
        return Reopened(resume(job, now=now, zone=zone), recorded)
    schedule = compile_schedule(job.spec, zone=zone, created_at=job.created_at)
    start = max(job.pause.at, now - timedelta(seconds=job.spec.misfire_grace_time) - TICK)
    if catch_up == "last":
        last = last_until(schedule, now, after=start)
        start = max(now, job.cursor) if last is None else last - TICK
    start = max(start, recorded.first - TICK if recorded else job.cursor)
    settled = _settle(job, start, zone, Status.SKIPPED, Reason.PAUSED)
    resumed = replace(resumed, cursor=start, next_slot=next_after(schedule, start), catch_up=catch_up)
    return Reopened(Turn(_touched(resumed, now), settled), _without(recorded, schedule, start))


def realign(job: Job, recorded: Unrun | None, *, now: datetime, zone: str) -> Reopened:
    """A job that is ahead of the clock, back at now: slots after it are to be decided when their time comes.

    `recorded` is the job's last row that begins by now, if its slots did not run; such rows that begin later have to
    go. Rows of what was sent stay, and with them the certainty that it is not sent again.
    """
    created_at = min(job.created_at, now)
    pause = replace(job.pause, at=min(job.pause.at, now)) if job.pause else None
    schedule = compile_schedule(job.spec, zone=zone, created_at=created_at)
    moved = replace(job, created_at=created_at, pause=pause, cursor=now, next_slot=next_after(schedule, now))
    return Reopened(Turn(_touched(moved, now)), _until(recorded, schedule, now))


def _until(recorded: Unrun | None, schedule: Schedule, now: datetime) -> Unrun | None:
    """The recorded slots, the first of which is not later than now, without the later ones.

    Those of a schedule that was edited away can't be told any more, nor will they ever run: they stay as they are.
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


def resume_from(job: Job, changed: Job, *, now: datetime, zone: str) -> Turn:
    """`changed` in the place of `job`; when that ends a pause, the slots of the pause are settled as paused."""
    if not job.is_paused or changed.is_paused:
        return Turn(_touched(changed, now))
    end = min(now, back(job.paused_until or now, TICK))  # a pause may have ended by itself
    settled = _settle(job, end, zone, Status.SKIPPED, Reason.PAUSED)
    schedule = compile_schedule(job.spec, zone=zone, created_at=job.created_at)
    cursor = max(end, job.cursor)
    return Turn(_touched(replace(changed, cursor=cursor, next_slot=next_after(schedule, cursor)), now), settled)


def remove(job: Job, *, now: datetime, zone: str) -> tuple[Unrun, ...]:
    """The slots that a removal leaves undone."""
    return _settle(job, now, zone, Status.MISSED, Reason.DELETED)


def _settle(job: Job, now: datetime, zone: str, status: Status, reason: Reason) -> tuple[Unrun, ...]:
    """The undecided slots up to now; a paused job's are put down to the pause."""
    schedule = compile_schedule(job.spec, zone=zone, created_at=job.created_at)
    end = min(now, back(job.paused_until, TICK)) if job.paused_until else job.cursor
    paused = unrun_between(schedule, job.cursor, end, Status.SKIPPED, Reason.PAUSED)
    undone = unrun_between(schedule, max(end, job.cursor), now, status, reason)
    return tuple(one for one in (paused, undone) if one)


def _expired(schedule: Schedule, now: datetime) -> tuple[Unrun, ...]:
    if isinstance(schedule, Once) and schedule.at <= now:
        return (Unrun(Status.MISSED, Reason.EXPIRED, schedule.at, schedule.at, 1),)
    return ()


def _touched(job: Job, now: datetime) -> Job:
    return replace(job, version=max(job.version + 1, _version(now)), updated_at=now)


def _version(now: datetime) -> int:
    """Microseconds, so that a job that is removed and made again never gets an old version back."""
    return (now - _EPOCH) // timedelta(microseconds=1)
