"""The courier: makes one try to deliver a message to a channel.

It never raises for what a service does, keeps no state, and has limits of its own, so that no call of a job
waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import assert_never

from myscheduler import __version__
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.adapters.http.trust import tls_context
from myscheduler.adapters.notify.apprise_notes import AppriseNotes
from myscheduler.adapters.notify.smtp import Mailer
from myscheduler.adapters.secret_files import Secrets
from myscheduler.core.calls.link_local import Reach
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.calls.signatures import KeyFormError
from myscheduler.core.incidents.delivery import DELIVERED, Delivered, Failed
from myscheduler.core.incidents.notice import Message
from myscheduler.core.notifications.channels import Apprise, Channel, Email
from myscheduler.core.notifications.delivery import delivery_of
from myscheduler.core.notifications.payloads import Mail, Note, Payload, Post, render
from myscheduler.core.policy.guard import Guard
from myscheduler.core.secrets.redaction import Secret, redact
from myscheduler.messages.message import said

TIMEOUT_SEC = 15.0
CONNECTIONS = 20
CONNECTIONS_PER_HOST = 4
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"myscheduler/{__version__}"}


class Courier:
    """Delivers messages. Use `open_courier`."""

    def __init__(
        self,
        sender: Sender,
        mailer: Mailer,
        notes: AppriseNotes,
        secrets: Secrets,
        *,
        public_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._sender = sender
        self._mailer = mailer
        self._notes = notes
        self._secrets = secrets
        self._public_url = public_url
        self._now = now

    async def send(self, channel: Channel, message: Message) -> Delivered | Failed:
        """Make one try, with the present values of the channel's secrets."""
        found = await self._secrets.find(channel.secrets)
        if isinstance(found, Outcome):
            return Failed(found.error or str(found.failure))  # it may be mounted later
        filled = channel.filled({name: secret.value for name, secret in found.items()})
        try:
            payload = await asyncio.to_thread(  # a digest of a thousand jobs takes long
                render, filled, message, public_url=self._public_url, at=self._now()
            )
        except KeyFormError:
            return Failed(said("signing-key-form"), is_permanent=True)
        secrets = tuple(found.values())
        delivery = await self._deliver(filled, payload, secrets)
        return _redacted(delivery, secrets)

    async def _deliver(self, channel: Channel, payload: Payload, secrets: tuple[Secret, ...]) -> Delivered | Failed:
        match payload:
            case tuple():
                return await self._post_all(payload, secrets)
            case Mail():
                assert isinstance(channel.service, Email)  # noqa: S101 -- `render` made it for this service
                return await self._mailer.send(channel.service, payload)
            case Note():
                assert isinstance(channel.service, Apprise)  # noqa: S101 -- as above
                return await self._notes.send(channel.service, payload)
            case _:
                assert_never(payload)

    async def _post_all(self, posts: tuple[Post, ...], secrets: tuple[Secret, ...]) -> Delivered | Failed:
        """In order, up to the first that fails: receivers recognise what they get again."""
        for post in posts:
            request = Request("POST", post.url, {**_HEADERS, **post.headers}, post.body, TIMEOUT_SEC, secrets)
            delivery = delivery_of(await self._sender.send(request), self._now())
            if isinstance(delivery, Failed):
                return delivery
        return DELIVERED


def _redacted(delivery: Delivered | Failed, secrets: tuple[Secret, ...]) -> Delivered | Failed:
    """Servers may repeat what they were sent."""
    if not isinstance(delivery, Failed):
        return delivery
    shown = redact(delivery.why, secrets)
    return delivery if shown == delivery.why else Failed(shown, delivery.is_permanent, delivery.retry_after)


@lru_cache(maxsize=2)  # connections are kept as long as the guard is
def _guard_of(reach: Reach) -> Guard:
    """Operators declare the channels, so no other rule of the policy counts for them."""
    return Guard(reach=reach)


@asynccontextmanager
async def open_courier(
    secrets: Secrets, *, reach: Callable[[], Reach], public_url: str, now: Callable[[], datetime]
) -> AsyncIterator[Courier]:
    """Open the connections of notifications, which are not those of jobs, and close them at the end.

    `reach` returns which link-local addresses may be called; the policy's rule for jobs counts for channels, too.
    `public_url` is where readers find the dashboard, or empty. Raises `SettingError` if trusted certificates can't be
    read.
    """
    opened = open_sender(
        connections=CONNECTIONS, connections_per_host=CONNECTIONS_PER_HOST, guard=lambda: _guard_of(reach())
    )
    notes = AppriseNotes()
    try:
        async with opened as sender:
            yield Courier(sender, Mailer(tls_context, reach), notes, secrets, public_url=public_url, now=now)
    finally:
        notes.close()
