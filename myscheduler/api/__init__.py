"""The REST API. `create_api` builds the application from the door (checks before any route), the routes and the shapes
of answers.

The app imports `create_api`. May import the service, the core, and the store's rows for reading.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from myscheduler import __version__
from myscheduler.adapters.store import Store
from myscheduler.api import errors
from myscheduler.api.door.authentication import Access, Authentication
from myscheduler.api.door.connections import Throttle
from myscheduler.api.door.door import Door
from myscheduler.api.door.guards import guard, guard_with_access
from myscheduler.api.door.permission import Permissions, refuses
from myscheduler.api.door.requests import RequestLog
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.listing.index import JobIndex
from myscheduler.api.routes.actions import Actions, actions_router
from myscheduler.api.routes.acts import acts_router
from myscheduler.api.routes.audit import audit_router
from myscheduler.api.routes.bulk import bulk_router
from myscheduler.api.routes.checks import checks_router
from myscheduler.api.routes.executions import executions_router
from myscheduler.api.routes.forecast import forecast_router
from myscheduler.api.routes.health import health_router
from myscheduler.api.routes.job_list import job_list_router
from myscheduler.api.routes.jobs import jobs_router
from myscheduler.api.routes.now import now_router
from myscheduler.api.routes.pages import pages_router
from myscheduler.api.routes.preview import preview_router
from myscheduler.api.routes.session import session_router
from myscheduler.api.routes.specs import specs_router
from myscheduler.api.routes.stats import stats_router
from myscheduler.api.routes.sync import sync_router
from myscheduler.api.routes.tokens import tokens_router
from myscheduler.api.routes.why import why_router
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import ClientRules
from myscheduler.core.policy.grants import Grants
from myscheduler.service.access.token_book import TokenBook
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.store_health import StoreHealth

BASE = "/api/v1"
LOOPBACK = AllowedHosts()
ACCESS = Access()
REQUESTS = 256


def create_api(
    store: Store,
    catalog: Catalog,
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    store_health: StoreHealth,
    *,
    zone: str,
    source: str,
    now: Callable[[], datetime],
    access: Access = ACCESS,
    grants: Callable[[], Grants] = Grants,
    hosts: AllowedHosts = LOOPBACK,
    requests_at_once: int = REQUESTS,
) -> FastAPI:
    """The ASGI application. Once there are credentials, everything below `BASE` requires them.

    `zone` is the service's IANA zone, `source` the folder of the manifests as it is shown. `grants` returns the secrets
    that API jobs may use, `hosts` are the host names that requests may name. While `requests_at_once` requests are in
    progress, further ones are answered with 503.
    """
    app = _Api(
        hosts,
        access.clients,
        requests_at_once,
        title="MyScheduler",
        version=__version__,
        description="Declarative scheduler of HTTP calls. Jobs from manifests are read-only here.",
        redirect_slashes=False,
        openapi_url=None,  # `routes.pages` serves these
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    app.add_middleware(RequestLog)
    judge = app.state.judge = Judge()
    tokens = TokenBook(store, now=now)
    authentication = app.state.authentication = Authentication(access, tokens, store, now=now)
    guarded = [Depends(guard_with_access(authentication, Permissions(store)))]
    open_to_all = [Depends(guard)]
    index, repeats = JobIndex(zone), Repeats(store, now)
    actions = Actions(catalog, dispatcher, repeats, zone=zone, now=now)
    for router in (
        job_list_router(store, reconciler, index, zone=zone),
        bulk_router(store, index, actions, repeats, refuses=refuses),
        jobs_router(store, catalog, reconciler, judge=judge, repeats=repeats, zone=zone, now=now, grants=grants),
        actions_router(actions),
        executions_router(store, dispatcher, zone=zone),
        acts_router(store, dispatcher, repeats),
        sync_router(store, catalog, reconciler, repeats=repeats, source=source, zone=zone),
        audit_router(store, zone=zone),
        specs_router(store, zone=zone),
        why_router(store, reconciler, zone=zone, now=now),
        preview_router(store, zone=zone, now=now),
        now_router(store, dispatcher, reconciler, store_health, zone=zone, now=now),
        stats_router(store, zone=zone, now=now),
        forecast_router(store, dispatcher.changes, zone=zone, now=now),
        checks_router(store, reconciler, zone=zone, now=now),
        tokens_router(tokens, zone=zone, now=now),
    ):
        app.include_router(router, prefix=BASE, dependencies=guarded)
    app.include_router(session_router(authentication, zone=zone), prefix=BASE, dependencies=open_to_all)
    app.include_router(health_router(store_health, zone=zone), dependencies=open_to_all)
    app.include_router(pages_router(), dependencies=open_to_all)
    return app


class _Api(FastAPI):
    """A FastAPI application with the door outside all middleware, the handlers of errors included."""

    def __init__(self, hosts: AllowedHosts, clients: ClientRules, requests_at_once: int, **options: Any) -> None:
        super().__init__(**options)
        self._hosts = hosts
        self._clients = clients
        self._requests_at_once = requests_at_once

    def build_middleware_stack(self) -> ASGIApp:
        inside = Throttle(super().build_middleware_stack(), self._requests_at_once)
        return Door(inside, self.router, self._hosts, self._clients)
