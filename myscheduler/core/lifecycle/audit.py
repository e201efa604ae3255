"""The entries of the audit trail: who did what to which job, execution or incident, and when."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from myscheduler.core.bounds import LARGEST_ENTRY, LONGEST_CHANGE, MOST_CHANGES
from myscheduler.core.history.repeats import Kept
from myscheduler.core.job.job import Job, Pause, Source
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.lifecycle.edge_diff import edge_changes
from myscheduler.core.lifecycle.spec_diff import spec_changes

MANIFEST = "manifest"
"""The actor if the source changed a job; the detail has the revision, file and line."""
CLOCK = "clock"
"""The actor if a pause ended by itself."""
TARGET = "target"
"""The actor if a job was paused because its target answered 410 Gone."""


class AuditAction(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ADOPTED = "adopted"
    DELETED = "deleted"
    PAUSED = "paused"
    RESUMED = "resumed"
    PAUSE_ENDED = "pause-ended"
    APPROVED = "approved"
    TOKEN_CREATED = "token-created"  # noqa: S105 - a word, no password
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - a word, no password
    SESSION_BEGUN = "session-begun"
    SESSION_ENDED = "session-ended"
    ACCESS_REFUSED = "access-refused"
    """Requests with wrong or missing credentials; one entry stands for many."""
    CANCELLED = "cancelled"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    BULK_PAUSED = "bulk-paused"
    BULK_RESUMED = "bulk-resumed"
    BULK_TRIGGERED = "bulk-triggered"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. It never contains credentials."""

    at: datetime
    actor: str
    """`MANIFEST`, `CLOCK`, `TARGET`, or the name that the caller of the API gave."""
    action: AuditAction
    job_id: str | None
    """`None` for an entry about several jobs, such as an approval."""
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
    """A job is created (`before` is `None`), changed or deleted (`after` is `None`).

    `source` is where a manifest declares it, or declared it. For a job that a manifest creates, the entry has only this
    location, besides its edges: the file at that revision has the fields.
    """
    spec = after or before
    detail: dict[str, Any] = {}
    if not (before is None and source):
        detail["fields"] = [one.as_json() for one in spec_changes(before, after)]
    if edges := [one.as_json() for one in edge_changes(before, after)]:
        detail["edges"] = edges
    detail = bounded(detail)
    if source is not None:
        detail["source"] = {"file": source.path, "line": source.line, "revision": source.revision}
    return AuditEntry(at, actor, action, spec.job_id if spec else None, detail)


def of_deletion(job: Job, *, at: datetime, actor: str, revision: str | None) -> AuditEntry:
    """A job is deleted; `revision` is that of the source in which it is no longer declared."""
    entry = of_spec(AuditAction.DELETED, job.spec, None, at=at, actor=actor, source=job.source)
    return replace(entry, detail={**entry.detail, "removed_in": revision}) if revision else entry


def of_pause(action: AuditAction, job_id: str, pause: Pause | None, *, at: datetime, actor: str) -> AuditEntry:
    """A job is paused, or its pause ends."""
    if pause is None:
        return AuditEntry(at, actor, action, job_id)
    until = pause.until.isoformat() if pause.until else None
    detail = {"by": pause.by, "since": pause.at.isoformat(), "reason": pause.reason, "until": until}
    return AuditEntry(at, actor, action, job_id, detail)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A request to cancel an execution or a queued run; it is recorded in the transaction that ends it."""

    entry: AuditEntry
    kept: Kept | None = None
    """The answer to the request, if it had an `Idempotency-Key`."""


def of_cancellation(execution_id: str, job_id: str, *, at: datetime, actor: str, reason: str | None) -> AuditEntry:
    """An execution, or a queued run, is cancelled."""
    return AuditEntry(at, actor, AuditAction.CANCELLED, job_id, {"execution_id": execution_id, "reason": reason})


def of_chain_cancellation(
    chain_id: str, job_id: str | None, *, at: datetime, actor: str, reason: str | None
) -> AuditEntry:
    """A run of a chain is cancelled, which begins with this job."""
    return AuditEntry(at, actor, AuditAction.CANCELLED, job_id, {"chain_id": chain_id, "reason": reason})


def of_bulk(
    action: AuditAction, selection: Mapping[str, Any], counts: Mapping[str, int], *, at: datetime, actor: str
) -> AuditEntry:
    """Many jobs are paused, resumed or triggered by one request; `counts` has how many, by what became of them."""
    return AuditEntry(at, actor, action, None, {"selection": dict(selection), "counts": dict(counts)})


_NOTE = 40
"""At most this many characters follow a value that was cut."""


def bounded(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail with its changed fields, and its changed edges, limited in number, in length, and in size together.

    `more_fields` and `more_edges` count those that were left out.
    """
    found = dict(detail)
    for name in ("fields", "edges"):
        changes = detail.get(name)
        if not isinstance(changes, list) or len(_json(changes)) <= LONGEST_CHANGE:
            continue  # then each value is short enough, too
        found[name] = kept = list(_within(changes))
        if len(changes) > len(kept):
            found[f"more_{name}"] = len(changes) - len(kept)
    return found


def _within(changes: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    size = 0
    for change in changes[:MOST_CHANGES]:
        short = {name: _short(value) for name, value in change.items()}
        size += len(_json(short).encode())
        if size > LARGEST_ENTRY:
            return
        yield short


def _short(value: Any) -> Any:
    """A long value cut to the beginning of its text; one that is cut already stays as it is."""
    text = value if isinstance(value, str) else _json(value)
    return value if len(text) <= LONGEST_CHANGE + _NOTE else f"{text[:LONGEST_CHANGE]}… ({len(text):,} characters)"


def _json(value: Any) -> str:
    return _COMPACT.encode(value)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
