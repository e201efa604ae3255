"""The spec of a job: what it calls, when, and how failures are handled.

Specs are frozen values. To find out whether two of them mean the same, compare their digests (see `digest`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, assert_never

from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.after import DeclaredAfter, Requirement
from myscheduler.core.job.auth import Auth, Sign
from myscheduler.core.job.expect import USUAL_EXPECT, Expect
from myscheduler.core.job.limits import NO_LIMITS, Limits
from myscheduler.core.job.notify import USUAL, Notify
from myscheduler.core.job.objective import Objective
from myscheduler.core.job.payload import Pairs, Payload
from myscheduler.core.job.ping import Ping
from myscheduler.core.job.retry import USUAL_RETRY, Retry
from myscheduler.core.job.transport import USUAL_TRANSPORT, Transport
from myscheduler.core.schedule.strides import MONTH, Stride
from myscheduler.core.schedule.zones import stretch_at, to_second

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
CatchUp = Literal["none", "last", "all"]
INTERVAL_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
WALL_UNITS = INTERVAL_UNITS[:4]
"""The units of an interval that is counted by the calendar (`clock: wall`)."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DeclaredCron:
    """A cron schedule as its author wrote it: (field name, text) pairs, in the order year … second."""

    fields: tuple[tuple[str, str], ...]
    day_match: Literal["any", "all"] = "any"
    gap: Literal["run", "skip"] = "run"
    overlap: Literal["first", "both"] = "first"
    """`gap` and `overlap`: what happens to fixed times when clocks change; see `schedule.cron.Cron`."""


@dataclass(frozen=True, slots=True)
class DeclaredInterval:
    """An interval as its author wrote it: units of `INTERVAL_UNITS` with whole numbers."""

    units: tuple[tuple[str, int], ...]
    anchor: datetime | None = None
    """The moment (UTC) from which slots are counted; `None` means the creation of the job."""

    @property
    def every(self) -> timedelta:
        return timedelta(**dict(self.units))


@dataclass(frozen=True, slots=True)
class DeclaredCrons:
    """Several cron schedules of one job."""

    crons: tuple[DeclaredCron, ...]
    """At least two, all with the same `day_match`, `gap` and `overlap`."""


@dataclass(frozen=True, slots=True)
class DeclaredWallInterval:
    """An interval that is counted by the calendar, as its author wrote it: units of `WALL_UNITS` with whole numbers."""

    units: tuple[tuple[str, int], ...]
    anchor: datetime
    """The moment (UTC) from which slots are counted; they keep its local time."""
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
        """The average length of a step, over the whole calendar."""
        return timedelta(seconds=self.months * MONTH, days=self.days)

    def stride(self, zone: str) -> Stride:
        """The times of the interval on the wall clock of that zone."""
        instant = to_second(self.anchor)
        return Stride(instant + stretch_at(zone, instant).offset, self.months, self.days)


@dataclass(frozen=True, slots=True)
class DeclaredDate:
    """A single run as its author wrote it: an RFC 3339 timestamp, or a local time in the job's zone."""

    run_at: str
    fold: Literal[0, 1] | None = None
    """Selects the first (0) or second (1) of two instants with that local time (PEP 495)."""


DeclaredSchedule = DeclaredCron | DeclaredCrons | DeclaredInterval | DeclaredWallInterval | DeclaredDate | DeclaredAfter


@dataclass(frozen=True, slots=True, weakref_slot=True)
class JobSpec:
    """Everything that an author can declare about a job."""

    job_id: str
    name: str
    schedule: DeclaredSchedule
    target_url: str
    """Empty for a job that makes no call but expects pings."""
    timezone: str | None = None
    """An IANA name; `None` means the zone of the service."""
    target: str | None = None
    """The shared target of `targets.yaml` that the call goes to; `target_url` is its base URL and the job's path."""
    method: str = "GET"
    headers: Mapping[str, HeaderValue] = field(default_factory=lambda: _NOTHING)
    body: Any = None
    """Any JSON value; `None` sends no body."""
    query: Pairs = ()
    """Parameters added to the query of `target_url`."""
    payload: Payload | None = None
    """What is sent in place of `body`."""
    auth: Auth | None = None
    sign: Sign | None = None
    templates: bool = False
    """Whether URL, header values and texts of the body are templates, which are rendered for each call."""
    timeout_sec: float = 30.0
    max_retries: int = 0
    retry_backoff_sec: float = 1.0
    retry: Retry = USUAL_RETRY
    expect: Expect = USUAL_EXPECT
    transport: Transport = USUAL_TRANSPORT
    misfire_grace_time: int = 3600
    """How many seconds late a slot may start; a later one is recorded as missed."""
    coalesce: bool = True
    """Whether several slots that are due together run only once."""
    catchup: Literal["none"] | None = None
    """`none`: slots that became due while the service could not run them are not caught up; else `coalesce` decides."""
    max_instances: int = 1
    overlap: Literal["skip", "queue", "replace", "allow"] = "skip"
    """What happens to a slot while `max_instances` executions are running: it is skipped (`skip`), it waits for its
    turn (`queue`), or it replaces the oldest execution (`replace`). With `allow`, their number is not limited."""
    on_interrupt: Literal["record", "retry"] = "record"
    """What happens to an execution that was in progress when the service stopped: only recorded, or sent again."""
    paused: bool | None = None
    """`None` means that operators decide (see `Job.is_paused`)."""
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    protect: bool = False
    """Whether the job is kept, when its manifest is removed, until a person approves the deletion."""
    limits: Limits = NO_LIMITS
    slo: Objective | None = None
    ping: Ping | None = None
    """What a job without a `target_url` expects; its `misfire_grace_time` is then the grace of `ping`."""
    requires: tuple[Requirement, ...] = ()
    """What has to have completed before a slot, if that is to run."""
    extract: tuple[tuple[str, str], ...] = ()
    """Names of values, and where they are in the JSON of the answer (RFC 6901), for jobs that run after this one."""
    chain_timeout_sec: int | None = None
    """How long a chain may take that begins with this job: what has not begun by then is skipped."""
    notify: Notify = USUAL
    """What the job says about its notifications; the rest is in `notifications.yaml`."""

    @property
    def catch_up(self) -> CatchUp:
        """Which of the slots that are due together run, including late ones: none, the last one, or all."""
        return self.catchup or ("last" if self.coalesce else "all")

    @property
    def schedule_type(self) -> Literal["cron", "interval", "date", "after"]:
        match self.schedule:
            case DeclaredCron() | DeclaredCrons():
                return "cron"
            case DeclaredInterval() | DeclaredWallInterval():
                return "interval"
            case DeclaredDate():
                return "date"
            case DeclaredAfter():
                return "after"
            case _:
                assert_never(self.schedule)


def crons_of(schedule: DeclaredSchedule) -> tuple[DeclaredCron, ...]:
    """The cron expressions of a schedule; empty if it is not a cron schedule."""
    if isinstance(schedule, DeclaredCrons):
        return schedule.crons
    return (schedule,) if isinstance(schedule, DeclaredCron) else ()


def trigger_text(spec: JobSpec) -> str:
    """The schedule in one line, in the notation of APScheduler's triggers: `cron[hour='10', minute='30']`."""
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
        case DeclaredAfter():
            return f"after[{', '.join(spec.schedule.jobs)}]"
        case _:
            assert_never(spec.schedule)


def _cron_text(cron: DeclaredCron) -> str:
    return f"cron[{', '.join(f'{name}={value!r}' for name, value in cron.fields)}]"
