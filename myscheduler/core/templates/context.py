"""The names that templates may use, and their values at one call of a job."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.schedule.exclusions import left_out_until
from myscheduler.core.schedule.slots import FIRST_INSTANT, TICK, Adjusted, Interval, Schedule, last_until
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.filters import Value
from myscheduler.core.templates.moments import Moment
from myscheduler.messages.message import said

VARS = "vars"
AFTER = "after"
ROOTS = ("scheduled_at", "previous_scheduled_at", "execution_id", "job", VARS, AFTER)
"""What a name may begin with."""
_NAMES = (
    "scheduled_at, previous_scheduled_at, execution_id, job.id, job.name, job.labels.NAME, vars.NAME, after['JOB'].NAME"
)
_OF_JOB = ("id", "name", "labels")
_MOST_STEPS = 2_000
"""The most slots looked at to find one that ran."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """What the names mean at one call."""

    job_id: str
    job_name: str
    labels: Mapping[str, str]
    zone: str
    """The IANA zone of the job."""
    scheduled_at: datetime
    execution_id: str
    schedule: Callable[[], Schedule] = field(repr=False)
    """Returns the schedule, from which the slot before this one follows: compiled only where a template asks for it."""
    upstream: Mapping[str, Mapping[str, Any] | None] | None = None
    """By job that this one runs after, the values that it handed on, `None` if they are not known; `None` for a job
    that runs after none.
    """

    @classmethod
    def of(cls, spec: JobSpec, slot: datetime, execution_id: str, *, zone: str, created_at: datetime) -> "Context":
        """The context of an execution, without what other jobs handed on. `zone` is the service's, for jobs that name
        none.
        """
        schedule = partial(compile_schedule, spec, zone=zone, created_at=created_at)
        own_zone, at = spec.timezone or zone, slot.astimezone(UTC)
        upstream = dict.fromkeys(spec.schedule.jobs) if isinstance(spec.schedule, DeclaredAfter) else None
        return cls(spec.job_id, spec.name, spec.labels, own_zone, at, execution_id, schedule, upstream)

    def value(self, path: tuple[str, ...]) -> Value:
        """The value of a name; `None` if this job has none. Raises `TemplateError` for a name that nothing has."""
        match path:
            case ("scheduled_at",):
                return Moment(self.scheduled_at, self.zone)
            case ("previous_scheduled_at",):
                before = slot_before(self.schedule(), self.scheduled_at)
                return None if before is None else Moment(before, self.zone)
            case ("execution_id",):
                return self.execution_id
            case ("job", "id"):
                return self.job_id
            case ("job", "name"):
                return self.job_name
            case ("job", "labels", name):
                return self.labels.get(name)
            case ("after", job_id, name) if self.upstream is not None:
                return self._handed_on(job_id, name)
            case _:
                raise TemplateError(_unknown(path))

    def _handed_on(self, job_id: str, name: str) -> Value:
        upstream = self.upstream or {}
        if job_id not in upstream:
            hint = did_you_mean(job_id, upstream)
            raise TemplateError(said("template-not-after", job_id=shown(job_id), hint=hint))
        handed_on = upstream[job_id]
        if handed_on is None:
            raise TemplateError(said("template-after-unknown", job_id=shown(job_id), name=shown(name)))
        value = handed_on.get(name)
        return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def without_value(path: tuple[str, ...], context: Context) -> TemplateError:
    """The error for a name that has no value in this job."""
    if path[:2] == ("job", "labels"):
        hint = did_you_mean(path[-1], context.labels)
        return TemplateError(said("template-no-such-label", label=shown(path[-1]), hint=hint))
    if path[:1] == (AFTER,):
        return TemplateError(said("template-nothing-handed-on", job_id=shown(path[1]), name=shown(path[2])))
    return TemplateError(said("template-no-slot-before"))


def slot_before(schedule: Schedule, slot: datetime) -> datetime | None:
    """The last slot before this one that no limit leaves out; `None` if there is none.

    What lies before `start_at` counts: the schedule had these slots, although the job was not there. An interval
    without an earlier slot yields the moment from which it is counted.
    """
    if isinstance(schedule, Adjusted):
        schedule = Adjusted(
            schedule.rhythm, schedule.offset, FIRST_INSTANT, schedule.end, schedule.blackouts, schedule.days,
            schedule.zone,
        )  # fmt: skip
    found: datetime | None = slot
    for _ in range(_MOST_STEPS):
        found = None if found is None else last_until(schedule, found - TICK, after=FIRST_INSTANT)
        if found is None or left_out_until(schedule, found) is None:
            break
    if found is None:
        rhythm, offset = (
            (schedule.rhythm, schedule.offset) if isinstance(schedule, Adjusted) else (schedule, timedelta())
        )
        if isinstance(rhythm, Interval) and rhythm.anchor + offset < slot:
            return rhythm.anchor + offset
    return found


def _unknown(path: tuple[str, ...]) -> str:
    written = ".".join(path)
    if path[0] == "job" and len(path) > 1:
        hint = did_you_mean(path[1], _OF_JOB) or said("template-names-are", known="job.id, job.name, job.labels.NAME")
        return said("template-name-unknown", name=shown(written), hint=hint)
    if path[0] == AFTER:
        return said("template-after-form" if len(path) != 3 else "template-after-nothing")
    if path[0] in ROOTS and path[0] not in {"job", VARS}:
        return said("template-no-part", name=path[0], part=shown(path[1]))
    hint = did_you_mean(path[0], ROOTS) if len(path) == 1 else ""
    return said("template-name-unknown", name=shown(written), hint=hint or said("template-names-are", known=_NAMES))


SAMPLE = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
"""A slot with which templates are tried before there is a call."""
SAMPLE_ID = "0" * 32
