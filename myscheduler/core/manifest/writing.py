"""Writes jobs as manifests: the inverse of `declare`, in the shortest form with the same meaning."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, assert_never

from myscheduler.core.findings.problem import printable
from myscheduler.core.job.after import DeclaredAfter, after_to_json
from myscheduler.core.job.codec import to_json
from myscheduler.core.job.crons import crontab_line
from myscheduler.core.job.digest import digest
from myscheduler.core.job.limits import FIELDS as LIMITS
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredWallInterval,
    JobSpec,
)
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.fields import IntervalFields, JobFields
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.ping_field import OF_CALLS
from myscheduler.core.manifest.targets_file import SharedTarget, SharedTargets
from myscheduler.core.schedule.dialect import CRONTAB_FIELDS
from myscheduler.core.source.snapshot import RESERVED, SourceFile
from myscheduler.core.source.yaml_writing import to_yaml
from myscheduler.core.templates.declaring import escaped

_ORDER = {name: place for place, name in enumerate(JobFields.model_fields)}
_ALWAYS = ("job_id", "target_url")
_SECONDS = ("timeout_sec", "retry_backoff_sec")
_SPACE = re.compile(r"\s")
_WRITTEN_SEPARATELY = {"cron", "interval", "run_at", "name", "coalesce", "templates", *LIMITS}


def manifest_fields(spec: JobSpec) -> dict[str, Any]:
    """The fields of a manifest that declares this spec, without those that have their default values.

    Of a named calendar only the name is written: its country and days are in `calendars.yaml`.
    """
    stored = to_json(spec)
    plain = {
        name: _whole(value) if name in _SECONDS else value
        for name, value in stored.items()
        if name not in _WRITTEN_SEPARATELY and (name in _ALWAYS or value != _DEFAULTS.get(name))
    }
    if spec.ping is not None:
        plain = {name: value for name, value in plain.items() if name not in OF_CALLS}
    if not spec.templates:
        plain = escaped(plain)
    name = {"name": spec.name} if spec.name != spec.job_id else {}
    coalesce = {} if spec.coalesce else {"coalesce": False}
    limits = {name: stored[name] for name in LIMITS if name in stored}
    return ordered(plain | name | coalesce | _schedule(spec, stored) | _readable(limits))


def ordered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the order of the documentation."""
    return {name: fields[name] for name in sorted(fields, key=_ORDER.__getitem__)}


def document(fields: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """One YAML document, with the comments as lines above it."""
    lines = [printable(_SPACE.sub(" ", line)) for line in comments]
    return "".join(f"# {line}\n" for line in lines) + to_yaml(dict(fields))


def fault_of(text: str, spec: JobSpec, *, zone: str) -> str | None:
    """Read a written manifest back: why it doesn't declare `spec`, or `None` if it does. `zone` is the service's."""
    calendar = spec.limits.calendar
    named = {calendar.name: calendar.calendar} if calendar and calendar.name else {}
    file = SourceFile.of(spec.job_id, text.encode())
    read = parse_file(file, zone=zone, calendars=NamedCalendars(named), targets=_targets_of(spec))
    if read.problems and not read.jobs:
        return "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in read.problems)
    if [job.digest for job in read.jobs] != [digest(spec)]:
        return "a manifest can't express this job"
    return None


def _targets_of(spec: JobSpec) -> SharedTargets:
    """As if its target did nothing but exist: what the job has from it is written out."""
    return SharedTargets({spec.target: SharedTarget(spec.target_url)} if spec.target else {})


_DEFAULTS = {
    name: value
    for name, value in to_json(JobSpec("", "", DeclaredDate(""), "")).items()
    if name not in _WRITTEN_SEPARATELY
}


def _whole(seconds: float) -> float:
    """`30`, not `30.0`."""
    return int(seconds) if float(seconds).is_integer() else seconds


def _schedule(spec: JobSpec, stored: Mapping[str, Any]) -> dict[str, Any]:
    match spec.schedule:
        case DeclaredCron():
            return {"cron": _cron(spec.schedule)}
        case DeclaredCrons(crons):
            return {"cron": [_cron(one) for one in crons]}
        case DeclaredWallInterval():
            return {"interval": _wall_span(stored["interval"])}
        case DeclaredInterval() as interval:
            return {"interval": _span(stored["interval"], interval.every.total_seconds())}
        case DeclaredDate(run_at):
            return {"run_at": run_at}
        case DeclaredAfter():
            return after_to_json(spec.schedule)
        case _:
            assert_never(spec.schedule)


def _cron(cron: DeclaredCron) -> str | dict[str, str]:
    return crontab_line(cron.fields, cron.day_match, cron.day_match) or dict(cron.fields)


def _span(units: dict[str, int], seconds: float) -> dict[str, int] | str:
    """The units, or an ISO 8601 duration if a number is larger than the object form allows."""
    return units if _fits(units) else f"PT{seconds:.0f}S"


def _wall_span(units: dict[str, int]) -> dict[str, int] | str:
    """Like `_span`, for an interval with `clock: wall`."""
    if _fits(units):
        return units
    days = units.get("days", 0) + 7 * units.get("weeks", 0)
    return f"P{units.get('years', 0)}Y{units.get('months', 0)}M{days}D"


def _fits(units: dict[str, int]) -> bool:
    try:
        IntervalFields.model_validate(units)
    except ValueError:
        return False
    return True


def _readable(limits: dict[str, Any]) -> dict[str, Any]:
    """Stored limits in a shorter form. The digest covers how a blackout is written, so that form is kept."""
    changed: dict[str, Any] = {}
    if "blackout" in limits:
        changed["blackout"] = [_blackout(one) for one in limits["blackout"]]
    if limits.get("calendar", {}).get("name"):
        changed["calendar"] = {
            name: value for name, value in limits["calendar"].items() if name in {"name", "only", "skip", "shift"}
        }
    return limits | changed


def _blackout(stored: dict[str, Any]) -> dict[str, Any]:
    if stored.get("cron", {}).keys() != set(CRONTAB_FIELDS):
        return stored
    return stored | {"cron": " ".join(stored["cron"][name] for name in CRONTAB_FIELDS)}


# --- files ---

_UNSAFE = re.compile(r"[^\w .()+=,@-]")
_LONGEST = 200
"""Bytes kept of a job id, of the 255 that a file name may have."""
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)(\..*)?", re.IGNORECASE)
"""Names that Windows reserves for devices, with or without an extension."""


def file_names(job_ids: Sequence[str]) -> dict[str, str]:
    """A file name for each job, by id; unique on file systems that ignore case, too.

    It is the id with `.yaml`, if file systems allow that, else a similar name with a part of the id's hash.
    """
    shared = {one for one, count in Counter(job_id.casefold() for job_id in job_ids).items() if count > 1}
    return {job_id: _file_name(job_id, is_shared=job_id.casefold() in shared) for job_id in job_ids}


def _file_name(job_id: str, *, is_shared: bool) -> str:
    safe = _UNSAFE.sub("_", job_id).lstrip(".")
    stem = safe.encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")
    is_taken = f"{stem.lower()}.yaml" in RESERVED or _DEVICES.fullmatch(stem)
    if stem != job_id or is_taken or is_shared:
        stem += f"-{sha256(job_id.encode()).hexdigest()[:8]}"
    return f"{stem}.yaml"
