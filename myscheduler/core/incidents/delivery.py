"""What is told about incidents, to which channel, and how it went: the outbox.

A notice waits for a while, so that what begins together is told together. Then all that waits for a channel becomes one
message, which is sent until it arrives, or its channel refuses it, or it is too old.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from myscheduler.core.incidents.notice import Message, NoticeKind

WAIT = timedelta(seconds=30)
"""How long the first notice for a channel waits for others."""
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(minutes=15)
LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A channel that asks for a longer pause is tried earlier."""
GIVEN_UP_AFTER = timedelta(days=2)
"""A notice that still can't be delivered then is given up."""
MOST_IN_MESSAGE = 1_000
"""The most notices of one message; the others follow in the next one."""
MOST_WITHOUT_DIGESTS = 20
"""The same where each notice is a request of its own: a message that fails is sent again as a whole, and services that
limit requests would never take a long one.
"""


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    """It will not be sent any more."""
    WITHDRAWN = "withdrawn"
    """There is nothing left to tell: its incident ended without a recovery, or its beginning was never told."""


class Tried(StrEnum):
    """What became of a message by one try to deliver it."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    """It is tried again later."""
    FAILED = "failed"
    """It is given up."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice for one channel."""

    delivery_id: str
    """A UUID of version 7, which is the id of the notice."""
    incident_id: str
    channel: str
    kind: NoticeKind
    at: datetime
    state: DeliveryState = DeliveryState.WAITING
    next_at: datetime | None = None
    """While it waits: not before then; `None` for as soon as possible."""
    message_id: str | None = None
    """The message that it is a part of, once this is composed: each further try sends the same message."""
    attempts: int = 0
    error: str | None = None
    """Why the last attempt failed."""
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A channel took a message."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A channel did not take a message."""

    why: str
    is_permanent: bool = False
    """Whether trying again is of no use."""
    retry_after: timedelta | None = None
    """How long the channel asks to wait."""


DELIVERED: Final = Delivered()


class Channel(Protocol):
    """Where messages go: a chat, a mailbox, a service."""

    @property
    def name(self) -> str:
        """Its name in `notifications.yaml`."""
        ...

    @property
    def keeps_alerts(self) -> bool:
        """Whether its service keeps what begins as open until it is told the end, so that it has to be told each."""
        ...

    @property
    def takes_digests(self) -> bool:
        """Whether a message is one request, however many notices it has."""
        ...

    def quiet_until(self, now: datetime) -> datetime | None:
        """The end of the quiet hours at that moment, until which messages are held; `None` outside of them."""
        ...

    async def send(self, message: Message) -> Delivered | Failed:
        """Send one message. It has time limits of its own, and raises nothing because a channel fails."""
        ...


@dataclass(frozen=True, slots=True)
class Composed:
    """What is to be sent of the notices that wait for a channel, and what is not."""

    told: tuple[Delivery, ...]
    """The notices of the message, one for each incident, in order."""
    merged: tuple[Delivery, ...] = ()
    """Notices that a later one of the same message includes."""
    withdrawn: tuple[Delivery, ...] = ()


def ready_at(waiting: Iterable[Delivery]) -> datetime | None:
    """When something is to be sent of what waits for one channel: when a composed message may be tried again, else when
    the first notice has waited long enough. `None` if nothing waits.
    """
    rows = list(waiting)
    composed = [one for one in rows if one.message_id is not None]
    return min((one.next_at or one.at for one in composed or rows), default=None)


def chosen(waiting: Sequence[Delivery], most: int) -> list[Delivery]:
    """The notices that are sent next of those that wait for one channel: those of a message that was composed before,
    which has to arrive first, or as many as there are, but not more than `most`.
    """
    composed = [one for one in waiting if one.message_id is not None]
    if composed:
        return [one for one in composed if one.message_id == composed[0].message_id]
    return list(waiting[:most])


def compose(
    rows: Iterable[Delivery], *, told: Collection[str], stored: Collection[str], orphaned: Collection[str] = ()
) -> Composed:
    """Sort out the notices of one message, in order.

    Of one incident, the last notice includes those before it. A recovery is only told with or after its beginning;
    `told` are the incidents whose beginning the channel was told. Only of `stored` incidents anything is told, and of
    `orphaned` ones, whose jobs are gone, only the end, to a channel that was told the beginning.
    """
    of_incident: dict[str, list[Delivery]] = defaultdict(list)
    for one in sorted(rows, key=lambda row: row.delivery_id):
        of_incident[one.incident_id].append(one)
    last: list[Delivery] = []
    merged: list[Delivery] = []
    withdrawn: list[Delivery] = []
    for incident_id, notices in of_incident.items():
        has_begun = incident_id in told or any(one.kind is NoticeKind.BEGAN for one in notices)
        is_left = incident_id not in orphaned or (incident_id in told and notices[-1].kind is NoticeKind.RECOVERED)
        is_closed = notices[-1].kind is NoticeKind.CLOSED  # only queued where it may have begun
        if incident_id in stored and (is_closed or (has_begun and is_left)):
            merged += notices[:-1]
            last.append(notices[-1])
        else:
            withdrawn += notices
    return Composed(tuple(last), tuple(merged), tuple(withdrawn))


def next_try(failed: Failed, attempts: int, *, at: datetime, now: datetime) -> datetime | None:
    """When a message that waits since `at` is tried again after so many failed attempts; `None` if it is given up."""
    if failed.is_permanent or now - at >= GIVEN_UP_AFTER:
        return None
    pause = min(FIRST_BACKOFF * (1 << min(attempts - 1, 20)), LONGEST_BACKOFF)
    if failed.retry_after is not None:
        pause = max(pause, min(failed.retry_after, LONGEST_RETRY_AFTER))
    return now + pause
