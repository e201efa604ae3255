"""The REST API. `create_api` builds the application from the door (checks before any route), the routes and the shapes
of answers.

The app imports `create_api`. May import the service, the core, and the store's rows for reading.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI, Request
from starlette.types import ASGIApp

from myscheduler import __version__
from myscheduler.adapters.store import Store
from myscheduler.api import errors
from myscheduler.api.door.connections import Throttle
from myscheduler.api.door.door import Door
from myscheduler.api.door.requests import RequestLog
from myscheduler.api.door.tokens import bearer
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.queries import check_parameters, refuse_nul
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.listing.index import JobIndex
from myscheduler.api.routes.actions import Actions, actions_router
from myscheduler.api.routes.audit import audit_router
from myscheduler.api.routes.bulk import bulk_router
from myscheduler.api.routes.health import health_router
from myscheduler.api.routes.job_list import job_list_router
from myscheduler.api.routes.jobs import jobs_router
from myscheduler.api.routes.pages import pages_router
from myscheduler.api.routes.preview import preview_router
from myscheduler.api.routes.specs import specs_router
from myscheduler.api.routes.sync import sync_router
from myscheduler.api.routes.why import why_router
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.policy.grants import Grants
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.store_health import StoreHealth

BASE = "/api/v1"
LOOPBACK = AllowedHosts()
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
    token: str | None,
    now: Callable[[], datetime],
    grants: Callable[[], Grants] = Grants,
    hosts: AllowedHosts = LOOPBACK,
    requests_at_once: int = REQUESTS,
) -> FastAPI:
    """The ASGI application. With a `token`, everything below `BASE` requires it.

    `zone` is the service's IANA zone, `source` the folder of the manifests as it is shown. `grants` returns the secrets
    that API jobs may use, `hosts` are the host names that requests may name. While `requests_at_once` requests are in
    progress, further ones are answered with 503.
    """
    app = _Api(
        hosts,
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
    guarded, open_to_all = [Depends(_guard(token))], [Depends(_guard(None))]
    index, repeats = JobIndex(zone), Repeats(store, now)
    jobs = jobs_router(store, catalog, reconciler, judge=judge, repeats=repeats, zone=zone, now=now, grants=grants)
    actions = Actions(catalog, dispatcher, repeats, zone=zone, now=now)
    sync = sync_router(store, catalog, reconciler, repeats=repeats, source=source, zone=zone)
    app.include_router(job_list_router(store, reconciler, index, zone=zone), prefix=BASE, dependencies=guarded)
    app.include_router(bulk_router(store, index, actions, repeats), prefix=BASE, dependencies=guarded)
    app.include_router(jobs, prefix=BASE, dependencies=guarded)
    app.include_router(actions_router(actions), prefix=BASE, dependencies=guarded)
    app.include_router(sync, prefix=BASE, dependencies=guarded)
    app.include_router(audit_router(store, zone=zone), prefix=BASE, dependencies=guarded)
    app.include_router(specs_router(store, zone=zone), prefix=BASE, dependencies=guarded)
    app.include_router(why_router(store, reconciler, zone=zone, now=now), prefix=BASE, dependencies=guarded)
    app.include_router(preview_router(store, zone=zone, now=now), prefix=BASE, dependencies=guarded)
    app.include_router(health_router(store_health, zone=zone), dependencies=open_to_all)
    app.include_router(pages_router(), dependencies=open_to_all)
    return app


def _guard(token: str | None) -> Callable[[Request], Awaitable[None]]:
    """The checks of every request, in one dependency, because FastAPI takes long for each of them."""
    check_token = bearer(token) if token else None

    async def check(request: Request) -> None:
        if check_token is not None:
            await check_token(request)
        check_parameters(request)
        refuse_nul(request)

    return check


class _Api(FastAPI):
    """A FastAPI application with the door outside all middleware, the handlers of errors included."""

    def __init__(self, hosts: AllowedHosts, requests_at_once: int, **options: Any) -> None:
        super().__init__(**options)
        self._hosts = hosts
        self._requests_at_once = requests_at_once

    def build_middleware_stack(self) -> ASGIApp:
        inside = Throttle(super().build_middleware_stack(), self._requests_at_once)
        return Door(inside, self.router, self._hosts)
