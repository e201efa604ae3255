"""The composition root: creates and connects the parts of the service (clock, store, sender, dispatcher, server).

Parts are stopped in the reverse order.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import uvicorn
import uvloop

from myscheduler import __version__
from myscheduler.adapters.http.jwks import open_key_sets
from myscheduler.adapters.http.sender import open_sender
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.store import open_store
from myscheduler.api import create_api
from myscheduler.api.door.authentication import Access, Credentials, Declarations
from myscheduler.api.door.connections import Callers, protocol_for
from myscheduler.api.listening import (
    acceptors,
    is_reachable,
    listen,
    own_names,
    refuse_an_open_api,
    warn_of_an_open_api,
)
from myscheduler.core import caching
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.access.roles import Role
from myscheduler.core.access.sessions import SessionKey
from myscheduler.machine import memory
from myscheduler.machine.open_files import share_out
from myscheduler.machine.shutdown import Shutdown, end_at_once
from myscheduler.service.access.jwt_verifier import JwtVerifier
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.catalog.loaded import tell_loaded
from myscheduler.service.dispatch.caller import LocalCaller
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.store_health import StoreHealth
from myscheduler.service.upkeep.clock_watch import Timekeeper
from myscheduler.service.upkeep.heartbeat import Heartbeat
from myscheduler.service.upkeep.pauses import end_pauses
from myscheduler.service.upkeep.pruner import Pruner
from myscheduler.settings import Settings

HANG_UP_SEC = 3
"""How long a shutdown waits for API requests in progress."""

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Run the service until SIGTERM or SIGINT and return the exit code. Raises `MySchedulerError` if it can't start."""
    memory.settle()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_serve(settings))
        log.info("stopped")
        return code


async def _serve(settings: Settings) -> int:
    shutdown = Shutdown()
    shutdown.listen()
    async with AsyncExitStack() as stack:
        stack.callback(shutdown.close)
        listener = stack.enter_context(listen(settings.host, settings.port))
        log.debug("opening the database")
        store = await asyncio.to_thread(stack.enter_context, open_store(settings.database_url))
        open_at_once = share_out(settings.in_flight)
        sender = await stack.enter_async_context(
            open_sender(
                connections=0,
                connections_per_host=0,
                max_age_sec=settings.connection_max_age,
                reach=lambda: reconciler.rulebook.reach,
            )
        )
        key_sets = await stack.enter_async_context(open_key_sets())
        secrets = Secrets(settings.secrets_dir, os.environ)
        store_health = StoreHealth(store, now=_now)
        caller = LocalCaller(
            sender, secrets, grants=lambda: reconciler.rulebook.grants, user_agent=f"myscheduler/{__version__}"
        )
        dispatcher = Dispatcher(
            store,
            caller,
            store_health,
            zone=settings.zone,
            now=_now,
            in_flight=open_at_once.scheduled,
            in_flight_per_host=settings.in_flight_per_host,
            manual=open_at_once.manual,
        )
        catalog = Catalog(store, zone=settings.zone, now=_now, arm=dispatcher.arm)
        source = DirectorySource(settings.jobs_dir)
        reconciler = Reconciler(source, store, catalog, dispatcher.changes, zone=settings.zone, now=_now)
        pruner = Pruner(store, days=settings.history_days, rows=settings.history_rows, now=_now)
        timekeeper = Timekeeper(dispatcher, catalog, now=_now)
        is_exposed = is_reachable(listener) or bool(settings.trusted_proxies)
        api = create_api(
            store,
            catalog,
            dispatcher,
            reconciler,
            store_health,
            zone=settings.zone,
            source=str(settings.jobs_dir),
            now=_now,
            access=replace(
                _access(settings, is_reachable=is_exposed),
                declared=Declarations(lambda: reconciler.access.rules, JwtVerifier(key_sets), now=_now),
            ),
            grants=lambda: reconciler.rulebook.grants,
            hosts=AllowedHosts.of(settings.allowed_hosts, own_names(settings.host, listener)),
            requests_at_once=open_at_once.callers // 2,
        )
        server = _Server(uvicorn.Config(
            api, http=protocol_for(Callers(open_at_once.callers)), ws="none", log_config=None,
            access_log=False, lifespan="off", timeout_graceful_shutdown=HANG_UP_SEC,
            proxy_headers=False,  # else callers on this machine could claim any address
        ))  # fmt: skip

        heartbeat = Heartbeat(store, now=_now)

        async def check_that_it_is_not_open() -> None:
            """Credentials may come from the settings, the database, and the source, which is read by now."""
            if settings.is_insecure:
                warn_of_an_open_api(settings.host)
            elif not await api.state.authentication.has_credentials():
                refuse_an_open_api(settings.host, is_proxied=bool(settings.trusted_proxies))

        async def begin() -> None:
            stack.push_async_callback(heartbeat.end)
            await heartbeat.begin()
            await reconciler.reconcile()
            if is_exposed:
                await check_that_it_is_not_open()
            stack.push_async_callback(dispatcher.stop, settings.drain_sec)
            await dispatcher.recover()
            await tell_loaded(
                await catalog.load(),
                secrets,
                held=len(reconciler.state.held),
                jobs_dir=settings.jobs_dir,
                database_url=settings.database_url,
            )

        shutdown.on_second = lambda: dispatcher.hurry() if dispatcher.waits_for() else end_at_once()
        if not await shutdown.unless_asked(begin()):
            return 0
        shutdown.on_first, shutdown.on_second = (
            partial(_begin_stop, dispatcher, server),
            partial(_hurry, dispatcher, server),
        )
        dispatcher.start()
        memory.keep()
        log.info(
            "MyScheduler %s serves on http://%s:%d/docs",
            __version__,
            settings.host,
            listener.getsockname()[1],
            extra={"jobs_dir": str(settings.jobs_dir), "timezone": settings.zone},
        )
        background = {
            "reconciler": reconciler.run,
            "pruner": pruner.run,
            "pauses": lambda: end_pauses(catalog),
            "timekeeper": timekeeper.run,
            "heartbeat": heartbeat.run,
            "memory": lambda: memory.keep_small(caching.forget),
        }
        return await _until_stopped(server, listener, dispatcher, background)


