"""The composition root: creates and connects the parts of the service (clock, store, sender, dispatcher, server).

Parts are stopped in the reverse order.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module

import uvicorn
import uvloop

from myscheduler import __version__
from myscheduler.adapters.http.jwks import open_key_sets
from myscheduler.adapters.http.own_places import OwnPlaces
from myscheduler.adapters.http.pings import Pings
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.store import Store, open_store
from myscheduler.api import create_api
from myscheduler.api.door.authentication import Access, Authentication, Credentials, Declarations
from myscheduler.api.door.connections import Callers
from myscheduler.api.listening import (
    acceptors,
    is_reachable,
    listen,
    own_names,
    refuse_an_open_api,
    warn_of_an_open_api,
)
from myscheduler.api.serving import begin_stop, hurry, server_of, serving_metrics
from myscheduler.core import caching
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.access.roles import Role
from myscheduler.core.access.sessions import SessionKey
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.calls.trace import Sampling, exports_spans, sampling_of
from myscheduler.core.metrics.label_names import label_names
from myscheduler.core.templates.variables import variables_of
from myscheduler.errors import SettingError
from myscheduler.machine import memory
from myscheduler.machine.open_files import share_out
from myscheduler.machine.shutdown import Shutdown, end_at_once
from myscheduler.service.access.jwt_verifier import JwtVerifier
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.catalog.loaded import tell_loaded
from myscheduler.service.dispatch.calling import CallSettings
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.guard_in_force import GuardInForce
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.incidents.contacts import DeclaredContacts
from myscheduler.service.incidents.deliverer import Deliverer
from myscheduler.service.incidents.follower import Follower
from myscheduler.service.incidents.targets import TargetWatch
from myscheduler.service.notifications.courier import Courier, open_courier
from myscheduler.service.notifications.troubles import ChannelTroubles
from myscheduler.service.senders.fleet import SenderCounts
from myscheduler.service.senders.messages import Setup
from myscheduler.service.senders.opening import open_caller
from myscheduler.service.store_health import StoreHealth
from myscheduler.service.upkeep.certificate_watch import CertificateWatch
from myscheduler.service.upkeep.clock_watch import Timekeeper
from myscheduler.service.upkeep.gone import Gone
from myscheduler.service.upkeep.heartbeat import Heartbeat
from myscheduler.service.upkeep.pauses import end_pauses
from myscheduler.service.upkeep.pinging import Pinging
from myscheduler.service.upkeep.pruner import Pruner
from myscheduler.settings import Settings
from myscheduler.web import add_dashboard
from myscheduler.web.shell import Instance

log = logging.getLogger(__name__)

Tasks = dict[str, Callable[[], Coroutine[None, None, None]]]
"""What runs until the service stops, by name."""


def serve(settings: Settings) -> int:
    """Run the service until SIGTERM or SIGINT and return the exit code. Raises `MySchedulerError` if it can't start."""
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
        metrics_listener = _listen_for_metrics(stack, settings)
        log.debug("opening the database")
        store = await asyncio.to_thread(stack.enter_context, open_store(settings.database_url))
        open_at_once, certificates = share_out(settings.in_flight), Certificates()
        own_ports, senders = _ports(listener, metrics_listener), SenderCounts(settings.senders)
        guard = GuardInForce(
            lambda: reconciler.rulebook.rules,
            api_may_call_private=settings.api_private_targets == "allow",
            is_own=OwnPlaces(own_ports),
        )
        key_sets = await stack.enter_async_context(open_key_sets())
        secrets = Secrets(settings.secrets_dir, os.environ)
        courier = await stack.enter_async_context(
            open_courier(secrets, reach=lambda: reconciler.rulebook.reach, public_url=settings.public_url, now=_now)
        )
        store_health, sampling = StoreHealth(store, now=_now), _sampling(os.environ)
        caller = await stack.enter_async_context(
            open_caller(
                _setup(settings, sampling, own_ports),
                senders,
                guard=guard,
                rules=lambda: reconciler.rulebook.rules,
                certificate_seen=certificates.seen,
            )
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
        await _export_spans(dispatcher, sampling, stack)
        catalog = Catalog(
            store,
            zone=settings.zone,
            now=_now,
            running=dispatcher,
            most_api_jobs=settings.max_api_jobs,
        )
        reconciler = Reconciler(
            DirectorySource(settings.jobs_dir),
            store,
            catalog,
            dispatcher.changes,
            zone=settings.zone,
            now=_now,
            variables=variables_of(os.environ),
            limit=dispatcher.limit,
        )
        timekeeper = Timekeeper(dispatcher, catalog, now=_now)
        troubles = ChannelTroubles(dispatcher.changes.of_incidents)
        deliverer, follower, watch = _who_tells(
            settings, store, dispatcher, reconciler, courier, troubles, certificates
        )
        pinging = _pinging(settings, store_health, reconciler)
        is_exposed = is_reachable(listener) or bool(settings.trusted_proxies)
        api = create_api(
            store,
            catalog,
            dispatcher,
            reconciler,
            store_health,
            courier,
            zone=settings.zone,
            source=str(settings.jobs_dir),
            now=_now,
            access=replace(
                _access(settings, is_reachable=is_exposed),
                declared=Declarations(lambda: reconciler.access.rules, JwtVerifier(key_sets), now=_now),
            ),
            grants=lambda: reconciler.rulebook.grants,
            call_guard=guard,
            hosts=AllowedHosts.of(settings.allowed_hosts, own_names(settings.host, listener)),
            requests_at_once=open_at_once.callers // 2,
            requests_a_minute=settings.rate_limit,
            root_path=settings.root_path,
            clock_jumps=timekeeper.jumps,
            deliveries=deliverer.counts,
            certificates=certificates,
            senders=senders,
            troubles=troubles,
            last_heartbeat=lambda: pinging.last_success if pinging else None,
            metric_labels=label_names(settings.metrics_labels),
            has_own_metrics=metrics_listener is not None,
            is_access_logged=settings.is_access_logged,
        )
        add_dashboard(
            api, Instance(settings.name, settings.color, __version__, settings.zone, root_path=settings.root_path)
        )
        callers = Callers(open_at_once.callers)
        server = server_of(api, callers)

        heartbeat = Heartbeat(store, now=_now)

        async def begin() -> None:
            stack.push_async_callback(heartbeat.end)
            await heartbeat.begin()
            await reconciler.reconcile()
            if is_exposed:
                await _check_that_it_is_not_open(settings, api.state.authentication)
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
            partial(begin_stop, dispatcher, server),
            partial(hurry, dispatcher, server),
        )
        dispatcher.start()
        memory.keep()
        log.info(
            "MyScheduler %s serves on http://%s:%d%s/ui/",
            __version__,
            settings.host,
            listener.getsockname()[1],
            settings.root_path,
            extra={"jobs_dir": str(settings.jobs_dir), "timezone": settings.zone},
        )
        background: Tasks = {
            "reconciler": reconciler.run,
            "pruner": Pruner(store, days=settings.history_days, rows=settings.history_rows, now=_now).run,
            "pauses": lambda: end_pauses(catalog),
            "gone": _watch_for_gone(store, catalog, dispatcher),
            "timekeeper": timekeeper.run,
            "heartbeat": heartbeat.run,
            "certificates": CertificateWatch(certificates, hosts=dispatcher.hosts, now=_now).run,
            "memory": lambda: memory.keep_small(caching.forget),
            "incidents": follower.run,
            "incidents of targets": watch.run,
            "deliveries": deliverer.run,
            "job histories": api.state.job_histories.run,
        }
        if metrics_listener is not None:
            background["metrics"] = serving_metrics(server_of(api.state.metrics, callers), metrics_listener)
        background |= {"pinging": pinging.run} if pinging is not None else {}
        return await _until_stopped(server, listener, dispatcher, background)


