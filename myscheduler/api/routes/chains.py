"""`/api/v1/chains`: runs of jobs that run after others, each as a graph."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import search as search_rows
from myscheduler.api.door.permission import require_everywhere, require_job
from myscheduler.api.input.bodies import read_cancellation
from myscheduler.api.input.paging import cursor_of, next_link, read_cursor
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.routes.executions import UUID_TEXT
from myscheduler.api.shapes.chains import ChainCancelled, ChainPage, ChainView, ChainViews
from myscheduler.api.shapes.documented import CANCEL, CURSOR, acts_with, answers_with
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.runs import ChainRun, ChainSummary, run_of
from myscheduler.core.history.execution import Record, Status, is_of
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.history.search import Search
from myscheduler.errors import ChainNotFoundError, StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.dispatcher import Dispatcher

LIMIT = 20
"""The runs of a page by default."""
MOST_NODES = 2_000
"""The most jobs of a run in an answer."""
RECORD_SEC = 10.0
"""How long a request waits for the database before it is refused."""

log = logging.getLogger(__name__)


def chains_router(store: Store, dispatcher: Dispatcher, repeats: Repeats, *, zone: str) -> APIRouter:
    """The routes below `/chains`. `zone` is the service's."""
    chains = dispatcher.chains
    router = APIRouter(prefix="/chains", tags=["chains"])
    views = ChainViews(zone)

    @router.get("", responses=answers_with(ChainPage), operation_id="list_chains")
    @router.get("/", include_in_schema=False)
    async def list_chains(
        request: Request,
        job: Annotated[str, Query(max_length=255, description="The id of a job, which may be a deleted one.")],
        limit: Annotated[int, Query(ge=1, le=100, description="The most runs of a page.")] = LIMIT,
        cursor: Annotated[
            str | None, Query(max_length=100, json_schema_extra=CURSOR, description="`next_cursor` of the page before.")
        ] = None,
    ) -> JSONResponse:
        """The runs of chains in which a job took part, newest first, a page at a time."""
        before = read_cursor(cursor)
        job_id = job.replace("\x00", "\ufffd")  # PostgreSQL rejects a query with a NUL
        search = Search(job_ids=frozenset({job_id}), is_chained=True, begins_chains=chains.goes_on_after(job_id))

        def read(connection: Connection) -> tuple[list[ChainSummary], str | None]:
            found = search_rows.page(connection, search, before=before, limit=limit)
            chain_ids = list(dict.fromkeys(one.chain_id or one.execution_id for one in found.rows))
            known = chain_run_rows.summaries(connection, chain_ids)
            return [known[one] for one in chain_ids], cursor_of(found.end) if found.end else None

        found, following = await store.read(read)
        return JSONResponse(views.page(found, following), headers=next_link(request, following))

    @router.get("/{chain_id}", responses=answers_with(ChainView), operation_id="get_chain")
    async def get_chain(chain_id: str) -> JSONResponse:
        """A run of a chain as a graph: its jobs with their executions, and the jobs that it has not reached."""
        graph = chains.graph
        chain, run = await store.read(partial(read_chain, chain_id=chain_id, graph=graph))
        return JSONResponse(views.detail(chain, run, graph))

    @router.post(
        "/{chain_id}/cancel",
        responses=answers_with(ChainCancelled),
        operation_id="cancel_chain",
        openapi_extra=acts_with(CANCEL),
    )
    async def cancel_chain(chain_id: str, request: Request) -> JSONResponse:
        """End a run of a chain: all of it that is in progress or waits, and nothing of it begins any more. The body may
        have `by` and `reason`. The caller needs the role for each job of the run.
        """
        asked = await read_cancellation(request)
        chain, run = await store.read(partial(read_chain, chain_id=chain_id, graph=chains.graph))
        principal: Principal = request.state.principal
        if not principal.has_everywhere(Role.OPERATOR):
            _require_all(principal, run, chains)

        async def cancel(key: RequestKey | None) -> Mapping[str, Any]:
            try:
                async with asyncio.timeout(RECORD_SEC):
                    answer = await dispatcher.cancel_chain(chain.chain_id, by=asked.by, reason=asked.reason, key=key)
            except TimeoutError as error:
                raise StoreUnavailableError(said("cancel-not-recorded")) from error
            log.info("chain cancelled", extra={"chain_id": chain_id, "by": asked.by})
            return answer

        return await repeats.answer(request, asked.body, cancel)

    return router


def _require_all(principal: Principal, run: ChainRun, chains: Chains) -> None:
    """Raises `ForbiddenError` unless the caller may operate each job of the run, also those that are left out of it."""
    if run.left_out:
        require_everywhere(principal, Role.OPERATOR)
    for node in run.nodes:
        job = chains.find(node.job_id)
        is_its = job is not None and (node.record is None or is_of(job, node.record.execution_id))
        require_job(principal, Role.OPERATOR, node.job_id, job.spec.labels if job and is_its else {})


def read_chain(connection: Connection, chain_id: str, graph: Graph) -> tuple[ChainSummary, ChainRun]:
    """Raises `ChainNotFoundError` for what is not the id of a chain."""
    if not UUID_TEXT.fullmatch(chain_id):
        raise ChainNotFoundError(chain_id)
    records = execution_rows.of_chain(connection, chain_id, MOST_NODES)
    if not any(_begins(one, chain_id, graph) for one in records):
        raise ChainNotFoundError(chain_id)
    summary = chain_run_rows.summaries(connection, [chain_id])[chain_id]
    return summary, run_of(chain_id, records, graph, most=MOST_NODES)


def _begins(record: Record, chain_id: str, graph: Graph) -> bool:
    """Whether the row shows that there is such a chain: it is of that chain, or others will run after it."""
    if record.chain_id == chain_id:
        return True
    return record.link is None and record.status is Status.RUNNING and bool(graph.children(record.job_id))
