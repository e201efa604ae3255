"""The fields that people write, in a manifest or in `POST /jobs`, and how they become a `JobSpec`.

One model serves both doors, so a job means the same whichever way it comes in.
"""

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from myscheduler.core.cron import crontab_fields, parse_cron
from myscheduler.core.job import (
    DeclaredCron,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    JobSpec,
    compile_schedule,
    follows_real_time,
)
from myscheduler.core.moments import parse_duration, parse_moment
from myscheduler.core.problem import Complaint, Severity
from myscheduler.core.schedule import next_after
from myscheduler.core.zones import check_zone
from myscheduler.errors import ScheduleError

DAY = 86_400
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_ID_FORBIDDEN = "/?#%"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADERS_OF_THE_CLIENT = frozenset({"connection", "content-length", "keep-alive", "te", "transfer-encoding", "upgrade"})


class IntervalFields(BaseModel):
    """How long from one slot to the next; the units add up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weeks: int | None = Field(None, ge=0, le=5_200)
    days: int | None = Field(None, ge=0, le=36_500)
    hours: int | None = Field(None, ge=0, le=1_000_000)
    minutes: int | None = Field(None, ge=0, le=60_000_000)
    seconds: int | None = Field(None, ge=0, le=3_000_000_000)


class DstFields(BaseModel):
    """What becomes of fixed times of the day where clocks change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gap: Literal["run", "skip"] | None = Field(
        None, description="A time that doesn't exist: run right after the gap, or skip; run."
    )
    overlap: Literal["first", "both"] | None = Field(
        None, description="A time that comes twice: run the first, or both; first."
    )


