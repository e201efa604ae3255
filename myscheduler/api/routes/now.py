"""`/api/v1/now`, `/changes` and `/upcoming`: what screens show that stay open. All of it is cheap enough to poll."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.inquiries import QUEUE, Between, Inquiries
from myscheduler.api.input.timestamps import read_timestamp
from myscheduler.api.output.disclosure import masked_records
from myscheduler.api.shapes.documented import MOMENT, answers_with
from myscheduler.api.shapes.executions import ExecutionView
from myscheduler.api.shapes.live import ChangesView, LiveViews, NowView, OpenIncidentsView, UpcomingView
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.roles import Role
from myscheduler.core.explain.upcoming import KnownRuns, Planned, upcoming
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.execution import Record
from myscheduler.core.incidents.incident import Incident
from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.notifications.troubles import ChannelTroubles
from myscheduler.service.store_health import StoreHealth

FAILURES = 20
"""The most failures in the answer."""
INCIDENTS = 20
"""The most incidents in the answer."""
OLDEST = 20
"""The most executions in flight in the answer."""
MOST_CHANGES = 5_000
"""The most ids of one kind in an answer; with more, reading everything again is faster."""
UPCOMING = 100
SEARCH_SEC = 1.0
"""Seconds after which the search for upcoming slots returns what it has found."""
_SEQ = re.compile(r"[0-9a-f]{1,32}-[0-9]{1,19}", re.ASCII)


def now_router(
    store: Store,
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    store_health: StoreHealth,
    masking: Masking,
    troubles: ChannelTroubles,
    *,
    zone: str,
    now: Callable[[], datetime],
) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["now"])
    views, known = LiveViews(zone, dispatcher.chains.goes_on_after), KnownRuns()
    inquiries = Inquiries(at_once=1, queue=QUEUE, advice=said("ask-later"))
    newest = {one is not None: _Failures(store, views, one) for one in (None, masking)}
    in_trouble = _Incidents(store, views)

    @router.get("/now", operation_id="get_now", responses=answers_with(NowView))
    async def get_now(request: Request) -> Response:
        """What is going on: counts of jobs, executions in flight and waiting, the newest failures and open incidents,
        and the state of notifications, of the source and of the database. `seq` is where `/changes` continues.
        """
        seq, standing, state = dispatcher.changes.seq, dispatcher.census.take(OLDEST), reconciler.state
        is_masked = not request.state.principal.has_everywhere(Role.EDITOR)
        failing, failures, incidents = None, None, None
        with suppress(StoreUnavailableError):
            failures = await newest[is_masked].read(dispatcher.changes.wrong)
            failing = await dispatcher.census.failing()
            incidents = await in_trouble.read(dispatcher.changes.incidents)
        view: NowView = {
            "seq": seq,
            "at": views.at(now()),
            "jobs": views.jobs(standing, state, failing),
            "executions": views.running(standing),
            "waiting": views.waiting(standing),
            "failures": failures,
            "incidents": incidents,
            "notifications": views.notifications(reconciler.notifications.rules.channels, troubles.by_channel),
            "source": views.source(masking.state(state) if is_masked else state, is_passing=reconciler.is_passing),
            "database": views.store(store_health),
        }
        return _json(view)

    @router.get("/changes", operation_id="list_changes", responses=answers_with(ChangesView))
    async def list_changes(
        since: Annotated[
            str,
            Query(
                max_length=64,
                json_schema_extra={"pattern": f"^{_SEQ.pattern}$"},
                description="The `seq` of an earlier answer of /now or /changes.",
            ),
        ],
    ) -> Response:
        """The ids of jobs and executions that changed since then, and whether the source did. With `reset`, they are
        not known: the service has restarted, or the answer would be too long or too old.
        """
        if not _SEQ.fullmatch(since):
            message = said("not-a-sequence")
            raise InvalidInputError([Complaint(("since",), "invalid-value", message)])
        changes = dispatcher.changes
        found = changes.since(since)
        is_reset = found is None or max(len(found.jobs), len(found.executions)) > MOST_CHANGES
        view: ChangesView = {
            "seq": changes.seq,
            "reset": is_reset,
            "jobs": sorted(found.jobs) if found and not is_reset else [],
            "executions": sorted(found.executions) if found and not is_reset else [],
            "source": is_reset or bool(found and found.has_source_changed),
        }
        return _json(view)

    @router.get("/upcoming", operation_id="list_upcoming", responses=answers_with(UpcomingView))
    async def list_upcoming(
        until: Annotated[
            str | None,
            Query(max_length=64, json_schema_extra=MOMENT, description="RFC 3339; no later slots are listed."),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The most slots, the soonest first.")] = UPCOMING,
    ) -> Response:
        """The soonest slots over all jobs that will run: without those that a pause, a blackout or a calendar leaves
        out. Slots that are due already are not listed.
        """
        end = read_timestamp("until", until, zone)
        if end is not None and end < now():
            raise InvalidInputError([Complaint(("until",), "invalid-moment", said("in-the-past"))])
        return await inquiries.ask_about(dispatcher.planned, partial(work, until=end, limit=limit))

    def work(firsts: Iterator[Planned], _between: Between, *, until: datetime | None, limit: int) -> Response:
        """The answer. Runs in a thread: many slots that are left out take long."""
        known.limit()
        found, is_complete = _soonest(upcoming(firsts, known), until, limit)
        return _json(views.upcoming(found, is_complete=is_complete))

    return router


class _Failures:
    """The newest failures, kept until there may be others."""

    def __init__(self, store: Store, views: LiveViews, masking: Masking | None) -> None:
        self._store = store
        self._views = views
        self._masking = masking
        self._kept: tuple[int, list[ExecutionView]] | None = None
        """The number for which they were read, and the failures."""

    async def read(self, number: int) -> list[ExecutionView]:
        """The failures; `number` increases when there may be others. Raises `StoreUnavailableError`."""
        if self._kept is None or self._kept[0] != number:
            self._kept = number, self._views.failures(await self._store.read(self._records))
        return self._kept[1]

    def _records(self, connection: Connection) -> list[Record]:
        records = execution_rows.wrong(connection, limit=FAILURES)
        return masked_records(connection, self._masking, records) if self._masking else records


class _Incidents:
    """The open incidents, kept until there may be others."""

    def __init__(self, store: Store, views: LiveViews) -> None:
        self._store = store
        self._views = views
        self._kept: tuple[int, OpenIncidentsView] | None = None
        """The number for which they were read, and the incidents."""

    async def read(self, number: int) -> OpenIncidentsView:
        """The incidents; `number` increases when there may be others. Raises `StoreUnavailableError`."""
        if self._kept is None or self._kept[0] != number:
            count, newest = await self._store.read(_open_incidents)
            self._kept = number, self._views.incidents(count, newest)
        return self._kept[1]


def _open_incidents(connection: Connection) -> tuple[int, list[Incident]]:
    found = incident_rows.page(connection, is_open=True, limit=INCIDENTS)
    return incident_rows.open_count(connection), found.incidents


def _soonest(steps: Iterator[Planned | None], until: datetime | None, limit: int) -> tuple[list[Planned], bool]:
    """Up to `limit` slots, none later than `until`, and whether these are all."""
    found: list[Planned] = []
    end = time.monotonic() + SEARCH_SEC
    for planned in steps:
        if planned is not None:
            if until is not None and planned.slot > until:
                break
            found.append(planned)
            if len(found) == limit:
                break
        if time.monotonic() > end:
            return found, False
    return found, True


def _json(view: object) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
