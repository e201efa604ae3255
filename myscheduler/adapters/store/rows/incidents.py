"""SQL of incidents, and of what judging them needs. Every function works inside the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions, incidents, progress
from myscheduler.core.history.execution import WRONG, Cause, Kind, Status
from myscheduler.core.incidents.incident import JOB_KINDS, EndReason, Incident, IncidentKind
from myscheduler.core.incidents.past import Past
from myscheduler.core.reason import Reason

MOST_ROWS = 5_000
"""The most rows that one page looks at."""


def insert(connection: sa.Connection, new: Incident) -> bool:
    """Store an incident, unless its subject has an open one of its kind. Returns whether it is stored."""
    is_same = (incidents.c.job_id == new.subject) & (incidents.c.kind == new.kind) & incidents.c.ended_at.is_(None)
    if connection.execute(sa.select(incidents.c.incident_id).where(is_same)).first() is not None:
        return False
    connection.execute(sa.insert(incidents).values(incident_id=new.incident_id, noticed_at=new.noticed_at, **_of(new)))
    return True


def update(connection: sa.Connection, changed: Incident) -> None:
    """Store what is new about an incident, except whether it is acknowledged: see `acknowledge`."""
    is_it = incidents.c.incident_id == changed.incident_id
    connection.execute(sa.update(incidents).where(is_it).values(**_of(changed)))


def acknowledge(
    connection: sa.Connection, incident_id: str, *, by: str | None, at: datetime, until: datetime | None
) -> None:
    """Record that somebody takes care of an incident or, with `by=None`, that nobody does."""
    values = {"acknowledged_by": by, "acknowledged_at": at if by else None, "acknowledged_until": until}
    connection.execute(sa.update(incidents).where(incidents.c.incident_id == incident_id).values(**values))


def mark_told(connection: sa.Connection, incident_id: str, at: datetime) -> None:
    """Record when an incident was last told."""
    connection.execute(sa.update(incidents).where(incidents.c.incident_id == incident_id).values(told_at=at))


def mark_first_told(connection: sa.Connection, incident_id: str, at: datetime) -> None:
    """Record when an incident was told, unless it was told before."""
    is_it = (incidents.c.incident_id == incident_id) & incidents.c.told_at.is_(None)
    connection.execute(sa.update(incidents).where(is_it).values(told_at=at))


def find(connection: sa.Connection, incident_id: str) -> Incident | None:
    """The incident with this id."""
    row = connection.execute(sa.select(incidents).where(incidents.c.incident_id == incident_id)).first()
    return _incident(row) if row else None


def by_ids(connection: sa.Connection, incident_ids: Sequence[str]) -> dict[str, Incident]:
    """Those of these incidents that are stored, by id."""
    rows = (row for ids in id_lists(incident_ids) for row in connection.execute(_BY_IDS, {"ids": ids}))
    return {row.incident_id: _incident(row) for row in rows}


def open_of(connection: sa.Connection, job_ids: Collection[str]) -> list[Incident]:
    """The open incidents of these jobs."""
    rows = (row for ids in id_lists(list(job_ids)) for row in connection.execute(_OPEN_OF, {"ids": ids}))
    return [_incident(row) for row in rows]


def jobs_in_trouble(connection: sa.Connection) -> set[str]:
    """The jobs with open incidents."""
    return set(connection.execute(sa.select(incidents.c.job_id).where(_IS_OPEN, _IS_OF_JOB)).scalars())


def open_of_others(connection: sa.Connection) -> list[Incident]:
    """The open incidents whose subject is no job."""
    return [_incident(row) for row in connection.execute(sa.select(incidents).where(_IS_OPEN, ~_IS_OF_JOB))]


def open_count(connection: sa.Connection) -> int:
    """How many incidents are open."""
    return connection.execute(_OPEN_COUNT).scalar_one()


def told_before(connection: sa.Connection, moment: datetime, limit: int) -> list[Incident]:
    """Open incidents that were last told before that moment, those that were told longest ago first."""
    query = (
        sa.select(incidents).where(_IS_OPEN, incidents.c.told_at < moment).order_by(incidents.c.told_at).limit(limit)
    )
    return [_incident(row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of incidents, newest first."""

    incidents: list[Incident]
    end: str | None
    """The id before which the next page begins; `None` after the last page."""


def page(
    connection: sa.Connection,
    *,
    is_open: bool | None = None,
    is_acknowledged: bool | None = None,
    now: datetime | None = None,
    kind: IncidentKind | None = None,
    job_ids: Collection[str] | None = None,
    before: str | None = None,
    limit: int,
    most: int = MOST_ROWS,
) -> Found:
    """Incidents before `before`: only open ones, only ended ones, of one kind, of these jobs, or all; at most `limit`.
    Or only those that somebody takes care of `now`, or only the others.

    It looks at about `most` rows, so a page may end before it is full.
    """
    query = sa.select(incidents).order_by(incidents.c.incident_id.desc()).limit(most)
    if is_open is not None:
        query = query.where(_IS_OPEN if is_open else incidents.c.ended_at.is_not(None))
    if is_acknowledged is not None:
        until = incidents.c.acknowledged_until
        is_cared_for = incidents.c.acknowledged_by.is_not(None) & (until.is_(None) | (until > now))
        query = query.where(is_cared_for if is_acknowledged else ~is_cared_for)
    if kind is not None:
        query = query.where(incidents.c.kind == kind)
    if before is not None:
        query = query.where(incidents.c.incident_id < before)
    if job_ids is not None:
        query = query.where(_IS_OF_JOB)
        if len(job_ids) == 1:
            query = query.where(incidents.c.job_id == next(iter(job_ids)))
    rows, last, looked_at = [], None, 0
    for row in connection.execute(query):
        looked_at, last = looked_at + 1, row.incident_id
        if job_ids is None or row.job_id in job_ids:
            rows.append(row)
            if len(rows) > limit:
                return Found([_incident(one) for one in rows[:limit]], rows[limit - 1].incident_id)
    return Found([_incident(row) for row in rows], last if looked_at == most else None)


