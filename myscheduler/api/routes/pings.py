"""`/ping/{key}`: work that runs elsewhere tells how it went. The key in the path is the only credential."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from myscheduler.api.errors import BadRequestError, problem
from myscheduler.core.bounds import LARGEST_BODY
from myscheduler.core.dispatch.hearing import LOG_BYTES, heard
from myscheduler.messages.message import said
from myscheduler.service.dispatch.dispatcher import Dispatcher

Rid = Annotated[str | None, Query(alias="rid", max_length=64)]
"""Senders tell runs that overlap apart by it; here, the oldest that waits is meant."""


def pings_router(dispatcher: Dispatcher) -> APIRouter:
    """They are no part of the REST API, but the protocol of Healthchecks: neither below its base, nor in its
    document.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route("/ping/{key}", methods=["GET", "POST"])
    @router.api_route("/ping/{key}/{action}", methods=["GET", "POST"])
    async def ping(request: Request, key: str, action: str = "", _rid: Rid = None) -> Response:
        """Record what is reported; the answer comes once it is recorded."""
        body, size = await _end_of_body(request)
        told = heard(action, body, size)
        if told is None:
            return problem(404, said("ping-action-unknown"))
        if not await dispatcher.hear(key, told):
            return problem(404, said("ping-unknown"))
        return PlainTextResponse("OK", headers={"Ping-Body-Limit": str(LOG_BYTES)})

    return router


async def _end_of_body(request: Request) -> tuple[bytes, int]:
    """The last `LOG_BYTES` of the body, and its whole size. Raises `BadRequestError` (413) for a huge one."""
    end, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise BadRequestError(said("body-too-large", mib=LARGEST_BODY // 1024**2), status=413)
        end = (end + chunk)[-LOG_BYTES:]
    return bytes(end), size