class JobFields(BaseModel):
    """A job as its author writes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The job's name in URLs, logs and the history; printable, without / ? # %.",
        examples=["daily-report", "日次レポート"],
    )
    name: str | None = Field(None, max_length=1_000, description="A name for people; the id when left out.")
    schedule_type: Literal["cron", "interval", "date"] | None = Field(
        None, description="May be left out where exactly one of cron, interval and run_at stands."
    )
    cron: str | dict[str, str | int | None] | None = Field(
        None,
        description="A crontab line of five fields, or an object of fields. Weekdays: 0 and 7 are Sunday.",
        examples=["30 10 * * mon-fri", {"hour": "10", "minute": "30"}],
    )
    seconds: bool | None = Field(None, description="The crontab line has six fields, the seconds first; false.")
    day_match: Literal["any", "all"] | None = Field(
        None, description="With day and day_of_week both restricted: any (crontab's rule) or all must match."
    )
    dst: DstFields | None = Field(
        None, description="For fixed times of a cron schedule where clocks change; others follow real time."
    )
    interval: IntervalFields | str | None = Field(
        None,
        description="The time from one slot to the next: an object of units, or an ISO 8601 duration.",
        examples=[{"minutes": 10}, "PT10M"],
    )
    anchor: str | None = Field(
        None, description="Intervals are counted from this moment (ISO 8601); else from the job's first creation."
    )
    run_at: str | None = Field(
        None,
        description="The one moment to run at: RFC 3339, or local time in the job's zone.",
        examples=["2027-09-30T15:00:00+09:00"],
    )
    fold: Literal[0, 1] | None = Field(
        None, description="Which one is meant when the local time of run_at comes twice: 0 the first, 1 the second."
    )
    timezone: str | None = Field(None, description="IANA name, such as Asia/Tokyo; the service's zone when left out.")
    target_url: str = Field(max_length=8_192, description="What is called: an http or https URL.")
    method: str | None = Field(None, description=f"One of {', '.join(METHODS)}; GET when left out.")
    headers: dict[str, str] | None = Field(None, description="Sent with each call.")
    body: Any = Field(
        None,
        description="Any JSON value; null sends none. Text is sent as it is where the job's Content-Type isn't JSON.",
    )
    timeout_sec: float | None = Field(None, gt=0, le=DAY, description="Seconds for one whole attempt; 30.")
    max_retries: int | None = Field(None, ge=0, le=100, description="Further attempts after a 5xx or no answer; 0.")
    retry_backoff_sec: float | None = Field(
        None, ge=0, le=DAY, description="Seconds before the first retry; doubled for each further one; 1.0."
    )
    misfire_grace_time: int | None = Field(
        None, ge=1, le=366 * DAY, description="Seconds that a slot may start late before it counts as missed; 3600."
    )
    coalesce: bool | None = Field(None, description="Several slots that are due together run once; true.")
    catchup: Literal["none", "last", "all"] | None = Field(
        None,
        description="Which slots run that fell due while the service could not run them, within misfire_grace_time: "
        "none, the last, or all; last, or all where coalesce is false.",
    )
    max_instances: int | None = Field(None, ge=1, le=1_000, description="Executions of this job at the same time; 1.")
    overlap: Literal["skip", "queue", "replace", "allow"] | None = Field(
        None,
        description="A slot that is due while max_instances executions run is skipped, waits for its turn (queue), or "
        "takes the place of the oldest, which is interrupted (replace); allow knows no limit; skip.",
    )
    on_interrupt: Literal["record", "retry"] | None = Field(
        None,
        description="An execution that was under way when the service ended is only recorded as interrupted, or sent "
        "again with the same Idempotency-Key (retry), for targets that know it; record.",
    )
    paused: bool | None = Field(
        None, description="Due slots are recorded, not sent. In a manifest it takes pausing away from the API."
    )
    labels: dict[str, str] | None = Field(None, description="Free key-value pairs for people and filters.")


def declare(values: Mapping[str, Any], *, zone: str) -> tuple[JobSpec | None, list[Complaint]]:
    """Turn what an author wrote into a spec.

    `zone` is the service's zone, for local times of jobs that name none. Returns the spec, or `None` where any
    complaint is an error; and every complaint at once.
    """
    fields, complaints = _read(values)
    complaints += [*_check(fields), *_check_encodable(fields)]
    schedule = None
    try:
        schedule = _declared_schedule(fields, zone)
    except _Rejected as rejected:
        if not complaints or _has_schedule(fields):  # a schedule that is missing may be one of the complaints
            complaints.append(rejected.complaint)
    if schedule is not None and fields.dst and follows_real_time(schedule):
        message = (
            "has no effect here: an hour or minute that starts with * follows real time, so nothing is lost or doubled"
        )
        complaints.append(Complaint(("dst",), "no-effect", message, Severity.WARNING, at_key=True))
    if schedule is None or any(complaint.severity is Severity.ERROR for complaint in complaints):
        return None, complaints
    return _spec(fields, schedule), complaints


def is_past(spec: JobSpec, *, zone: str, now: datetime) -> bool:
    """Nothing is left to run: a one-off whose moment is over, or a cron schedule of years that are over."""
    return next_after(compile_schedule(spec, zone=zone, created_at=now), now) is None


def _read(values: Mapping[str, Any]) -> tuple[JobFields, list[Complaint]]:
    """The fields of the right shape, and complaints about the others; so that the rules can judge what is left."""
    try:
        return JobFields.model_validate(values), []
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _is_other_shape(detail)]
    complaints = [_translate(detail) for detail in details]
    wrong = {complaint.loc[0] for complaint in complaints if complaint.loc}
    is_whole = all(complaint.loc for complaint in complaints)  # else a key is no text, and nothing can be judged
    rest = {name: value for name, value in values.items() if is_whole and name not in wrong}
    return JobFields.model_validate({"target_url": _SOME_URL} | rest), complaints


_SOME_URL = "http://localhost"
"""Stands in for one of the wrong shape, which is complained about."""


def _has_schedule(fields: JobFields) -> bool:
    return any(getattr(fields, name) is not None for name in _FIELD_OF_KIND.values())


class _Rejected(Exception):  # noqa: N818 - carries a finding up a few frames, it is not an error of the program
    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


def _spec(fields: JobFields, schedule: DeclaredSchedule) -> JobSpec:
    job_id = fields.job_id or ""
    given = fields.model_dump(
        exclude_none=True,
        include={
            "timezone", "headers", "body", "timeout_sec", "max_retries", "retry_backoff_sec",
            "misfire_grace_time", "max_instances", "overlap", "on_interrupt", "paused", "labels",
        },
    )  # fmt: skip
    return JobSpec(
        job_id=job_id,
        name=fields.name or job_id,
        schedule=schedule,
        target_url=fields.target_url,
        method=(fields.method or "GET").upper(),
        **_catch_up(fields),
        **given,
    )


def _catch_up(fields: JobFields) -> dict[str, Any]:
    """`last` and `all` are other words for `coalesce`."""
    if fields.catchup is None:
        return {} if fields.coalesce is None else {"coalesce": fields.coalesce}
    return {"coalesce": fields.catchup != "all", "catchup": "none" if fields.catchup == "none" else None}


def _declared_schedule(fields: JobFields, zone: str) -> DeclaredSchedule:
    kind = _schedule_kind(fields)
    if fields.timezone is not None:
        try:
            check_zone(fields.timezone)
        except ScheduleError as error:
            raise _Rejected(Complaint(("timezone",), "invalid-timezone", str(error))) from error
    match kind:
        case "cron":
            return _declared_cron(fields)
        case "interval":
            return _declared_interval(fields, zone)
        case _:
            return _declared_date(fields, zone)


_FIELD_OF_KIND = {"cron": "cron", "interval": "interval", "date": "run_at"}


def _schedule_kind(fields: JobFields) -> str:
    given = [kind for kind, name in _FIELD_OF_KIND.items() if getattr(fields, name) is not None]
    if fields.schedule_type is None:
        if len(given) == 1:
            return given[0]
        written = " and ".join(_FIELD_OF_KIND[kind] for kind in given)
        what = f"{written} exclude each other" if given else "the job has no schedule"
        raise _Rejected(Complaint((), "schedule", f"{what}: write exactly one of cron, interval and run_at"))
    wanted = _FIELD_OF_KIND[fields.schedule_type]
    if fields.schedule_type not in given:
        message = f"schedule_type is {fields.schedule_type}, so {wanted} is needed"
        raise _Rejected(Complaint((wanted,), "schedule", message))
    if len(given) > 1:
        extra = next(_FIELD_OF_KIND[kind] for kind in given if kind != fields.schedule_type)
        message = f"schedule_type is {fields.schedule_type}: remove {extra}"
        raise _Rejected(Complaint((extra,), "schedule", message, at_key=True))
    return fields.schedule_type


def _declared_cron(fields: JobFields) -> DeclaredCron:
    day_match, seconds = fields.day_match or "any", bool(fields.seconds)
    declared: str | dict[str, str | int] = fields.cron if isinstance(fields.cron, str) else {}
    if isinstance(fields.cron, dict):
        declared = {name: value for name, value in fields.cron.items() if value is not None}
    try:
        parse_cron(declared, day_match=day_match, seconds=seconds)
    except ScheduleError as error:
        loc = ("cron", error.field) if isinstance(declared, dict) and error.field in declared else ("cron",)
        named = f"{error.field}: " if error.field and len(loc) == 1 else ""
        raise _Rejected(Complaint(loc, "invalid-cron", f"{named}{error}")) from error
    if isinstance(declared, dict):
        given = tuple((name, str(value).strip()) for name, value in declared.items())
    else:
        given = tuple(crontab_fields(declared, seconds=seconds).items())
    dst = fields.dst or DstFields()
    return DeclaredCron(given, day_match, dst.gap or "run", dst.overlap or "first")


def _declared_interval(fields: JobFields, zone: str) -> DeclaredInterval:
    interval = DeclaredInterval(_units(fields.interval), _anchor(fields, zone))
    seconds = interval.every.total_seconds()
    if not 1 <= seconds <= 36_525 * DAY:
        message = f"an interval is at least one second and at most a hundred years, this one is {seconds:.0f} seconds"
        raise _Rejected(Complaint(("interval",), "invalid-interval", message))
    return interval


def _units(interval: IntervalFields | str | None) -> tuple[tuple[str, int], ...]:
    if not isinstance(interval, str):
        return tuple(interval.model_dump(exclude_none=True).items()) if interval else ()
    try:
        return parse_duration(interval)
    except ScheduleError as error:
        raise _Rejected(Complaint(("interval",), "invalid-interval", str(error))) from error


def _anchor(fields: JobFields, zone: str) -> datetime | None:
    if fields.anchor is None:
        return None
    try:
        return parse_moment(fields.anchor, fields.timezone or zone)
    except ScheduleError as error:
        raise _Rejected(Complaint(("anchor",), "invalid-anchor", str(error))) from error


def _declared_date(fields: JobFields, zone: str) -> DeclaredDate:
    run_at = fields.run_at or ""
    try:
        parse_moment(run_at, fields.timezone or zone, fold=fields.fold)
    except ScheduleError as error:
        raise _Rejected(Complaint(("run_at",), "invalid-run-at", str(error))) from error
    return DeclaredDate(run_at, fields.fold)


def _check(fields: JobFields) -> Iterator[Complaint]:
    """The rules that types can't say."""
    if fields.job_id is not None and (fault := id_fault(fields.job_id)):
        yield Complaint(("job_id",), "invalid-id", fault)
    if any(unicodedata.category(char) == "Cc" for char in fields.name or ""):
        yield Complaint(("name",), "invalid-name", "a name can't hold line breaks or other control characters")
    if fault := _url_fault(fields.target_url):
        yield Complaint(("target_url",), "invalid-url", fault)
    if fields.method is not None and fields.method.upper() not in METHODS:
        yield Complaint(("method",), "invalid-method", f"{fields.method!r} is not one of {', '.join(METHODS)}")
    for name, value in (fields.headers or {}).items():
        yield from _check_header(name, value)
    yield from _check_companions(fields)


