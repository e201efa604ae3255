"""Accepts or refuses a job: the checks that manifests, plans and the API share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from myscheduler.core.calls.link_local import NOWHERE, Reach
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.job.auth import auth_to_json, is_own_identity
from myscheduler.core.job.payload import Multipart
from myscheduler.core.job.sent import called_urls
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import NO_CALENDARS, NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.past import past_field
from myscheduler.core.manifest.targets_file import NO_TARGETS, SharedTargets, completed, of_target
from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.grants import Grants, not_allowed
from myscheduler.core.policy.guard import Guard
from myscheduler.core.policy.policy import Policy
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.templates.variables import NO_VARIABLES, Variables
from myscheduler.messages.message import said

UNKNOWN, MANIFESTS_ONLY = "policy-unknown", "manifests-only"
"""Rules that only the API has."""
_POLICY_UNKNOWN = said("policy-unknown")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job is checked against: the zone of the service, and the calendars and policies of the source."""

    zone: str
    calendars: NamedCalendars = NO_CALENDARS
    policies: tuple[Policy, ...] = ()
    """All policies that apply to the job."""
    reach: Reach = NOWHERE
    """The link-local addresses that jobs may call."""
    is_policy_known: bool = True
    channels: frozenset[str] | None = None
    """The names of `notifications.yaml`; `None` if they are not known."""
    variables: Variables = NO_VARIABLES
    targets: SharedTargets = NO_TARGETS

    @classmethod
    def of(
        cls,
        zone: str,
        calendars: NamedCalendars,
        rules: Rules,
        channels: frozenset[str] | None,
        variables: Variables = NO_VARIABLES,
        targets: SharedTargets = NO_TARGETS,
    ) -> "Terms":
        return cls(zone, calendars, rules.binding, rules.reach, rules.policy is not None, channels, variables, targets)


def accept_declared(values: Mapping[str, Any], terms: Terms) -> tuple[JobSpec | None, list[Complaint]]:
    """A job of a manifest: its spec, or `None` if any complaint is an error, and all complaints."""
    spec, complaints = _declared(values, terms)
    if values.get("job_id") is not None:
        return spec, complaints
    missing = Complaint(("job_id",), "missing-field", said("job-id-missing"))
    return None, [missing, *(complaint for complaint in complaints if complaint.loc != ("job_id",))]


def accept_ad_hoc(
    values: Mapping[str, Any], terms: Terms, grants: Grants, guard: Guard, *, now: datetime
) -> tuple[JobSpec | None, list[Complaint]]:
    """A job of the API, which needs a grant for each secret it uses, and may call less than one of a manifest.

    Returns its spec, or `None` and all errors.
    """
    spec, complaints = _declared(values, terms)
    complaints += _ad_hoc_faults(values, terms)
    if spec is not None:
        complaints += [*not_allowed(spec, grants), *_of_the_service(spec), *_not_for_the_api(spec, guard)]
        if past := past_field(spec, clock=Clock(now, terms.zone)):
            field, rule = past
            message = said("run-in-the-past")
            complaints.append(Complaint((field,), rule, message))
    errors = [complaint for complaint in complaints if complaint.severity is Severity.ERROR]
    return (None if errors else spec), errors


def _declared(values: Mapping[str, Any], terms: Terms) -> tuple[JobSpec | None, list[Complaint]]:
    whole = completed(values, terms.targets)
    spec, complaints = declare(
        whole.values,
        zone=terms.zone,
        calendars=terms.calendars,
        policies=terms.policies,
        reach=terms.reach,
        channels=terms.channels,
        variables=terms.variables,
    )
    name = str(values.get("target"))
    complaints = [*whole.complaints, *(of_target(one, name, whole.inherited) for one in complaints)]
    return None if whole.complaints else spec, complaints


def _of_the_service(spec: JobSpec) -> Iterator[Complaint]:
    """What belongs to the service, and so only to manifests, which are reviewed: its identity and its files."""
    if spec.auth is not None and is_own_identity(spec.auth):
        yield Complaint(("auth", *auth_to_json(spec.auth)), MANIFESTS_ONLY, said("identity-only-for-manifests"))
    for index, part in enumerate(spec.payload.parts if isinstance(spec.payload, Multipart) else ()):
        if part.file is not None:
            yield Complaint(("multipart", index, "file"), MANIFESTS_ONLY, said("file-only-for-manifests"))


def _not_for_the_api(spec: JobSpec, guard: Guard) -> Iterator[Complaint]:
    """The places that the guard keeps from jobs of the API, as far as they are known before a call."""
    if spec.ping is not None:
        return
    proxy = spec.transport.own_proxy
    for loc, url in (*called_urls(spec), *([(("proxy",), proxy)] if proxy is not None else [])):
        if refusal := guard.refusal_of_api(url):
            yield Complaint(loc, *refusal)


def _ad_hoc_faults(values: Mapping[str, Any], terms: Terms) -> Iterator[Complaint]:
    if not terms.is_policy_known:
        yield Complaint((), UNKNOWN, _POLICY_UNKNOWN)
    for name in ("adopt", "protect"):
        if values.get(name) is not None:
            message = said("only-for-manifests")
            yield Complaint((name,), MANIFESTS_ONLY, message)
