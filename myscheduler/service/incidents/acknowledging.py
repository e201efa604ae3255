"""Records that somebody takes care of an incident, or no longer does."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.core.history.repeats import Kept
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.errors import IncidentConflictError, IncidentNotFoundError
from myscheduler.messages.message import said


async def acknowledge(
    store: Store, incident_id: str, *, by: str, until: datetime | None, at: datetime, kept: Kept | None = None
) -> Incident:
    """Record that `by` takes care of an open incident: up to `until` or, without it, until it ends, nobody is reminded.

    `kept` is stored in the same transaction. Raises `IncidentNotFoundError`, or `IncidentConflictError` if it is over.
    """
    return await store.write(
        partial(_acknowledge, incident_id=incident_id, owner=by, actor=by, until=until, at=at, kept=kept)
    )


async def unacknowledge(store: Store, incident_id: str, *, by: str, at: datetime, kept: Kept | None = None) -> Incident:
    """Record that nobody takes care of an open incident any more. Otherwise like `acknowledge`."""
    return await store.write(
        partial(_acknowledge, incident_id=incident_id, owner=None, actor=by, until=None, at=at, kept=kept)
    )


def _acknowledge(
    connection: Connection,
    *,
    incident_id: str,
    owner: str | None,
    actor: str,
    until: datetime | None,
    at: datetime,
    kept: Kept | None,
) -> Incident:
    found = incident_rows.find(connection, incident_id)
    if found is None:
        raise IncidentNotFoundError(incident_id)
    if not found.is_open:
        raise IncidentConflictError(said("incident-over", incident_id=incident_id))
    incident_rows.acknowledge(connection, incident_id, by=owner, at=at, until=until)
    action = AuditAction.UNACKNOWLEDGED if owner is None else AuditAction.ACKNOWLEDGED
    subject = {"target": found.target, "host": found.host, "until": until.isoformat() if until else None}
    detail = {"incident_id": incident_id, "kind": found.kind} | {name: one for name, one in subject.items() if one}
    audit_rows.add(connection, [AuditEntry(at, actor, action, found.job_id, detail)])
    key_rows.keep(connection, [kept] if kept else [])
    return replace(found, acknowledged_by=owner, acknowledged_at=at if owner else None, acknowledged_until=until)