def _check_companions(fields: JobFields) -> Iterator[Complaint]:
    """Fields that belong to others, or exclude each other."""
    if fields.seconds and isinstance(fields.cron, dict):
        message = "seconds belongs to a crontab line: here, write the field `second` of the object"
        yield Complaint(("seconds",), "schedule", message, at_key=True)
    if fields.catchup and fields.coalesce is not None and fields.coalesce is not (fields.catchup != "all"):
        written = "true" if fields.coalesce else "false"
        message = f"catchup: {fields.catchup} contradicts coalesce: {written}: remove coalesce"
        yield Complaint(("catchup",), "schedule", message, at_key=True)
    if fields.overlap == "allow" and fields.max_instances is not None:
        message = "overlap: allow knows no limit: remove max_instances, or write another overlap"
        yield Complaint(("overlap",), "schedule", message, at_key=True)
    if fields.overlap == "replace" and (fields.catchup == "all" or fields.coalesce is False):
        message = "overlap: replace keeps the newest only, so all can't be caught up on: write catchup: last or none"
        yield Complaint(("overlap",), "schedule", message, at_key=True)
    for name, needs in (
        ("day_match", "cron"),
        ("seconds", "cron"),
        ("dst", "cron"),
        ("anchor", "interval"),
        ("fold", "run_at"),
    ):
        if getattr(fields, name) is not None and getattr(fields, needs) is None:
            yield Complaint((name,), "schedule", f"{name} belongs to {needs}, which this job doesn't have", at_key=True)


