"""A job: what is called, when, and how failures are treated. Frozen values, compared by a digest of their meaning."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, TypeVar, assert_never

from myscheduler.core.caching import cached
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.limits import FIELDS as LIMIT_FIELDS
from myscheduler.core.job.limits import NO_LIMITS, Limits, limited, limits_from_json, limits_to_json
from myscheduler.core.schedule.cron import Cron, Several, WallInterval
from myscheduler.core.schedule.dialect import canonical, parse_cron
from myscheduler.core.schedule.exclusions import next_run as next_run_after
from myscheduler.core.schedule.expression import CronExpression
from myscheduler.core.schedule.slots import LAST_MOMENT, TICK, Interval, Once, Rhythm, Schedule, back
from myscheduler.core.schedule.strides import MONTH, Stride
from myscheduler.core.schedule.timestamps import parse_moment
from myscheduler.core.schedule.zones import stretch_at, to_second

T = TypeVar("T")
CatchUp = Literal["none", "last", "all"]
INTERVAL_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
WALL_UNITS = INTERVAL_UNITS[:4]
"""Those of an interval that is counted by the calendar."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Owner(StrEnum):
    """Who may change a job: the manifest that declares it, or callers of the REST API."""

    MANIFEST = "manifest"
    API = "api"


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


@dataclass(frozen=True, slots=True)
class Source:
    """Where a job is declared."""

    path: str
    line: int
    revision: str
    """The revision of the source that brought the job's present spec."""


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator's pause, laid over the job without editing its spec."""

    by: str
    at: datetime
    reason: str | None = None
    until: datetime | None = None
    """When it ends by itself; `None` means that somebody has to end it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored: its spec, and where it stands in its schedule."""

    spec: JobSpec
    owner: Owner
    digest: str
    version: int
    """Grows with each change, so that a decision made on an older state can be refused."""
    created_at: datetime
    updated_at: datetime
    cursor: datetime
    """Every slot up to here is in the history."""
    next_slot: datetime | None
    """The first slot after the cursor."""
    execution_count: int = 0
    last_execution_id: str | None = None
    """The latest that was sent."""
    source: Source | None = None
    pause: Pause | None = None
    catch_up: CatchUp | None = None
    """How the slots after the cursor are caught up on this once, as the end of a pause wished it; not stored."""

    @property
    def job_id(self) -> str:
        return self.spec.job_id

    @property
    def is_paused(self) -> bool:
        """The manifest's word counts; where it is silent, the operators'."""
        return self.pause is not None if self.spec.paused is None else self.spec.paused

    @property
    def paused_until(self) -> datetime | None:
        """Slots before this moment do not run; `None` when the job is not paused."""
        if not self.is_paused:
            return None
        return (self.pause.until if self.pause and self.spec.paused is None else None) or LAST_MOMENT


def compile_schedule(spec: JobSpec, *, zone: str, created_at: datetime) -> Schedule:
    """The schedule that the declaration means.

    `zone` is the service's zone, for jobs that name none; `created_at` anchors intervals that name no anchor.
    Raises `ScheduleError` when the declaration can't be understood or never fires.
    """
    own_zone = spec.timezone or zone
    rhythm = _rhythm(spec.schedule, own_zone, created_at)
    return limited(rhythm, spec.limits, job_id=spec.job_id, zone=own_zone)


def _rhythm(schedule: DeclaredSchedule, zone: str, created_at: datetime) -> Rhythm | Once:
    match schedule:
        case DeclaredCron(fields, day_match, gap, overlap):
            return Cron(_expression(fields, day_match), zone, gap, overlap)
        case DeclaredCrons():
            members = tuple(
                Cron(_expression(one.fields, one.day_match), zone, one.gap, one.overlap) for one in _apart(schedule)
            )
            return Several(members) if len(members) > 1 else members[0]
        case DeclaredWallInterval(gap=gap, overlap=overlap):
            return WallInterval(schedule.stride(zone), zone, gap, overlap)
        case DeclaredInterval() as interval:
            return Interval(interval.every, interval.anchor or created_at)
        case DeclaredDate(run_at, fold):
            return Once(parse_moment(run_at, zone, fold=fold))
        case _:
            assert_never(schedule)


