"""Whether a job that somebody offers is taken: the rules that manifests, plans and the API share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from myscheduler.core.calls.link_local import NOWHERE, Reach
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import NO_CALENDARS, NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.past import past_field
from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.grants import Grants, not_allowed
from myscheduler.core.policy.policy import Policy

UNKNOWN, MANIFESTS_ONLY = "policy-unknown", "manifests-only"
"""Rules of the API alone, which no manifest can break."""
_NOT_JUDGED = "policy.yaml has problems, so nobody knows what is allowed: see GET /api/v1/sync, and mend it first"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an offered job is judged by: the zone of the service, and what the source says at this moment."""

    zone: str
    calendars: NamedCalendars = NO_CALENDARS
    policies: tuple[Policy, ...] = ()
    """All that bind the job."""
    reach: Reach = NOWHERE
    """The link-local addresses that jobs may call."""
    is_policy_known: bool = True

    @classmethod
    def of(cls, zone: str, calendars: NamedCalendars, rules: Rules) -> "Terms":
        return cls(zone, calendars, rules.binding, rules.reach, rules.policy is not None)


def accept_declared(values: Mapping[str, Any], terms: Terms) -> tuple[JobSpec | None, list[Complaint]]:
    """A job of a manifest: its spec, or `None` where a complaint is an error, and every complaint at once."""
    spec, complaints = _declared(values, terms)
    if values.get("job_id") is not None:
        return spec, complaints
    missing = Complaint(("job_id",), "missing-field", "is missing: a manifest needs it to know its job again")
    return None, [missing, *(complaint for complaint in complaints if complaint.loc != ("job_id",))]


def accept_ad_hoc(
    values: Mapping[str, Any], terms: Terms, grants: Grants, *, now: datetime
) -> tuple[JobSpec | None, list[Complaint]]:
    """A job of the API, which needs a grant for each secret: its spec, or `None` and every error at once."""
    spec, complaints = _declared(values, terms)
    complaints += _ad_hoc_faults(values, terms)
    if spec is not None:
        complaints += not_allowed(spec, grants)
        if past := past_field(spec, zone=terms.zone, now=now):
            field, rule = past
            message = "lies in the past, so the job would never run: write a later time"
            complaints.append(Complaint((field,), rule, message))
    errors = [complaint for complaint in complaints if complaint.severity is Severity.ERROR]
    return (None if errors else spec), errors


def _declared(values: Mapping[str, Any], terms: Terms) -> tuple[JobSpec | None, list[Complaint]]:
    return declare(values, zone=terms.zone, calendars=terms.calendars, policies=terms.policies, reach=terms.reach)


def _ad_hoc_faults(values: Mapping[str, Any], terms: Terms) -> Iterator[Complaint]:
    if not terms.is_policy_known:
        yield Complaint((), UNKNOWN, _NOT_JUDGED)
    for name in ("adopt", "protect"):
        if values.get(name) is not None:
            message = "is for manifests: what is made through the API is deleted through it"
            yield Complaint((name,), MANIFESTS_ONLY, message)