def _check_header(name: str, value: str) -> Iterator[Complaint]:
    if not _HEADER_NAME.fullmatch(name):
        yield Complaint(("headers", name), "invalid-header", f"{name!r} is not a header name", at_key=True)
    elif name.lower() in _HEADERS_OF_THE_CLIENT:
        message = f"{name} is set by the HTTP client: leave it out"
        yield Complaint(("headers", name), "invalid-header", message, at_key=True)
    elif name.lower().startswith("x-myscheduler-"):
        message = f"{name} is set by the scheduler, this value is never sent"
        yield Complaint(("headers", name), "reserved-header", message, Severity.WARNING, at_key=True)
    if any(unicodedata.category(char) == "Cc" and char != "\t" for char in value):
        message = "a header value can't hold line breaks or other control characters"
        yield Complaint(("headers", name), "invalid-header", message)


def _check_encodable(fields: JobFields) -> Iterator[Complaint]:
    """JSON can spell what UTF-8 can't carry (half a surrogate pair) and what JSON itself can't (NaN)."""
    for name, value in fields.model_dump(exclude_unset=True).items():
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            message = "holds half of a surrogate pair, which is not a character: write the whole character"
            yield Complaint((name,), "invalid-text", message)
        except (ValueError, TypeError, RecursionError) as error:
            yield Complaint((name,), "invalid-value", f"can't be written as JSON: {error}")


