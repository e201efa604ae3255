"""`/api/v1/notifications/test`: tries a channel as an incident would, without one."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import actor_of, read_fields
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.shapes.documented import CHANNEL_TEST, IDEMPOTENCY_KEY, answers_with, body_of
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.incidents.delivery import Failed
from myscheduler.core.incidents.notice import Message, Notice, NoticeKind
from myscheduler.core.notifications.channels import Channel
from myscheduler.core.notifications.notifications_file import Notifications
from myscheduler.core.notifications.overrides import unknown_channel
from myscheduler.messages.message import Coded, coded_or_none, said
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.notifications.courier import Courier
from myscheduler.service.notifications.troubles import ChannelTroubles

log = logging.getLogger(__name__)


class ChannelTestView(TypedDict):
    channel: str
    delivered: bool
    error: str | None
    """Why it was not delivered; null if it was."""
    error_coded: Coded | None
    permanent: bool
    """Whether another try would fail, too."""


def notifications_router(
    courier: Courier,
    troubles: ChannelTroubles,
    notifications: Callable[[], Notifications],
    catalog: Catalog,
    *,
    repeats: Repeats,
    now: Callable[[], datetime],
) -> APIRouter:
    """`troubles` hears of tests that arrive. `notifications` returns what is in force."""
    router = APIRouter(prefix="/notifications", tags=["notifications"])
    described = body_of(CHANNEL_TEST, ["channel"]) | {"parameters": [IDEMPOTENCY_KEY]}

    @router.post("/test", operation_id="test_channel", responses=answers_with(ChannelTestView), openapi_extra=described)
    async def test_channel(request: Request) -> JSONResponse:
        """Send a test through a channel now, also in its quiet hours. It is tried once; a failure is in the answer."""
        body = await read_fields(request, channel=str, by=str)
        channel = named(body.get("channel"))
        actor = actor_of(request, body)

        async def run(key: RequestKey | None) -> Mapping[str, Any]:
            view = await tried(channel, actor)
            await catalog.record(None, key.kept(view) if key else None)
            return view

        return await repeats.answer(request, body, run)

    def named(name: str | None) -> Channel:
        if name is None:
            raise InvalidInputError([Complaint(("channel",), "missing-field", said("is-missing"))])
        channel = notifications().channels.get(name)
        if channel is None:
            message = unknown_channel(name, notifications().channels)
            raise InvalidInputError([Complaint(("channel",), "unknown-channel", message)])
        return channel

    async def tried(channel: Channel, actor: str) -> dict[str, Any]:
        notice_id = str(uuid4())
        delivery = await courier.send(
            channel, Message(notice_id, (Notice(notice_id, NoticeKind.TEST, now(), None, None),))
        )
        failed = delivery if isinstance(delivery, Failed) else None
        if failed is None:
            troubles.delivered(channel.name)
        log.info("channel tried", extra={"channel": channel.name, "by": actor, "delivered": failed is None})
        view = ChannelTestView(
            channel=channel.name,
            delivered=failed is None,
            error=failed.why if failed else None,
            error_coded=coded_or_none(failed.why if failed else None),
            permanent=failed is not None and failed.is_permanent,
        )
        return dict(view)

    return router
