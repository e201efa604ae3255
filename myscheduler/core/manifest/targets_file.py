"""`targets.yaml`: what the calls to a target have in common, and how many of them it bears.

    billing:
      base_url: https://billing.example.com/v1
      auth: {bearer: {token: "${secret:billing-token}"}}
      retry: {max_attempts: 4}
      concurrency: 2

A job says `target: billing` and `path: /close`. Its fields are completed from those of the target before it is checked,
so that a plan shows the effect of a change, and a policy judges what is called.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from myscheduler.core.bounds import MOST_TARGETS
from myscheduler.core.calls.breaker import BreakerRules
from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.findings.problem import (
    Complaint,
    Loc,
    Place,
    Problem,
    Severity,
    cut,
    did_you_mean,
    enough,
    shown,
)
from myscheduler.core.manifest.contract_field import contract_of, documents_of, path_faults
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.declared import NamedContract
from myscheduler.core.manifest.field_faults import complaint_of
from myscheduler.core.manifest.target_fields import DEFAULTS, BreakerFields, RateFields, TargetFields
from myscheduler.core.schedule.timestamps import parse_duration
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import TARGETS, SourceFile, UnreadableFile
from myscheduler.core.templates.variables import NO_VARIABLES, Variables
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

RULE = "invalid-target"
MOST_COMPARED = 200
"""Up to this many targets, an unknown name is compared with their names to suggest one."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_UNIT = timedelta(seconds=1)
_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class SharedTarget:
    """An entry of the file."""

    base_url: str
    defaults: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    """Fields of a manifest, as they are written, for jobs that leave them out."""
    limits: TargetLimits = field(default_factory=TargetLimits)
    contract: NamedContract | None = None


@dataclass(frozen=True, slots=True)
class SharedTargets:
    """The targets of the file, and the problems with it. With an error, the file declares none."""

    known: Mapping[str, SharedTarget] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""
    content: bytes = field(default=b"", repr=False)
    documents: Mapping[str, Place] = field(default_factory=dict)
    """The paths of OpenAPI documents from the folder of the file, and where each is named first; also with errors, as
    they are no manifests either way."""

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self.problems)

    @property
    def limits(self) -> dict[str, TargetLimits]:
        return {name: one.limits for name, one in self.known.items()}

    def unknown(self, name: str) -> str:
        """The message for a name that no target has."""
        hint: str = did_you_mean(name, self.known) if len(self.known) <= MOST_COMPARED else ""
        if self.has_errors:
            hint = said("targets-with-problems")
        elif not hint and self.known:
            hint = said("targets-known", known=cut(", ".join(sorted(self.known))))
        return said("target-unknown", name=shown(name), file=TARGETS, hint=hint)


NO_TARGETS = SharedTargets()


@dataclass(frozen=True, slots=True)
class Completed:
    """The fields of a job, completed from its target."""

    values: Mapping[str, Any]
    inherited: frozenset[str] = frozenset()
    """Names of the fields that come from the target, in whole or in part."""
    complaints: tuple[Complaint, ...] = ()


def completed(values: Mapping[str, Any], targets: SharedTargets) -> Completed:
    """The fields of a job with those of its target; the job's own win, and of mappings its own keys."""
    name, path = values.get("target"), values.get("path")
    if name is None or not isinstance(name, str):
        return Completed(values)
    target = targets.known.get(name)
    if target is None:
        fault = Complaint(("target",), "unknown-target", targets.unknown(name))
        rest = {key: value for key, value in values.items() if key not in {"target", "path"}}
        return Completed({**rest, "target_url": values.get("target_url") or "http://localhost"}, complaints=(fault,))
    own = {key: value for key, value in values.items() if key != "path" and value is not None}
    merged = {**own, **{key: _merged(value, own.get(key)) for key, value in target.defaults.items()}}
    inherited = {key for key in target.defaults if key not in own or isinstance(target.defaults[key], Mapping)}
    url, complaints = _url(target, values.get("target_url"), path)
    merged["target_url"] = url
    inherited |= {"target_url"} if values.get("target_url") is None else set()
    return Completed(merged, frozenset(inherited), complaints)


def _url(target: SharedTarget, url: Any, path: Any) -> tuple[Any, tuple[Complaint, ...]]:
    """The URL that is called. A job that was exported names both its target and the whole URL."""
    base = target.base_url.rstrip("/")
    if url is not None:
        is_below = isinstance(url, str) and (url == base or url.startswith((f"{base}/", f"{base}?")))
        message = said("url-not-of-target", base=base)
        faults = () if is_below and path is None else (Complaint(("target_url",), "schedule", message, at_key=True),)
        return url, faults
    if not isinstance(path, str):
        return target.base_url, ()
    return (f"{base}{path}" if path[:1] in {"", "?"} else f"{base}/{path.lstrip('/')}"), ()


def _merged(default: Any, own: Any) -> Any:
    """Headers and parameters of both, the job's own instead of the target's; everything else is one or the other."""
    if own is None:
        return default
    if not isinstance(default, Mapping) or not isinstance(own, Mapping):
        return own
    names = {name.lower() for name in own if isinstance(name, str)}
    return {**{name: value for name, value in default.items() if name.lower() not in names}, **own}