def id_fault(job_id: str) -> str | None:
    """What is wrong with a job id, or `None`."""
    if job_id in {".", ".."}:
        return f"{job_id!r} can't stand in a URL: choose another id"
    if found := sorted(set(_ID_FORBIDDEN) & set(job_id)):
        return f"an id can't hold {' '.join(found)}, which have a meaning in URLs: use - or _ instead"
    if not all(char.isprintable() or unicodedata.category(char) == "Zs" for char in job_id):
        return "an id can only hold printable characters: remove line breaks, tabs and other control characters"
    if job_id != job_id.strip():
        return "an id can't start or end with a space"
    return None


def _url_fault(url: str) -> str | None:
    if not url.strip():
        return "is empty: write the URL to call, such as https://api.example.com/run"
    if any(char.isspace() or unicodedata.category(char) == "Cc" for char in url):
        return "holds white space or control characters: write a space as %20"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is not a URL ({error}): write one such as https://api.example.com/run"
    if parts.scheme not in {"http", "https"}:
        return "has to start with http:// or https://"
    if not parts.hostname:
        return "has no host: write one such as https://api.example.com/run"
    if port == 0:
        return "has port 0, which can't be called"
    return None


def _translate(detail: ErrorDetails) -> Complaint:
    """Say pydantic's finding in our words, with what to write instead."""
    loc = _loc(detail)
    match detail["type"]:
        case "extra_forbidden":
            models: dict[str, type[BaseModel]] = {"interval": IntervalFields, "dst": DstFields}
            model = models.get(str(loc[0]), JobFields)
            return Complaint(loc, "unknown-key", _unknown(str(loc[-1]), list(model.model_fields)), at_key=True)
        case "missing":
            return Complaint(loc, "missing-field", "is missing")
        case "string_type" if loc == ("interval",):
            advice = "write an object such as {minutes: 10}, or an ISO 8601 duration such as PT10M"
            return Complaint(loc, "invalid-type", f"can't be {_kind(detail['input'])}: {advice}")
        case "string_type":
            advice = ": put it into quotes" if isinstance(detail["input"], bool | int | float) else ""
            return Complaint(loc, "invalid-type", f"has to be text, not {_kind(detail['input'])}{advice}")
        case "dict_type" | "model_type":
            return Complaint(loc, "invalid-type", f"has to be an object, not {_kind(detail['input'])}")
        case "bool_type":
            return Complaint(loc, "invalid-type", f"has to be true or false, not {_kind(detail['input'])}")
        case "int_type" | "float_type" | "int_from_float":
            what = "a whole number" if detail["type"].startswith("int") else "a number"
            return Complaint(loc, "invalid-type", f"has to be {what}, not {_kind(detail['input'])}")
        case "literal_error":
            expected = detail.get("ctx", {}).get("expected", "")
            return Complaint(loc, "invalid-value", f"{detail['input']!r} is not one of {expected}")
        case "finite_number":
            return Complaint(loc, "invalid-value", "has to be a finite number")
        case _:
            message = detail["msg"].replace("Input should", "should").replace("String should", "should")
            return Complaint(loc, "invalid-value", f"{message}{_shown(detail['input'])}")


def _is_other_shape(detail: ErrorDetails) -> bool:
    """Pydantic names what is wrong for each shape of `cron` and `interval`; only one of them was meant."""
    if detail["loc"][:2] in {("cron", "str"), ("interval", "str")}:
        return isinstance(detail["input"], dict)
    return detail["loc"][:1] in {("cron",), ("interval",)} and detail["type"] in {"dict_type", "model_type"}


def _loc(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Without the union branches that pydantic adds behind `cron` and `interval`, and its mark for a key."""
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    if loc[:1] in {("cron",), ("interval",)} and len(loc) > 1:
        branches = {"str", "int", "IntervalFields"}
        return tuple(part for part in loc[:3] if part not in branches and not str(part).startswith("dict["))
    return loc


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"unknown key {name!r}" + (
        f": did you mean {close[0]!r}?" if close else f": the keys are {', '.join(known)}"
    )


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value) if abs(value) < 10**15 else "a huge number"
    return f", not {text}"
