"""A plan for a reviewer: which fields of each job change, and when the job runs before and after."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, assert_never

from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.preview import is_counted_from_creation
from myscheduler.core.explain.schedule_parts import ScheduleParts, schedule_parts
from myscheduler.core.findings.problem import Problem, reported
from myscheduler.core.gitops.chain_review import ChainReader, RootChange
from myscheduler.core.gitops.enforcement import enforced
from myscheduler.core.gitops.inventory import Item
from myscheduler.core.gitops.plan import (
    Adopt,
    BlockedDeletion,
    Conflict,
    Create,
    Delete,
    Hold,
    Move,
    Plan,
    Update,
    make_plan,
)
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import schedule_digest
from myscheduler.core.job.job import Owner
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.lifecycle.edge_diff import EdgeChange, edge_changes
from myscheduler.core.lifecycle.spec_diff import FieldChange, spec_changes
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from myscheduler.core.manifest.look_alikes import look_alikes
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import count_runs, next_run
from myscheduler.core.schedule.slots import Schedule
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import all_coded, coded, said

FIRES = 5
"""The number of fire times shown before and after a change."""
COUNTED_DAYS = 28
"""Starts per day are the mean of this many days to come: whole weeks, so that working days have their weight."""

ReviewAction = Literal["create", "update", "delete", "held", "conflict"]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When a job runs after now."""

    timezone: str
    words: str
    """The schedule in words."""
    parts: ScheduleParts
    """The schedule in parts, for other languages."""
    fires: tuple[datetime, ...]
    starts_per_day: float
    """Zero while the job is paused."""
    is_paused: bool = False

    def fire_times(self) -> list[str]:
        """The next fire times as ISO 8601 in the job's zone."""
        return [local_time(fire, self.timezone).isoformat() for fire in self.fires]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One change of a job, with its effects."""

    action: ReviewAction
    job_id: str
    path: str | None
    line: int | None
    """Location where the job is, or was, declared; `None` for a job of the API."""
    fields: tuple[FieldChange, ...] = ()
    before: RunTimes | None = None
    after: RunTimes | None = None
    notes: tuple[str, ...] = ()
    is_blocked: bool = False
    """A deletion that would wait for approval."""
    edges: tuple[EdgeChange, ...] = ()
    """The edges from other jobs to this one that appear, vanish, or have another condition."""

    @property
    def moves_in_time(self) -> bool:
        """Whether the job runs at other times than before."""
        return (self.before and (self.before.timezone, self.before.fires)) != (
            self.after and (self.after.timezone, self.after.fires)
        ) or (self.before and self.before.starts_per_day) != (self.after and self.after.starts_per_day)

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}" if self.path else "the API"

    def as_json(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "job_id": self.job_id,
            "path": self.path,
            "line": self.line,
            "fields": [one.as_json() for one in self.fields],
            "edges": [one.as_json() for one in self.edges],
            "before": _times_json(self.before),
            "after": _times_json(self.after),
            "notes": list(self.notes),
            "notes_coded": all_coded(self.notes),
            "blocked": self.is_blocked,
        }


@dataclass(frozen=True, slots=True)
class Review:
    """The changes that applying a source would make."""

    changes: tuple[Reviewed, ...]
    """Sorted by job id."""
    unchanged: int
    problems: tuple[Problem, ...]
    blocked: BlockedDeletion | None
    roots: tuple[RootChange, ...] = ()

    @property
    def has_changes(self) -> bool:
        return any(change.action in {"create", "update", "delete"} for change in self.changes)

    def count(self, action: ReviewAction) -> int:
        return sum(change.action == action for change in self.changes)

    def starts_per_day(self, side: Literal["before", "after"]) -> float:
        """The sum over the jobs that change, without blocked deletions."""
        changing = (change for change in self.changes if not change.is_blocked)
        times = [change.before if side == "before" else change.after for change in changing]
        return round(sum(one.starts_per_day for one in times if one), 2)

    def as_json(self) -> dict[str, Any]:
        blocked = self.blocked
        return {
            "changes": [change.as_json() for change in self.changes],
            "unchanged": self.unchanged,
            "roots": [one.as_json() for one in self.roots],
            "starts_per_day": {"before": self.starts_per_day("before"), "after": self.starts_per_day("after")},
            "blocked_deletion": {
                "digest": blocked.digest,
                "reason": blocked.reason,
                "reason_coded": coded(blocked.reason),
                "job_ids": list(blocked.job_ids),
            }
            if blocked
            else None,
            "problems": [problem.as_json() for problem in self.problems],
        }


def review(
    desired: Desired,
    stored: Mapping[str, Item],
    *,
    clock: Clock,
    beside: Mapping[str, Item] = MappingProxyType({}),
    between: Callable[[], None] = lambda: None,
) -> Review:
    """Compare the source with the stored jobs. `desired` needs all specs (no outlines); `zone` is the service's.

    `beside` are further stored jobs, which the source leaves alone; limits on starts and links count them. `between` is
    called between two changes, and may raise to give up.
    """
    plan = make_plan(desired, {job_id: item.known for job_id, item in stored.items()})
    everything = {**beside, **stored}
    plan = enforced(plan, everything, desired, clock=clock)
    chains = ChainReader(plan, everything)
    reader = _Reader(stored, chains, clock.zone, clock.now)
    found = []
    for change in plan.changes:
        between()
        if not isinstance(change, Move):
            found.append(reader.read(change))
    for job_id in plan.blocked.job_ids if plan.blocked else ():
        between()
        found.append(reader.deletion(job_id, is_blocked=True))
    problems = reported([*plan.problems, *look_alikes(desired.jobs, _undeclared(plan, desired, stored))])
    changes = tuple(sorted(found, key=lambda one: one.job_id))
    return Review(changes, plan.unchanged, problems, plan.blocked, chains.roots())


def _undeclared(plan: Plan, desired: Desired, stored: Mapping[str, Item]) -> dict[str, str]:
    """The locations of stored jobs, by id, that the source doesn't declare and that are not deleted."""
    gone = {change.known.job_id for change in plan.changes if isinstance(change, Delete)}
    return {
        job_id: f"{item.source.path}:{item.source.line}" if item.source else said("created-through-api")
        for job_id, item in stored.items()
        if job_id not in desired.jobs and job_id not in gone
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    stored: Mapping[str, Item]
    chains: ChainReader
    zone: str
    now: datetime

    def read(self, change: Create | Update | Adopt | Delete | Hold | Conflict) -> Reviewed:
        match change:
            case Create(declared):
                return self._creation(declared)
            case Update(declared) | Adopt(declared):
                return self._update(declared)
            case Delete(known):
                return self.deletion(known.job_id, is_blocked=False)
            case Hold(known):
                notes = (said("held-at-last-good"), *self.chains.of_held(known.job_id))
                return Reviewed("held", known.job_id, known.path, known.line, notes=notes)
            case Conflict(declared):
                note = said("belongs-to-api")
                return Reviewed("conflict", declared.job_id, declared.path, declared.line, notes=(note,))
            case _:
                assert_never(change)

    def deletion(self, job_id: str, *, is_blocked: bool) -> Reviewed:
        item = self.stored[job_id]
        known = item.known
        protected = [said("says-protect")] if item.spec.protect else []
        notes = (*protected, *_pause_note(item, self.zone), *self.chains.of_deletion(job_id))
        before = self._times(item.spec, item.created_at, is_paused=item.is_paused)
        fields = tuple(spec_changes(item.spec, None))
        edges = tuple(edge_changes(item.spec, None))
        return Reviewed("delete", job_id, known.path, known.line, fields, before, None, notes, is_blocked, edges)

    def _creation(self, declared: DeclaredJob) -> Reviewed:
        spec = declared.whole_spec
        notes = []
        if is_counted_from_creation(spec):
            notes.append(said("counted-from-applying"))
        if spec.paused:
            notes.append(said("paused-by-manifest"))
        return Reviewed(
            "create", declared.job_id, declared.path, declared.line,
            tuple(spec_changes(None, spec)), None, self._times(spec, self.now, is_paused=bool(spec.paused)),
            tuple(notes), edges=tuple(edge_changes(None, spec)),
        )  # fmt: skip

    def _update(self, declared: DeclaredJob) -> Reviewed:
        spec, item = declared.whole_spec, self.stored[declared.job_id]
        fields = list(spec_changes(item.spec, spec))
        if item.owner is Owner.API:
            fields.insert(0, FieldChange("owner", Owner.API, Owner.MANIFEST))
        before = self._times(item.spec, item.created_at, is_paused=item.is_paused)
        is_paused = replace(item, spec=spec).is_paused
        is_same = schedule_digest(spec) == schedule_digest(item.spec) and is_paused == item.is_paused
        after = before if is_same else self._times(spec, item.created_at, is_paused=is_paused)
        notes = (*_pause_notes(item, spec, self.zone), *self.chains.of_update(item.spec, spec))
        return Reviewed(
            "update", declared.job_id, declared.path, declared.line, tuple(fields), before, after, notes,
            edges=tuple(edge_changes(item.spec, spec)),
        )  # fmt: skip

    def _times(self, spec: JobSpec, created_at: datetime, *, is_paused: bool) -> RunTimes:
        """The runs after now: a change never fires slots in the past."""
        own_zone = spec.timezone or self.zone
        schedule = compile_schedule(spec, zone=self.zone, created_at=created_at)
        end = self.now + timedelta(days=COUNTED_DAYS)
        starts = 0 if is_paused else count_runs(schedule, self.now, end)
        words = describe_job(spec, zone=own_zone) + (" (paused)" if is_paused else "")
        parts = schedule_parts(spec, zone=own_zone)
        return RunTimes(
            own_zone, words, parts, tuple(_fires(schedule, self.now)), round(starts / COUNTED_DAYS, 2), is_paused
        )


def _fires(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    fire = next_run(schedule, after)
    for _ in range(FIRES):
        if fire is None:
            return
        yield fire
        fire = next_run(schedule, fire)


def _pause_note(item: Item, zone: str) -> Iterator[str]:
    """A note on the operators' pause if it applies, with its end in the service's zone."""
    if item.pause is not None and item.spec.paused is None:
        until = item.pause.until
        end = said("until", time=local_time(until, zone)) if until else said("until-resumed")
        yield said("paused-by-operator", by=item.pause.by, reason=item.pause.reason or None, end=end)


def _pause_notes(item: Item, spec: JobSpec, zone: str) -> Iterator[str]:
    if spec.paused is None:
        yield from _pause_note(item, zone)
    elif spec.paused:
        yield said("paused-by-manifest")
    if item.is_paused and not replace(item, spec=spec).is_paused:
        yield said("paused-until-now")


def _times_json(times: RunTimes | None) -> dict[str, Any] | None:
    if times is None:
        return None
    return {
        "timezone": times.timezone,
        "schedule": times.words,
        "schedule_parts": times.parts,
        "fire_times": times.fire_times(),
        "starts_per_day": times.starts_per_day,
        "paused": times.is_paused,
    }
