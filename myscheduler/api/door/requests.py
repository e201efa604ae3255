"""Logs each request and the status of its answer, without query, headers and body."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.core.findings.masking import masked_text

LONGEST_PATH = 1_000
"""The most characters of a path that are logged."""

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI layer that writes one log line per request: at INFO if it is an access log, else at DEBUG."""

    def __init__(self, app: ASGIApp, *, is_access_log: bool = False) -> None:
        self._app = app
        self._is_access_log = is_access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        level = logging.INFO if self._is_access_log and not _is_check(scope) else logging.DEBUG
        if not log.isEnabledFor(level):
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), None
        state = scope.setdefault("state", {})  # where the guard of the route puts the caller

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            principal = state.get("principal")
            log.log(
                level,
                "request",
                extra={
                    "method": scope["method"],
                    "path": masked_text(scope["path"][:LONGEST_PATH]),  # it may name a token that is to be revoked
                    "status": status,
                    "duration_ms": round(1000 * (time.perf_counter() - began), 1),
                    "client": scope.get("client_address") or None,
                    "by": principal.name if principal else None,
                },
            )


def _is_check(scope: Scope) -> bool:
    """Whether an orchestrator asks, as it does every few seconds, whether the service is well."""
    return f"{scope['path']}/".startswith("/health/")
