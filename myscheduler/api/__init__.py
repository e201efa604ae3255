"""The REST API. `create_api` builds the application from the door (checks before any route), the routes and the shapes
of answers.

The app imports `create_api`. May import the service, the core, and the store's rows for reading.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from myscheduler.adapters.store import Store
from myscheduler.api import errors
from myscheduler.api.door.authentication import Access, Authentication
from myscheduler.api.door.connections import Throttle
from myscheduler.api.door.door import Door
from myscheduler.api.door.guards import guard, guard_with_access
from myscheduler.api.door.permission import Permissions, refuses
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.listing.index import JobIndex
from myscheduler.api.openapi.document import document
from myscheduler.api.prefix import WithoutPrefix
from myscheduler.api.routes.actions import Actions, actions_router
from myscheduler.api.routes.acts import acts_router
from myscheduler.api.routes.ahead import ahead_router
from myscheduler.api.routes.audit import audit_router
from myscheduler.api.routes.bulk import bulk_router
from myscheduler.api.routes.chains import chains_router
from myscheduler.api.routes.checks import checks_router
from myscheduler.api.routes.effects import effects_router
from myscheduler.api.routes.executions import executions_router
from myscheduler.api.routes.forecast import forecast_router
from myscheduler.api.routes.health import health_router
from myscheduler.api.routes.incidents import incidents_router
from myscheduler.api.routes.job_graph import job_graph_router
from myscheduler.api.routes.job_list import job_list_router
from myscheduler.api.routes.jobs import jobs_router
from myscheduler.api.routes.metrics import metrics_router
from myscheduler.api.routes.notifications import notifications_router
from myscheduler.api.routes.now import now_router
from myscheduler.api.routes.pages import pages_router
from myscheduler.api.routes.pings import pings_router
from myscheduler.api.routes.preview import preview_router
from myscheduler.api.routes.session import session_router
from myscheduler.api.routes.source_lines import source_lines_router
from myscheduler.api.routes.specs import specs_router
from myscheduler.api.routes.stats import stats_router
from myscheduler.api.routes.sync import sync_router
from myscheduler.api.routes.targets import targets_router
from myscheduler.api.routes.tokens import tokens_router
from myscheduler.api.routes.why import why_router
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import ClientRules
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.policy.caps import caps_of
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.guard import USUAL_GUARD, Guard
from myscheduler.service.access.token_book import TokenBook
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.catalog.linking import Linking
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.metrics.gathering import Gathering
from myscheduler.service.metrics.job_gathering import JobGathering
from myscheduler.service.metrics.job_histories import JobHistories
from myscheduler.service.notifications.courier import Courier
from myscheduler.service.notifications.troubles import ChannelTroubles
from myscheduler.service.senders.fleet import SenderCounts
from myscheduler.service.store_health import StoreHealth

BASE = "/api/v1"
LOOPBACK = AllowedHosts()
ACCESS = Access()
REQUESTS = 256
NOTHING: Mapping[Any, Any] = MappingProxyType({})


def create_api(
    store: Store,
    catalog: Catalog,
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    store_health: StoreHealth,
    courier: Courier,
    *,
    zone: str,
    source: str,
    now: Callable[[], datetime],
    access: Access = ACCESS,
    grants: Callable[[], Grants] = Grants,
    call_guard: Callable[[], Guard] = lambda: USUAL_GUARD,
    hosts: AllowedHosts = LOOPBACK,
    requests_at_once: int = REQUESTS,
    requests_a_minute: int = 0,
    root_path: str = "",
    clock_jumps: Mapping[str, int] = NOTHING,
    deliveries: Mapping[tuple[str, str], int] = NOTHING,
    certificates: Certificates | None = None,
    senders: SenderCounts | None = None,
    troubles: ChannelTroubles | None = None,
    last_heartbeat: Callable[[], datetime | None] = lambda: None,
    metric_labels: Mapping[str, str] = NOTHING,
    has_own_metrics: bool = False,
    is_access_logged: bool = False,
) -> FastAPI:
    """The ASGI application. Once there are credentials, everything below `BASE` requires them.

    `zone` is the service's IANA zone, `source` the folder of the manifests as it is shown. `grants` returns the secrets
    that API jobs may use, `call_guard` which addresses they may call; `hosts` are the host names that requests may
    name. While `requests_at_once` requests are in progress, further ones are answered with 503. More than
    `requests_a_minute` of one client below `BASE` are answered with 429; 0 for no limit. `root_path` is the path below
    which a proxy serves all this. `clock_jumps` counts jumps by direction, `deliveries` messages by channel and result,
    `certificates` knows those of targets, `senders` counts the sender processes, `troubles` notes the channels that
    messages do not reach, and `last_heartbeat` tells when the monitor elsewhere last took a success. `metric_labels`
    are the labels of jobs that their metrics have, with their names there. With `has_own_metrics`, the metrics are not
    served here, but by the application `state.metrics`, to the same callers; with `is_access_logged`, each request is
    logged at INFO.

    `state.job_histories.run` has to run beside the API, for the metrics of jobs.
    """
    app = _new_app(hosts, access.clients, requests_at_once, root_path, requests_a_minute, is_access_logged)
    judge = app.state.judge = Judge()
    tokens = TokenBook(store, now=now)
    authentication = app.state.authentication = Authentication(access, tokens, store, now=now)
    guarded = [Depends(guard_with_access(authentication, Permissions(store)))]
    open_to_all = [Depends(guard)]
    index, repeats = JobIndex(zone, dispatcher.changes), Repeats(store, now)
    masking = Masking(secrets.token_bytes(32))
    troubles = troubles or ChannelTroubles()
    certificates = certificates or Certificates()
    actions = Actions(store, catalog, dispatcher, repeats, zone=zone, now=now)
    for router in (
        job_list_router(store, reconciler, index, masking, dispatcher.chains, zone=zone),
        bulk_router(store, index, actions, repeats, dispatcher.chains, refuses=refuses),
        jobs_router(
            store,
            catalog,
            reconciler,
            masking,
            dispatcher.chains,
            Linking(
                store,
                catalog,
                dispatcher.jobs,
                lambda: caps_of(reconciler.rulebook.policies),
                dispatcher.chains.goes_on_after,
            ),
            judge=judge,
            repeats=repeats,
            zone=zone,
            now=now,
            grants=grants,
            guard=call_guard,
        ),
        actions_router(actions),
        effects_router(dispatcher.chains),
        executions_router(store, dispatcher, masking, zone=zone),
        chains_router(store, dispatcher, repeats, zone=zone),
        job_graph_router(dispatcher.chains),
        acts_router(store, dispatcher, repeats),
        incidents_router(store, dispatcher, repeats, source=source, zone=zone, now=now),
        sync_router(store, catalog, reconciler, masking, repeats=repeats, source=source, zone=zone),
        notifications_router(
            courier, troubles, lambda: reconciler.notifications.rules, catalog, repeats=repeats, now=now
        ),
        targets_router(dispatcher, reconciler, certificates, zone=zone),
        source_lines_router(reconciler),
        audit_router(store, masking, zone=zone),
        specs_router(store, zone=zone),
        why_router(store, reconciler, masking, lambda: dispatcher.chains.graph, zone=zone, now=now),
        preview_router(store, zone=zone, now=now),
        ahead_router(store, zone=zone, now=now),
        now_router(store, dispatcher, reconciler, store_health, masking, troubles, zone=zone, now=now),
        stats_router(store, dispatcher.changes, zone=zone, now=now),
        forecast_router(store, dispatcher.changes, lambda: reconciler.targets.rules, zone=zone, now=now),
        checks_router(store, reconciler, zone=zone, now=now),
        tokens_router(tokens, zone=zone, now=now),
    ):
        app.include_router(router, prefix=BASE, dependencies=guarded)
    histories = app.state.job_histories = JobHistories(store, dispatcher.chains, now=now)
    metrics = metrics_router(
        Gathering(
            store,
            dispatcher,
            reconciler,
            store_health,
            jumps=clock_jumps,
            auth_failures=authentication.failures,
            deliveries=deliveries,
            certificates=certificates,
            senders=senders or SenderCounts(wanted=0),
            last_heartbeat=last_heartbeat,
            now=now,
        ),
        JobGathering(dispatcher, histories, metric_labels, lambda: reconciler.notifications.rules, now=now),
    )
    of_metrics = app
    if has_own_metrics:
        of_metrics = app.state.metrics = _new_app(hosts, access.clients, requests_at_once)
    of_metrics.include_router(metrics, dependencies=guarded)
    app.include_router(session_router(authentication, zone=zone), prefix=BASE, dependencies=open_to_all)
    app.include_router(health_router(store_health, zone=zone), dependencies=open_to_all)
    app.include_router(pings_router(dispatcher), dependencies=open_to_all)
    app.include_router(pages_router(root_path), dependencies=open_to_all)
    return app


def _new_app(
    hosts: AllowedHosts,
    clients: ClientRules,
    requests_at_once: int,
    root_path: str = "",
    requests_a_minute: int = 0,
    is_access_logged: bool = False,
) -> "_Api":
    """An application without routes."""
    app = _Api(
        hosts,
        clients,
        requests_at_once,
        root_path,
        requests_a_minute,
        is_access_logged,
        title="MyScheduler",
        redirect_slashes=False,
        openapi_url=None,  # `routes.pages` serves these
        docs_url=None,
        redoc_url=None,
    )
    app.state.root_path = root_path
    errors.install(app)
    return app


class _Api(FastAPI):
    """A FastAPI application with the door outside all middleware, the handlers of errors included."""

    def __init__(
        self,
        hosts: AllowedHosts,
        clients: ClientRules,
        requests_at_once: int,
        prefix: str,
        requests_a_minute: int,
        is_access_logged: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._hosts = hosts
        self._clients = clients
        self._requests_at_once = requests_at_once
        self._prefix = prefix
        self._requests_a_minute = requests_a_minute
        self._is_access_logged = is_access_logged

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; the first call takes long, so it belongs into a thread."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self)
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        inside = Throttle(super().build_middleware_stack(), self._requests_at_once)
        door = Door(
            inside,
            self.router,
            self._hosts,
            self._clients,
            limited=(BASE, "/ping"),
            requests_a_minute=self._requests_a_minute,
            is_access_logged=self._is_access_logged,
        )
        return WithoutPrefix(door, self._prefix) if self._prefix else door