async def _check_that_it_is_not_open(settings: Settings, authentication: Authentication) -> None:
    """Credentials may come from the settings, the database, and the source, which is read by now."""
    if settings.is_insecure:
        warn_of_an_open_api(settings.host)
    elif not await authentication.has_credentials():
        refuse_an_open_api(settings.host, is_proxied=bool(settings.trusted_proxies))


def _ports(*listeners: socket.socket | None) -> frozenset[int]:
    return frozenset(one.getsockname()[1] for one in listeners if one is not None)


def _setup(settings: Settings, sampling: Sampling, own_ports: frozenset[int]) -> Setup:
    return Setup(
        CallSettings(settings.jobs_dir, settings.secrets_dir, settings.zone, settings.connection_max_age, sampling),
        api_may_call_private=settings.api_private_targets == "allow",
        own_ports=own_ports,
        log_level=settings.level,
        log_format=settings.log_format,
    )


def _watch_for_gone(
    store: Store, catalog: Catalog, dispatcher: Dispatcher
) -> Callable[[], Coroutine[None, None, None]]:
    gone = Gone(store, catalog)
    dispatcher.on_end(gone.note)
    return gone.run


def _who_tells(
    settings: Settings,
    store: Store,
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    courier: Courier,
    troubles: ChannelTroubles,
    certificates: Certificates,
) -> tuple[Deliverer, Follower, TargetWatch]:
    """What tells people of trouble, and what looks for it: that of jobs, and that of targets and hosts."""
    contacts = DeclaredContacts(lambda: reconciler.notifications.rules, courier, zone=settings.zone)
    deliverer = Deliverer(store, contacts, troubles, zone=settings.zone, now=_now)
    follower = Follower(store, dispatcher.changes, contacts, dispatcher.chains, zone=settings.zone, now=_now,
                        tell=deliverer.wake)  # fmt: skip
    watch = TargetWatch(
        store, dispatcher.changes, contacts, certificates, jobs=dispatcher.jobs, now=_now, tell=deliverer.wake,
        pressures=lambda: dispatcher.targets.pressures(reconciler.targets.rules.known),
    )  # fmt: skip
    return deliverer, follower, watch


