"""The requests that a job is going to make, for reviewers: as they are sent, but with references for secrets."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from myscheduler.core.calls.request import build_request
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.schedule.zones import local_time
from myscheduler.core.secrets.literals import masked_spec
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.rendering import rendered

EXECUTION_ID = "00000000-0000-0000-0000-000000000000"
"""Stands for the id that an execution gets when it begins."""
LONGEST_BODY = 10_000
"""Characters of a body that are shown."""
_HIDDEN = frozenset({"traceparent", "user-agent", "idempotency-key"})
_OWN = "x-myscheduler-"


def requests_of(spec: JobSpec, slots: Sequence[datetime], *, zone: str, created_at: datetime) -> list[dict[str, Any]]:
    """What the job sends at each of the slots. `zone` is the service's IANA zone.

    Literal credentials are masked; the headers that the scheduler adds to every request are left out.
    """
    return [_request(spec, slot, zone, created_at) for slot in slots] if spec.target_url else []


def _request(spec: JobSpec, slot: datetime, zone: str, created_at: datetime) -> dict[str, Any]:
    at = {"at": local_time(slot, spec.timezone or zone).isoformat()}
    try:
        if spec.templates:
            spec = rendered(spec, Context.of(spec, slot, EXECUTION_ID, zone=zone, created_at=created_at))
    except TemplateError as error:
        return at | {"error": error.message}
    request = build_request(masked_spec(spec), EXECUTION_ID, slot, 1, user_agent="")
    body = None if request.body is None else request.body.decode(errors="replace")
    return at | {
        "method": request.method,
        "url": masked_text(request.url),
        "headers": _shown(request.headers),
        "body": body if body is None or len(body) <= LONGEST_BODY else f"{body[: LONGEST_BODY - 1]}…",
    }


def _shown(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else list(value)
        for name, value in headers.items()
        if name.lower() not in _HIDDEN and not name.lower().startswith(_OWN)
    }