def next_run(job: Job, *, zone: str) -> datetime | None:
    """The job's first slot after its cursor, and after its pause, that is not left out; `zone` is the service's."""
    until = job.paused_until
    if job.next_slot is None or until == LAST_MOMENT:
        return None
    if until is None and not _may_skip(job.spec.schedule):
        return job.next_slot
    schedule = compile_schedule(job.spec, zone=zone, created_at=job.created_at)
    return next_run_after(schedule, back(max(job.next_slot, until or job.next_slot), TICK))


def crons_of(schedule: DeclaredSchedule) -> tuple[DeclaredCron, ...]:
    """The cron expressions of a schedule; none of one that is no cron schedule."""
    if isinstance(schedule, DeclaredCrons):
        return schedule.crons
    return (schedule,) if isinstance(schedule, DeclaredCron) else ()


def _apart(schedule: DeclaredCrons) -> list[DeclaredCron]:
    """Those that differ in their meaning, in an order that knows nothing of how they are written."""
    meanings = {_meaning(one.fields, one.day_match): one for one in schedule.crons}
    return [meanings[meaning] for meaning in sorted(meanings)]


def _may_skip(schedule: DeclaredSchedule) -> bool:
    """Whether it has slots where clocks change that are left out."""
    on_clock = [schedule] if isinstance(schedule, DeclaredWallInterval) else crons_of(schedule)
    return any(one.gap == "skip" for one in on_clock)


def follows_real_time(schedule: DeclaredSchedule) -> bool:
    """A cron schedule whose hours, minutes or seconds start with `*`: changes of the clock are nothing to it."""
    crons = crons_of(schedule)
    return bool(crons) and all(_expression(one.fields, one.day_match).real_time for one in crons)


@cached(4_096)  # many jobs have few expressions, and each is asked for at every change and start
def _expression(fields: tuple[tuple[str, str], ...], day_match: Literal["any", "all"]) -> CronExpression:
    return parse_cron(dict(fields), day_match=day_match)


@cached(4_096)
def _meaning(fields: tuple[tuple[str, str], ...], day_match: Literal["any", "all"]) -> str:
    return canonical(_expression(fields, day_match))


def schedule_to_json(schedule: DeclaredSchedule) -> dict[str, Any]:
    """The schedule in the fields of a manifest: `{"cron": …}`, `{"interval": …}` or `{"run_at": …}`."""
    match schedule:
        case DeclaredCron(fields):
            return {"cron": dict(fields)} | _beside_cron(schedule)
        case DeclaredCrons(crons):
            return {"cron": [dict(one.fields) for one in crons]} | _beside_cron(crons[0])
        case DeclaredWallInterval(units, anchor, gap, overlap):
            counted = {"interval": dict(units), "anchor": anchor.isoformat(), "clock": "wall"}
            return counted | _dst_to_json(gap, overlap)
        case DeclaredInterval(units, anchor):
            return {"interval": dict(units)} | ({"anchor": anchor.isoformat()} if anchor else {})
        case DeclaredDate(run_at, fold):
            return {"run_at": run_at} | ({} if fold is None else {"fold": fold})
        case _:
            assert_never(schedule)


def _beside_cron(cron: DeclaredCron) -> dict[str, Any]:
    day_match = {"day_match": cron.day_match} if cron.day_match != "any" else {}
    return day_match | _dst_to_json(cron.gap, cron.overlap)


def _dst_to_json(gap: str, overlap: str) -> dict[str, Any]:
    dst = ({"gap": gap} if gap != "run" else {}) | ({"overlap": overlap} if overlap != "first" else {})
    return {"dst": dst} if dst else {}


def schedule_from_json(declared: Mapping[str, Any]) -> DeclaredSchedule:
    """The inverse of `schedule_to_json`."""
    if "cron" in declared:
        written = declared["cron"] if isinstance(declared["cron"], list) else [declared["cron"]]
        day_match, dst = declared.get("day_match", "any"), declared.get("dst", {})
        first, *others = (_shared_cron(shared_fields(one.items()), day_match, **dst) for one in written)
        return DeclaredCrons((first, *others)) if others else first
    if "interval" in declared:
        anchor = declared.get("anchor")
        units = tuple(declared["interval"].items())
        if declared.get("clock") == "wall":
            return DeclaredWallInterval(units, datetime.fromisoformat(declared["anchor"]), **declared.get("dst", {}))
        return _shared_interval(units, datetime.fromisoformat(anchor) if anchor else None)
    return DeclaredDate(declared["run_at"], declared.get("fold"))


