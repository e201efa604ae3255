"""The audit trail: who changed what, and when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from myscheduler.core.bounds import LARGEST_ENTRY, LONGEST_CHANGE, MOST_CHANGES
from myscheduler.core.job.job import Job, Pause, Source
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.lifecycle.spec_diff import spec_changes

MANIFEST = "manifest"
"""The actor where the source changed a job; the revision, file and line stand beside it."""
CLOCK = "clock"
"""The actor where a pause ended by itself."""


class AuditAction(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ADOPTED = "adopted"
    DELETED = "deleted"
    PAUSED = "paused"
    RESUMED = "resumed"
    PAUSE_ENDED = "pause-ended"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. No credential is ever in it."""

    at: datetime
    actor: str
    """Who did it: `MANIFEST`, `CLOCK`, or the caller of the API as claimed."""
    action: AuditAction
    job_id: str | None
    """`None` for what is about several jobs, as an approval."""
    detail: Mapping[str, Any] = field(default_factory=dict)


def of_spec(
    action: AuditAction,
    before: JobSpec | None,
    after: JobSpec | None,
    *,
    at: datetime,
    actor: str,
    source: Source | None = None,
) -> AuditEntry:
    """A job is made, changed or removed. `source` is where a manifest declares it, or declared it.

    Of a job that a manifest makes only the place is told: the file at that revision says the rest.
    """
    spec = after or before
    detail: dict[str, Any] = {}
    if not (before is None and source):
        detail |= bounded({"fields": [one.as_json() for one in spec_changes(before, after)]})
    if source is not None:
        detail["source"] = {"file": source.path, "line": source.line, "revision": source.revision}
    return AuditEntry(at, actor, action, spec.job_id if spec else None, detail)


def of_deletion(job: Job, *, at: datetime, actor: str, revision: str | None) -> AuditEntry:
    """A job is removed; `revision` is the one of the source in which it is not declared any more."""
    entry = of_spec(AuditAction.DELETED, job.spec, None, at=at, actor=actor, source=job.source)
    return replace(entry, detail={**entry.detail, "removed_in": revision}) if revision else entry


def of_pause(action: AuditAction, job_id: str, pause: Pause | None, *, at: datetime, actor: str) -> AuditEntry:
    """A pause is laid, or taken off."""
    if pause is None:
        return AuditEntry(at, actor, action, job_id)
    until = pause.until.isoformat() if pause.until else None
    detail = {"by": pause.by, "since": pause.at.isoformat(), "reason": pause.reason, "until": until}
    return AuditEntry(at, actor, action, job_id, detail)


_NOTE = 40
"""Characters behind a value that was cut, at the most."""


def bounded(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail with as much of its changes as is told: so many fields, each of some length, and all together.

    `more_fields` counts the others.
    """
    fields = detail.get("fields")
    if not isinstance(fields, list) or len(_json(fields)) <= LONGEST_CHANGE:  # then so is each of its values
        return dict(detail)
    told, size = [], 0
    for change in fields[:MOST_CHANGES]:
        short = {name: _short(value) for name, value in change.items()}
        size += len(_json(short).encode())
        if size > LARGEST_ENTRY:
            break
        told.append(short)
    more = {"more_fields": len(fields) - len(told)} if len(fields) > len(told) else {}
    return {**detail, "fields": told, **more}


def _short(value: Any) -> Any:
    """A long value as the beginning of its text; one that was cut already stays as it is."""
    text = value if isinstance(value, str) else _json(value)
    return value if len(text) <= LONGEST_CHANGE + _NOTE else f"{text[:LONGEST_CHANGE]}… ({len(text):,} characters)"


def _json(value: Any) -> str:
    return _COMPACT.encode(value)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
