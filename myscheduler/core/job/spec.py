"""A job: what is called, when, and how failures are treated. Frozen values, compared by a digest of their meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, assert_never

from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.limits import NO_LIMITS, Limits
from myscheduler.core.schedule.strides import MONTH, Stride
from myscheduler.core.schedule.zones import stretch_at, to_second

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
CatchUp = Literal["none", "last", "all"]
INTERVAL_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
WALL_UNITS = INTERVAL_UNITS[:4]
"""Those of an interval that is counted by the calendar."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DeclaredCron:
    """A cron schedule as its author wrote it: field names with their texts, in the order year … second."""

    fields: tuple[tuple[str, str], ...]
    day_match: Literal["any", "all"] = "any"
    gap: Literal["run", "skip"] = "run"
    overlap: Literal["first", "both"] = "first"
    """What becomes of fixed times where clocks change; see `schedule.Cron`."""


@dataclass(frozen=True, slots=True)
class DeclaredInterval:
    """An interval as its author wrote it: units of `INTERVAL_UNITS` with whole numbers."""

    units: tuple[tuple[str, int], ...]
    anchor: datetime | None = None
    """Slots are counted from here (UTC); `None` means from the moment the job was first created."""

    @property
    def every(self) -> timedelta:
        return timedelta(**dict(self.units))


@dataclass(frozen=True, slots=True)
class DeclaredCrons:
    """Several cron schedules of one job."""

    crons: tuple[DeclaredCron, ...]
    """At least two, with one `day_match`, `gap` and `overlap`."""


@dataclass(frozen=True, slots=True)
class DeclaredWallInterval:
    """An interval by the wall clock as its author wrote it: units of `WALL_UNITS` with whole numbers."""

    units: tuple[tuple[str, int], ...]
    anchor: datetime
    """Slots are counted from here (UTC), and keep its local time."""
    gap: Literal["run", "skip"] = "run"
    overlap: Literal["first", "both"] = "first"

    @property
    def months(self) -> int:
        units = dict(self.units)
        return units.get("years", 0) * 12 + units.get("months", 0)

    @property
    def days(self) -> int:
        units = dict(self.units)
        return units.get("weeks", 0) * 7 + units.get("days", 0)

    @property
    def average(self) -> timedelta:
        """As long as a step is on average, over all of the calendar."""
        return timedelta(seconds=self.months * MONTH, days=self.days)

    def stride(self, zone: str) -> Stride:
        """Its times in that zone."""
        instant = to_second(self.anchor)
        return Stride(instant + stretch_at(zone, instant).offset, self.months, self.days)


@dataclass(frozen=True, slots=True)
class DeclaredDate:
    """A one-off as its author wrote it: RFC 3339, or local time in the job's zone."""

    run_at: str
    fold: Literal[0, 1] | None = None
    """The first or second of two instants with that local time (PEP 495)."""


DeclaredSchedule = DeclaredCron | DeclaredCrons | DeclaredInterval | DeclaredWallInterval | DeclaredDate


@dataclass(frozen=True, slots=True, weakref_slot=True)
class JobSpec:
    """Everything that an author can say about a job."""

    job_id: str
    name: str
    schedule: DeclaredSchedule
    target_url: str
    timezone: str | None = None
    """IANA name; `None` means the zone of the service."""
    method: str = "GET"
    headers: Mapping[str, HeaderValue] = field(default_factory=lambda: _NOTHING)
    body: Any = None
    """Any JSON value; `None` sends no body."""
    timeout_sec: float = 30.0
    max_retries: int = 0
    retry_backoff_sec: float = 1.0
    misfire_grace_time: int = 3600
    """Seconds that a slot may start late; a later one is recorded as missed."""
    coalesce: bool = True
    """Several slots that are due together run once."""
    catchup: Literal["none"] | None = None
    """`none`: what fell due while the service could not run it does not run; else as `coalesce` says."""
    max_instances: int = 1
    overlap: Literal["skip", "queue", "replace", "allow"] = "skip"
    """What becomes of a slot while `max_instances` executions run: it is left out, waits for its turn, or takes the
    place of the oldest. `allow` knows no limit."""
    on_interrupt: Literal["record", "retry"] = "record"
    """What becomes of an execution that was under way when the service ended: only recorded, or sent again."""
    paused: bool | None = None
    """`None` leaves pausing to the operators."""
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    protect: bool = False
    """When its manifest goes, the job stays until a person approves its deletion."""
    limits: Limits = NO_LIMITS

    @property
    def catch_up(self) -> CatchUp:
        """Which slots run of those that are due together, late ones among them."""
        return self.catchup or ("last" if self.coalesce else "all")

    @property
    def schedule_type(self) -> Literal["cron", "interval", "date"]:
        match self.schedule:
            case DeclaredCron() | DeclaredCrons():
                return "cron"
            case DeclaredInterval() | DeclaredWallInterval():
                return "interval"
            case DeclaredDate():
                return "date"
            case _:
                assert_never(self.schedule)


def crons_of(schedule: DeclaredSchedule) -> tuple[DeclaredCron, ...]:
    """The cron expressions of a schedule; none of one that is no cron schedule."""
    if isinstance(schedule, DeclaredCrons):
        return schedule.crons
    return (schedule,) if isinstance(schedule, DeclaredCron) else ()


def trigger_text(spec: JobSpec) -> str:
    """The schedule in one line as APScheduler's triggers print themselves: `cron[hour='10', minute='30']`."""
    match spec.schedule:
        case DeclaredCron():
            return _cron_text(spec.schedule)
        case DeclaredCrons(crons):
            return " or ".join(map(_cron_text, crons))
        case DeclaredWallInterval(units):
            return f"interval[{', '.join(f'{number} {unit}' for unit, number in units if number)}]"
        case DeclaredInterval() as interval:
            return f"interval[{interval.every}]"
        case DeclaredDate(run_at):
            return f"date[{run_at}]"
        case _:
            assert_never(spec.schedule)


def _cron_text(cron: DeclaredCron) -> str:
    return f"cron[{', '.join(f'{name}={value!r}' for name, value in cron.fields)}]"
