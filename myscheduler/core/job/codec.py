"""Converts a job's spec to JSON and back, with the field names of a manifest."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar, assert_never

from myscheduler.core.caching import cached
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.after import (
    DeclaredAfter,
    after_from_json,
    after_to_json,
    requires_from_json,
    requires_to_json,
)
from myscheduler.core.job.auth import auth_from_json, sign_from_json
from myscheduler.core.job.expect import USUAL_EXPECT, expect_from_json, expect_to_json
from myscheduler.core.job.limits import limits_from_json, limits_to_json
from myscheduler.core.job.notify import USUAL, notify_from_json, notify_to_json
from myscheduler.core.job.objective import objective_from_json, objective_to_json
from myscheduler.core.job.payload import pairs_from_json, payload_from_json
from myscheduler.core.job.ping import ping_from_json, ping_to_json
from myscheduler.core.job.retry import USUAL_RETRY, retry_from_json, retry_to_json
from myscheduler.core.job.sent import sent_beside
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
    JobSpec,
)
from myscheduler.core.job.transport import transport_from_json, transport_to_json

T = TypeVar("T")


def schedule_to_json(schedule: DeclaredSchedule) -> dict[str, Any]:
    """The schedule as the fields of a manifest: `{"cron": …}`, `{"interval": …}`, `{"run_at": …}` or `{"after": …}`."""
    match schedule:
        case DeclaredCron(fields):
            return {"cron": dict(fields)} | _cron_options(schedule)
        case DeclaredCrons(crons):
            return {"cron": [dict(one.fields) for one in crons]} | _cron_options(crons[0])
        case DeclaredWallInterval(units, anchor, gap, overlap):
            interval_fields = {"interval": dict(units), "anchor": anchor.isoformat(), "clock": "wall"}
            return interval_fields | _dst_to_json(gap, overlap)
        case DeclaredInterval(units, anchor):
            return {"interval": dict(units)} | ({"anchor": anchor.isoformat()} if anchor else {})
        case DeclaredDate(run_at, fold):
            return {"run_at": run_at} | ({} if fold is None else {"fold": fold})
        case DeclaredAfter():
            return after_to_json(schedule)
        case _:
            assert_never(schedule)


def _cron_options(cron: DeclaredCron) -> dict[str, Any]:
    day_match = {"day_match": cron.day_match} if cron.day_match != "any" else {}
    return day_match | _dst_to_json(cron.gap, cron.overlap)


def _dst_to_json(gap: str, overlap: str) -> dict[str, Any]:
    dst = ({"gap": gap} if gap != "run" else {}) | ({"overlap": overlap} if overlap != "first" else {})
    return {"dst": dst} if dst else {}


def schedule_from_json(declared: Mapping[str, Any]) -> DeclaredSchedule:
    """The inverse of `schedule_to_json`."""
    if "after" in declared:
        return after_from_json(declared)
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

_SHARED_FIELDS = ("timezone", "method", "timeout_sec", "retry_backoff_sec", "misfire_grace_time")

_LATER_FIELDS = {
    "target": None,
    "on_interrupt": "record",
    "catchup": None,
    "overlap": "skip",
    "protect": False,
    "templates": False,
    "chain_timeout_sec": None,
}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "query": pairs_from_json,
    "auth": auth_from_json,
    "sign": sign_from_json,
    "retry": retry_from_json,
    "expect": expect_from_json,
    "slo": objective_from_json,
    "ping": ping_from_json,
    "notify": notify_from_json,
    "requires": requires_from_json,
    "extract": lambda stored: tuple(stored.items()),
}
"""How fields that are objects of their own are read."""


def to_json(spec: JobSpec) -> dict[str, Any]:
    """The spec as a JSON object with the field names of a manifest.

    Fields that were added to the format later (`_LATER_FIELDS`) are included only when they differ from their default,
    so that the digests of older jobs don't change.
    """
    plain = {name: getattr(spec, name) for name in _PLAIN_FIELDS}
    headers = {name: value if isinstance(value, str) else list(value) for name, value in spec.headers.items()}
    mappings = {"headers": headers, "labels": dict(spec.labels)}
    later = {name: getattr(spec, name) for name, default in _LATER_FIELDS.items() if getattr(spec, name) != default}
    later |= sent_beside(spec)
    if spec.retry != USUAL_RETRY:
        later["retry"] = retry_to_json(spec.retry)
    if spec.expect != USUAL_EXPECT:
        later["expect"] = expect_to_json(spec.expect)
    if spec.slo is not None:
        later["slo"] = objective_to_json(spec.slo)
    if spec.ping is not None:
        later["ping"] = ping_to_json(spec.ping)
    if spec.requires:
        later["requires"] = requires_to_json(spec.requires)
    if spec.extract:
        later["extract"] = dict(spec.extract)
    if spec.notify != USUAL:
        later["notify"] = notify_to_json(spec.notify)
    later |= transport_to_json(spec.transport)
    return plain | mappings | later | schedule_to_json(spec.schedule) | limits_to_json(spec.limits)


def from_json(stored: Mapping[str, Any]) -> JobSpec:
    """The inverse of `to_json`. Fields missing from `stored` get their defaults, so older rows stay readable.

    Values that many jobs have in common are shared objects, to save memory.
    """
    plain = {name: stored[name] for name in (*_PLAIN_FIELDS, *_LATER_FIELDS) if name in stored}
    plain |= {name: shared_texts(stored[name]) for name in ("headers", "labels") if stored.get(name)}
    plain |= {name: _shared(plain[name]) for name in _SHARED_FIELDS if name in plain}
    if plain["name"] == plain["job_id"]:
        plain["name"] = plain["job_id"]
    plain |= {name: read(stored[name]) for name, read in _READERS.items() if name in stored}
    if payload := payload_from_json(stored):
        plain["payload"] = payload
    plain["transport"] = transport_from_json(stored)
    return JobSpec(schedule=schedule_from_json(stored), limits=limits_from_json(stored), **plain)


def shared_fields(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The fields of a cron expression, each (name, text) pair shared with the other expressions that contain it."""
    return tuple(_shared(field) for field in fields)


_shared_cron = cached(4_096)(DeclaredCron)

_shared_interval = cached(4_096)(DeclaredInterval)


@cached(4_096, typed=True)
def _shared(value: T) -> T:
    """The first value seen that equals this one, so that equal values are one object."""
    return value


def shared_texts(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Headers or labels as a spec holds them: a single value as text, several values of one header as a tuple."""
    return _shared_mapping(tuple((name, _text_or_tuple(value)) for name, value in values.items()))


def _text_or_tuple(value: str | Sequence[str]) -> HeaderValue:
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else tuple(value)


@cached(4_096)
def _shared_mapping(texts: tuple[tuple[str, HeaderValue], ...]) -> Mapping[str, HeaderValue]:
    return MappingProxyType(dict(texts))