async def _until_stopped(
    server: uvicorn.Server,
    listener: socket.socket,
    dispatcher: Dispatcher,
    background: Mapping[str, Callable[[], Coroutine[None, None, None]]],
) -> int:
    """Returns the exit code: 0 after a signal, 1 if a task ended that should run until then."""
    serving = asyncio.create_task(server.serve(sockets=acceptors(listener)), name="server")
    others = [asyncio.create_task(run(), name=name) for name, run in background.items()]
    done, _ = await asyncio.wait({serving, *others, *dispatcher.loops}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for other in others:
        other.cancel()
    await asyncio.gather(serving, *others, return_exceptions=True)
    broken = [task for task in done if task is not serving or task.exception()]
    for task in broken:
        log.critical("%s ended unexpectedly: the service stops", task.get_name(), exc_info=task.exception())
    return 1 if broken else 0


class _Server(uvicorn.Server):
    """Does not handle signals: uvicorn would end the process before the executions in progress are drained."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _begin_stop(dispatcher: Dispatcher, server: uvicorn.Server) -> str | None:
    """Begin an orderly shutdown. Returns what it waits for, as text; `None` for nothing."""
    dispatcher.hold()
    server.should_exit = True
    count = len(server.server_state.tasks)
    requests = f"{count:,} API request{'s' if count != 1 else ''}" if count else None
    return "; ".join(part for part in (requests, dispatcher.waits_for()) if part) or None


def _hurry(dispatcher: Dispatcher, server: uvicorn.Server) -> None:
    server.force_exit = True
    for task in server.server_state.tasks:
        task.cancel()
    for connection in server.server_state.connections:
        connection.transport.abort()
    dispatcher.hurry()


def _access(settings: Settings, *, is_reachable: bool) -> Access:
    """Without a secret of their own, sessions end with the process.

    The static token alone must not sign them: whoever has it could then sign sessions of any role, and whoever has a
    session could guess it. It is a part of the secret, so that sessions that began with it end when it changes.
    """
    signed = f"{settings.session_secret}\n{settings.api_token_role}\n{settings.api_token or ''}".encode()
    return Access(
        Credentials(
            settings.api_token,
            Role(settings.api_token_role),
            is_reachable=is_reachable,
            is_insecure=settings.is_insecure,
        ),
        sessions=SessionKey(signed if settings.session_secret else os.urandom(32)),
        clients=ClientRules(Networks.of(settings.trusted_proxies), Networks.of(settings.allowed_clients)),
    )


def _now() -> datetime:
    return datetime.now(UTC)
