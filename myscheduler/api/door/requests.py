"""Logs each request and the status of its answer at DEBUG, without query, headers and body."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.core.findings.masking import masked_text

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware that writes one log line per request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.DEBUG):
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            client = scope.get("client")
            log.debug(
                "request",
                extra={
                    "method": scope["method"],
                    "path": masked_text(scope["path"]),  # it may name a token that is to be revoked
                    "status": status,
                    "duration_ms": round(1000 * (time.perf_counter() - began), 1),
                    "client": client[0] if client else None,
                },
            )