async def _until_stopped(
    server: uvicorn.Server,
    listener: socket.socket,
    dispatcher: Dispatcher,
    background: Tasks,
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


def _listen_for_metrics(stack: AsyncExitStack, settings: Settings) -> socket.socket | None:
    if settings.metrics_port is None:
        return None
    name = "MYSCHEDULER_METRICS_PORT (--metrics-port)"
    return stack.enter_context(listen(settings.host, settings.metrics_port, setting=name))


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


def _sampling(environment: Mapping[str, str]) -> Sampling:
    """The variables of OpenTelemetry are often set for all programs of a cluster, so no value stops the service."""
    try:
        return sampling_of(environment)
    except ValueError as error:
        log.warning("%s; all traces are marked as recorded, unless their callers decided otherwise", error)
        return Sampling()


async def _export_spans(dispatcher: Dispatcher, sampling: Sampling, stack: AsyncExitStack) -> None:
    """Export spans until the dispatcher has stopped, if a collector is named. Without the library, log a warning."""
    if not exports_spans(os.environ):
        return
    try:
        otlp = await asyncio.to_thread(import_module, "myscheduler.adapters.otlp")  # 15 MB that few need
    except ImportError as error:
        log.warning("no spans are exported: install the extra `otel` of myscheduler (%s)", error)
        return
    try:
        spans = otlp.SpanExport(sampling, version=__version__)
    except ValueError as error:
        raise SettingError(f"the variables OTEL_… can't be used together: {error}") from error
    stack.push_async_callback(spans.close)
    dispatcher.on_end(spans.add)


def _pinging(settings: Settings, store_health: StoreHealth, reconciler: Reconciler) -> Pinging | None:
    """`None` if there is no monitor to ping."""
    if not settings.heartbeat_url:
        return None
    monitor, interval_sec = Pings(settings.heartbeat_url), settings.heartbeat_interval
    return Pinging(monitor, store_health, lambda: reconciler.state, interval_sec=interval_sec, now=_now)


def _now() -> datetime:
    return datetime.now(UTC)
