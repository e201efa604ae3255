"""The REST API: URLs, status codes, JSON shapes."""

import hmac
from collections.abc import Callable
from datetime import datetime

from fastapi import Depends, FastAPI, HTTPException, Request

from myscheduler import __version__
from myscheduler.adapters.store import Store
from myscheduler.api import errors
from myscheduler.api.audit import audit_router
from myscheduler.api.health import health_router
from myscheduler.api.jobs import jobs_router
from myscheduler.api.preview import preview_router
from myscheduler.api.requests import RequestLog
from myscheduler.api.specs import specs_router
from myscheduler.api.sync import sync_router
from myscheduler.api.views import Views
from myscheduler.api.why import why_router
from myscheduler.catalog import Catalog
from myscheduler.core.secrets import Grants
from myscheduler.reconciler import Reconciler
from myscheduler.runner import Runner

BASE = "/api/v1"


def create_api(
    store: Store,
    catalog: Catalog,
    runner: Runner,
    reconciler: Reconciler,
    *,
    zone: str,
    source: str,
    token: str | None,
    now: Callable[[], datetime],
    grants: Callable[[], Grants] = Grants,
) -> FastAPI:
    """The application; with a `token`, everything below `BASE` wants it.

    `grants` says which secrets the jobs that are made here may use.
    """
    app = FastAPI(
        title="MyScheduler",
        version=__version__,
        description="Declarative scheduler of HTTP calls. Jobs from manifests are read-only here.",
        redirect_slashes=False,
    )
    errors.install(app)
    app.add_middleware(RequestLog)
    views = Views(zone)
    guard = [Depends(_bearer(token))] if token else []
    jobs = jobs_router(store, catalog, runner, reconciler, views, zone=zone, now=now, grants=grants)
    app.include_router(jobs, prefix=BASE, dependencies=guard)
    app.include_router(sync_router(store, reconciler, views, source=source), prefix=BASE, dependencies=guard)
    app.include_router(audit_router(store, views), prefix=BASE, dependencies=guard)
    app.include_router(specs_router(store, zone=zone), prefix=BASE, dependencies=guard)
    app.include_router(why_router(store, reconciler, zone=zone, now=now), prefix=BASE, dependencies=guard)
    app.include_router(preview_router(store, zone=zone, now=now), prefix=BASE, dependencies=guard)
    app.include_router(health_router(runner, zone=zone))
    return app


def _bearer(token: str) -> Callable[[Request], None]:
    """Refuses requests without `Authorization: Bearer TOKEN`."""
    expected = token.encode()

    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), expected):
            detail = "send the API token as 'Authorization: Bearer TOKEN'"
            raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    return check