def older_than(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """The ids of up to `limit` incidents that ended before that moment."""
    query = sa.select(incidents.c.incident_id).where(incidents.c.ended_at < moment).limit(limit)
    return list(connection.execute(query).scalars())


# --- what judging needs ---------------------------------------------------------------------------------------------


def past(connection: sa.Connection, job_id: str, limit: int) -> list[Past]:
    """The newest rows of a job's history, newest first."""
    return [
        Past(execution_id, slot, _CAUSES[cause], _STATUSES[status], *rest)
        for execution_id, slot, cause, status, *rest in connection.execute(_PAST, {"job_id": job_id, "most": limit})
    ]


def last_good_revision(connection: sa.Connection, job_id: str) -> str | None:
    """The revision of the manifest with which the job last completed."""
    return connection.execute(_LAST_GOOD, {"job_id": job_id}).scalar()


def wrong_lately(connection: sa.Connection, limit: int) -> set[str]:
    """The jobs whose last execution did not complete, and those of the `limit` newest rows that went wrong, or that did
    not begin before their chain timed out.
    """
    last = connection.execute(_LAST_WRONG, {"statuses": list(WRONG)}).scalars()
    newest = (
        job_id
        for one in WRONG
        for job_id in connection.execute(_NEWEST_WRONG, {"status": one, "most": limit}).scalars()
    )
    skipped = connection.execute(_NEWEST_SKIPPED, {"status": Status.SKIPPED, "most": limit})
    return {*last, *newest, *(row.job_id for row in skipped if row.reason == Reason.CHAIN_TIMEOUT)}


def suspects(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """Jobs that may be late: with a slot before that moment that is not decided, or an execution of one that has not
    ended. At most `limit` of each.
    """
    waiting = connection.execute(_WAITING, {"moment": moment, "most": limit}).scalars()
    running = connection.execute(_RUNNING, {"moment": moment, "most": limit}).scalars()
    return list({*waiting, *running})


_IS_OPEN = incidents.c.ended_at.is_(None)
_IS_OF_JOB = incidents.c.kind.in_(JOB_KINDS)  # of others, `job_id` holds the name of a target or host
_BY_IDS = sa.select(incidents).where(incidents.c.incident_id.in_(IDS))
_OPEN_COUNT = sa.select(sa.func.count()).select_from(incidents).where(_IS_OPEN)
_OPEN_OF = sa.select(incidents).where(_IS_OPEN, _IS_OF_JOB, incidents.c.job_id.in_(IDS))
_MOST: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer)
_PAST = (
    sa.select(
        executions.c.execution_id, executions.c.slot, executions.c.cause, executions.c.status, executions.c.reason,
        executions.c.started_at, executions.c.completed_at, executions.c.error, executions.c.source_revision,
        executions.c.digest,
    )
    .where(executions.c.job_id == sa.bindparam("job_id"))
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)  # fmt: skip
_LAST_GOOD = (
    sa.select(executions.c.source_revision)
    .where(executions.c.job_id == sa.bindparam("job_id"), executions.c.status == Status.COMPLETED)
    .order_by(executions.c.slot.desc())
    .limit(1)
)
_LAST_WRONG = (
    sa.select(progress.c.job_id)
    .join_from(progress, executions, progress.c.last_execution_id == executions.c.execution_id)
    .where(executions.c.status.in_(sa.bindparam("statuses", expanding=True)))
)
_NEWEST_WRONG = (
    sa.select(executions.c.job_id)
    .where(
        executions.c.status == sa.bindparam("status"),
        sa.text("executions.status NOT IN ('completed', 'running')"),  # literally, as its index says it
    )
    .order_by(executions.c.execution_id.desc())
    .limit(_MOST)
)
_NEWEST_SKIPPED = _NEWEST_WRONG.add_columns(executions.c.reason)
_WAITING = sa.select(progress.c.job_id).where(progress.c.next_slot < sa.bindparam("moment")).limit(_MOST)
_RUNNING = (
    sa.select(executions.c.job_id)
    .where(
        sa.text("executions.status = 'running'"),  # literally, as its index says it
        executions.c.kind == Kind.SCHEDULED,
        executions.c.slot < sa.bindparam("moment"),
    )
    .limit(_MOST)
)

_CAUSES = {str(one): one for one in Cause}
_STATUSES = {str(one): one for one in Status}


def _of(incident: Incident) -> dict[str, Any]:
    """The columns that judging changes."""
    return {
        "job_id": incident.subject,
        "kind": incident.kind,
        "began_at": incident.began_at,
        "failures": incident.failures,
        "first_execution_id": incident.first_execution_id,
        "last_execution_id": incident.last_execution_id,
        "error": incident.error,
        "source_revision": incident.source_revision,
        "good_revision": incident.good_revision,
        "ended_at": incident.ended_at,
        "end_reason": incident.end_reason,
        "told_at": incident.told_at,
    }


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(
        incident_id=row.incident_id,
        subject=row.job_id,
        kind=IncidentKind(row.kind),
        began_at=row.began_at,
        noticed_at=row.noticed_at,
        failures=row.failures,
        first_execution_id=row.first_execution_id,
        last_execution_id=row.last_execution_id,
        error=row.error,
        source_revision=row.source_revision,
        good_revision=row.good_revision,
        ended_at=row.ended_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        told_at=row.told_at,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        acknowledged_until=row.acknowledged_until,
    )
