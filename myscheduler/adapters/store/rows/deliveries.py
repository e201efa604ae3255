"""SQL of the outbox: what is to be told about incidents, and what was. Every function works inside the caller's
transaction.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import deliveries, incidents
from myscheduler.core.incidents.delivery import Delivery, DeliveryState
from myscheduler.core.incidents.notice import NoticeKind

MOST_OF_INCIDENT = 200
"""The most deliveries of one incident that are shown."""


def add(connection: sa.Connection, new: Iterable[Delivery]) -> None:
    """Queue notices."""
    rows = [
        {
            "delivery_id": one.delivery_id,
            "incident_id": one.incident_id,
            "channel": one.channel,
            "kind": one.kind,
            "at": one.at,
            "state": one.state,
            "next_at": one.next_at or one.at,
            "attempts": one.attempts,
        }
        for one in new
    ]
    if rows:
        connection.execute(sa.insert(deliveries), rows)


def begun_channels(connection: sa.Connection, incident_id: str) -> list[str]:
    """The channels that were told the beginning of an incident, or still are to be told."""
    query = sa.select(deliveries.c.channel).where(
        deliveries.c.incident_id == incident_id,
        deliveries.c.kind == NoticeKind.BEGAN,
        deliveries.c.state.in_([DeliveryState.WAITING, DeliveryState.SENT]),
    )
    return list(connection.execute(query.distinct()).scalars())


def may_have_begun(connection: sa.Connection, incident_id: str) -> list[str]:
    """The channels that were told the beginning of an incident, or may have been: a try was begun, and its end is not
    known.
    """
    query = sa.select(deliveries.c.channel).where(
        deliveries.c.incident_id == incident_id,
        deliveries.c.kind == NoticeKind.BEGAN,
        _WAS_TOLD | (_WAITS & deliveries.c.message_id.is_not(None)),
    )
    return list(connection.execute(query.distinct()).scalars())


def begun_of(connection: sa.Connection, incident_ids: Collection[str]) -> dict[str, set[str]]:
    """For each of these incidents, the channels for which its beginning was queued, unless it was never tried."""
    found: dict[str, set[str]] = {one: set() for one in incident_ids}
    for ids in id_lists(list(incident_ids)):
        for incident_id, channel in connection.execute(_BEGUN_OF, {"ids": ids}):
            found[incident_id].add(channel)
    return found


def waiting_channels(connection: sa.Connection) -> list[str]:
    """The channels with something to be told."""
    return list(connection.execute(sa.select(deliveries.c.channel).where(_WAITS).distinct()).scalars())


def waiting(connection: sa.Connection, channel: str, limit: int) -> list[Delivery]:
    """What waits for a channel, oldest first."""
    query = sa.select(deliveries).where(_WAITS, deliveries.c.channel == channel).order_by(deliveries.c.delivery_id)
    return [_delivery(row) for row in connection.execute(query.limit(limit))]


def still_waiting(connection: sa.Connection, delivery_ids: Sequence[str]) -> set[str]:
    """Those of these notices that wait."""
    query = sa.select(deliveries.c.delivery_id).where(deliveries.c.delivery_id.in_(IDS), _WAITS)
    return {one for ids in id_lists(delivery_ids) for one in connection.execute(query, {"ids": ids}).scalars()}


def begun_for(connection: sa.Connection, channel: str, incident_ids: Collection[str]) -> set[str]:
    """Those of these incidents whose beginning the channel was told."""
    found: set[str] = set()
    for ids in id_lists(list(incident_ids)):
        found |= set(connection.execute(_BEGUN, {"ids": ids, "channel": channel}).scalars())
    return found


def assign(connection: sa.Connection, delivery_ids: Sequence[str], message_id: str) -> None:
    """Record that notices make up a message, before it is sent for the first time."""
    for ids in id_lists(delivery_ids):
        connection.execute(_CHANGE.values(message_id=message_id), {"ids": ids})


def postpone(connection: sa.Connection, delivery_ids: Sequence[str], *, until: datetime, error: str) -> None:
    """Record an attempt that failed, and when to try again."""
    values = {"attempts": deliveries.c.attempts + 1, "next_at": until, "error": error}
    for ids in id_lists(delivery_ids):
        connection.execute(_CHANGE.values(**values), {"ids": ids})


def settle(
    connection: sa.Connection,
    delivery_ids: Sequence[str],
    state: DeliveryState,
    *,
    at: datetime,
    error: str | None = None,
    is_attempt: bool = True,
) -> None:
    """Record what became of notices; nothing more is done about them."""
    attempts = deliveries.c.attempts + (1 if is_attempt else 0)
    for ids in id_lists(delivery_ids):
        connection.execute(_CHANGE.values(state=state, settled_at=at, error=error, attempts=attempts), {"ids": ids})


def withdraw(connection: sa.Connection, incident_id: str, *, at: datetime) -> None:
    """Drop what waits of an incident."""
    is_it = _WAITS & (deliveries.c.incident_id == incident_id)
    connection.execute(sa.update(deliveries).where(is_it).values(state=DeliveryState.WITHDRAWN, settled_at=at))


def of_incident(connection: sa.Connection, incident_id: str) -> list[Delivery]:
    """What was, or is to be, told about an incident, oldest first."""
    query = sa.select(deliveries).where(deliveries.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(deliveries.c.delivery_id).limit(MOST_OF_INCIDENT))
    return [_delivery(row) for row in rows]


def remove_incidents(connection: sa.Connection, incident_ids: Sequence[str]) -> int:
    """Delete incidents and what was told about them; returns the number of deleted incidents."""
    count = 0
    for ids in id_lists(incident_ids):
        connection.execute(sa.delete(deliveries).where(deliveries.c.incident_id.in_(IDS)), {"ids": ids})
        count += connection.execute(sa.delete(incidents).where(incidents.c.incident_id.in_(IDS)), {"ids": ids}).rowcount
    return count


_WAITS = deliveries.c.state == sa.literal_column("'waiting'")  # literally, as its index says it
_CHANGE = sa.update(deliveries).where(deliveries.c.delivery_id.in_(IDS))
_WAS_TOLD = (deliveries.c.state == DeliveryState.SENT) | (
    # withdrawn between two tries, the first of which may have arrived
    (deliveries.c.state == DeliveryState.WITHDRAWN) & deliveries.c.message_id.is_not(None)
)
_BEGUN = sa.select(deliveries.c.incident_id).where(
    deliveries.c.incident_id.in_(IDS),
    deliveries.c.channel == sa.bindparam("channel"),
    deliveries.c.kind == NoticeKind.BEGAN,
    _WAS_TOLD,
)
_BEGUN_OF = (
    sa.select(deliveries.c.incident_id, deliveries.c.channel)
    .where(
        deliveries.c.incident_id.in_(IDS),
        deliveries.c.kind == NoticeKind.BEGAN,
        (deliveries.c.state != DeliveryState.FAILED) | (deliveries.c.attempts > 0),
    )
    .distinct()
)


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        incident_id=row.incident_id,
        channel=row.channel,
        kind=NoticeKind(row.kind),
        at=row.at,
        state=DeliveryState(row.state),
        next_at=row.next_at,
        message_id=row.message_id,
        attempts=row.attempts,
        error=row.error,
        settled_at=row.settled_at,
    )
