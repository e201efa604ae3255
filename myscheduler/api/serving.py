"""Serves the API with uvicorn, and ends that in order."""

import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from myscheduler.api.door.connections import Callers, protocol_for
from myscheduler.api.listening import acceptors
from myscheduler.service.dispatch.dispatcher import Dispatcher

HANG_UP_SEC = 3
"""How long a shutdown waits for API requests in progress."""

log = logging.getLogger(__name__)


def serving_metrics(server: uvicorn.Server, listener: socket.socket) -> Callable[[], Coroutine[None, None, None]]:
    host, port = listener.getsockname()[:2]
    log.info("metrics are served on http://%s:%d/metrics", host, port)
    return partial(server.serve, sockets=acceptors(listener))


def server_of(app: ASGIApp, callers: Callers) -> uvicorn.Server:
    return QuietServer(uvicorn.Config(
        app, http=protocol_for(callers), ws="none", log_config=None,
        access_log=False, lifespan="off", timeout_graceful_shutdown=HANG_UP_SEC,
        proxy_headers=False,  # else callers on this machine could claim any address
    ))  # fmt: skip


class QuietServer(uvicorn.Server):
    """Does not handle signals: uvicorn would end the process before the executions in progress are drained."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def begin_stop(dispatcher: Dispatcher, server: uvicorn.Server) -> str | None:
    """Begin an orderly shutdown. Returns what it waits for, as text; `None` for nothing."""
    dispatcher.hold()
    server.should_exit = True
    count = len(server.server_state.tasks)
    requests = f"{count:,} API request{'s' if count != 1 else ''}" if count else None
    return "; ".join(part for part in (requests, dispatcher.waits_for()) if part) or None


def hurry(dispatcher: Dispatcher, server: uvicorn.Server) -> None:
    server.force_exit = True
    for task in server.server_state.tasks:
        task.cancel()
    for connection in server.server_state.connections:
        connection.transport.abort()
    dispatcher.hurry()