def of_target(complaint: Complaint, name: str, inherited: frozenset[str]) -> Complaint:
    """The complaint about an inherited field, at the place where the job names its target."""
    if not complaint.loc or complaint.loc[0] not in inherited:
        return complaint
    message = said("of-target", target=name, field=complaint.field, why=complaint.message)
    return Complaint(("target",), complaint.rule, message, complaint.severity)


def read_targets(file: SourceFile | UnreadableFile | None, *, variables: Variables = NO_VARIABLES) -> SharedTargets:
    """Read `targets.yaml`; never raises for its content. A file with any mistake declares nothing."""
    match file:
        case None:
            return NO_TARGETS
        case UnreadableFile(path, reason):
            problem = Problem(path, 1, 1, "", "unreadable", said("targets-unreadable", why=reason))
            return SharedTargets({}, (problem,), "unreadable")
        case SourceFile(path, content, digest):
            found = read_reserved(path, content, rule=RULE, several=said("remove-what-follows"))
            if found is None:
                return SharedTargets({}, (), digest, content)
            if isinstance(found, Problem):
                return SharedTargets({}, (found,), digest, content)
            known = _entries(found, variables)
            problems = tuple(sorted(enough(found.problems)))
            has_errors = any(one.severity is Severity.ERROR for one in problems)
            return SharedTargets({} if has_errors else known, problems, digest, content, documents_of(found))


def _entries(file: ReservedDocument, variables: Variables) -> dict[str, SharedTarget]:
    entries = file.document.value
    if not isinstance(entries, dict) or "job_id" in entries:
        file.add((), "not-a-mapping", said("targets-not-a-mapping"))
        return {}
    if len(entries) > MOST_TARGETS:
        file.add((), "too-large", said("too-many-targets", most=MOST_TARGETS))
        return {}
    known: dict[str, SharedTarget] = {}
    for name, written in entries.items():
        if file.is_enough:
            break
        if not isinstance(name, str) or not _is_name(name):
            file.add((name,), RULE, said("target-name", name=shown(name)), at_key=True)
            continue
        target, faults = _entry(written, variables, file.path)
        for one in faults:
            file.add((name, *one.loc), one.rule, one.message, at_key=one.at_key)
        if target is not None:
            known[name] = target
    return known


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 100 and name.isprintable() and name == name.strip() and not set("/?#%") & set(name)


def _entry(written: Any, variables: Variables, path: str) -> tuple[SharedTarget | None, list[Complaint]]:
    if not isinstance(written, dict):
        return None, [Complaint((), RULE, said("target-not-a-mapping"))]
    try:
        fields = TargetFields.model_validate({key: value for key, value in written.items() if key not in DEFAULTS})
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [complaint_of(one, TargetFields, further=DEFAULTS) for one in details]
    defaults = {key: value for key, value in written.items() if key in DEFAULTS and value is not None}
    faults = [*_default_faults(fields.base_url, defaults, variables), *_limit_faults(fields), *path_faults(fields)]
    if any(one.severity is Severity.ERROR for one in faults):
        return None, faults
    contract = contract_of(fields, variables, path)
    return SharedTarget(fields.base_url, MappingProxyType(defaults), _limits(fields), contract), faults


def _default_faults(base_url: str, defaults: Mapping[str, Any], variables: Variables) -> Iterator[Complaint]:
    """The complaints that every job with these fields would get."""
    draft = {"job_id": "target", "interval": {"hours": 1}, "target_url": base_url, **defaults}
    _, complaints = declare(draft, zone=_ZONE, variables=variables)
    for one in complaints:
        loc: Loc = ("base_url", *one.loc[1:]) if one.loc[:1] == ("target_url",) else one.loc
        yield Complaint(loc, one.rule, one.message, one.severity, one.at_key)
    if "?" in base_url or "#" in base_url:
        yield Complaint(("base_url",), "invalid-url", said("base-url-with-query"))


def _limit_faults(fields: TargetFields) -> Iterator[Complaint]:
    if fields.rate is not None:
        try:
            _per(fields.rate)
        except ScheduleError as error:
            yield Complaint(("rate", "per"), "invalid-value", str(error))
    breaker = fields.breaker
    if breaker is not None and _rules(breaker).longest_sec < _rules(breaker).open_sec:
        yield Complaint(("breaker", "longest_sec"), "invalid-value", said("breaker-longest"))


def _per(rate: RateFields) -> timedelta:
    """Raises `ScheduleError` for what is no duration, or none of at most a day."""
    per = timedelta(**dict(parse_duration(rate.per)))
    if not _UNIT <= per <= timedelta(days=1):
        raise ScheduleError(said("rate-per-length"))
    return per


def _limits(fields: TargetFields) -> TargetLimits:
    rate = Rate(fields.rate.calls, _per(fields.rate), fields.rate.burst or 1) if fields.rate else None
    return TargetLimits(fields.concurrency, rate, _rules(fields.breaker) if fields.breaker else None)


def _rules(fields: BreakerFields) -> BreakerRules:
    return BreakerRules(**fields.model_dump(exclude_none=True))