_PLAIN_FIELDS = (
    "job_id",
    "name",
    "timezone",
    "target_url",
    "method",
    "body",
    "timeout_sec",
    "max_retries",
    "retry_backoff_sec",
    "misfire_grace_time",
    "coalesce",
    "max_instances",
    "paused",
)
_ALIKE = ("timezone", "method", "timeout_sec", "retry_backoff_sec", "misfire_grace_time")
_LATER_FIELDS = {"on_interrupt": "record", "catchup": None, "overlap": "skip", "protect": False}


def to_json(spec: JobSpec) -> dict[str, Any]:
    """The spec as a JSON object with the field names of a manifest.

    Fields that came later stand in it only where they say something, so that the digests of older jobs stay.
    """
    plain = {name: getattr(spec, name) for name in _PLAIN_FIELDS}
    headers = {name: value if isinstance(value, str) else list(value) for name, value in spec.headers.items()}
    mappings = {"headers": headers, "labels": dict(spec.labels)}
    later = {name: getattr(spec, name) for name, default in _LATER_FIELDS.items() if getattr(spec, name) != default}
    return plain | mappings | later | schedule_to_json(spec.schedule) | limits_to_json(spec.limits)


def from_json(stored: Mapping[str, Any]) -> JobSpec:
    """The inverse of `to_json`. Fields that `stored` lacks get their defaults, so older rows stay readable.

    What thousands of jobs have in common is held once.
    """
    plain = {name: stored[name] for name in (*_PLAIN_FIELDS, *_LATER_FIELDS) if name in stored}
    plain |= {name: shared_texts(stored[name]) for name in ("headers", "labels") if stored.get(name)}
    plain |= {name: _shared(plain[name]) for name in _ALIKE if name in plain}
    if plain["name"] == plain["job_id"]:
        plain["name"] = plain["job_id"]
    return JobSpec(schedule=schedule_from_json(stored), limits=limits_from_json(stored), **plain)


def shared_fields(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The fields of a cron expression. Of their pairs there are few, so jobs with different expressions share them."""
    return tuple(_shared(field) for field in fields)


_shared_cron = cached(4_096)(DeclaredCron)
_shared_interval = cached(4_096)(DeclaredInterval)


@cached(4_096, typed=True)
def _shared(value: T) -> T:
    """The first of all equal values."""
    return value


def shared_texts(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Headers or labels as a spec holds them: several values of one header as a tuple, one of them as text."""
    return _shared_mapping(tuple((name, _text_or_tuple(value)) for name, value in values.items()))


def _text_or_tuple(value: str | Sequence[str]) -> HeaderValue:
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else tuple(value)


@cached(4_096)
def _shared_mapping(texts: tuple[tuple[str, HeaderValue], ...]) -> Mapping[str, HeaderValue]:
    return MappingProxyType(dict(texts))


def schedule_digest(spec: JobSpec) -> str:
    """A fingerprint of when the job runs: equal for two spellings of one schedule."""
    meaning = schedule_to_json(spec.schedule)
    match spec.schedule:
        case DeclaredCron(fields, day_match):
            meaning.pop("day_match", None)
            meaning["cron"] = _meaning(fields, day_match)
        case DeclaredCrons():
            meaning.pop("day_match", None)
            first, *others = (_meaning(one.fields, one.day_match) for one in _apart(spec.schedule))
            meaning["cron"] = [first, *others] if others else first
        case DeclaredInterval():
            meaning["interval"] = spec.schedule.every.total_seconds()
        case DeclaredWallInterval():
            meaning["interval"] = {"months": spec.schedule.months, "days": spec.schedule.days}
        case DeclaredDate():
            pass
        case _:
            assert_never(spec.schedule)
    return _fingerprint(meaning | limits_to_json(spec.limits) | {"timezone": spec.timezone})


def digest(spec: JobSpec) -> str:
    """A fingerprint of the whole meaning; two specs with one digest need no change between them."""
    meaning = to_json(spec)
    for name in (*_SCHEDULE_FIELDS, *LIMIT_FIELDS):
        meaning.pop(name, None)
    return _fingerprint(meaning | {"schedule": schedule_digest(spec)})


def _fingerprint(meaning: Mapping[str, Any]) -> str:
    return hashlib.sha256(_CANONICAL.encode(meaning).encode()).hexdigest()[:16]


_SCHEDULE_FIELDS = ("cron", "day_match", "dst", "interval", "anchor", "clock", "run_at", "fold", "timezone")
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))


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


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
