"""`/api/v1/chains`: runs of jobs that run after others, each as a graph."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import search as search_rows
from myscheduler.api.input.paging import cursor_of, next_link, read_cursor
from myscheduler.api.routes.executions import UUID_TEXT
from myscheduler.api.shapes.chains import ChainPage, ChainView, ChainViews
from myscheduler.api.shapes.documented import CURSOR, answers_with
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.runs import ChainRun, ChainSummary, run_of
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.history.search import Search
from myscheduler.errors import ChainNotFoundError
from myscheduler.service.dispatch.chaining import Chains

LIMIT = 20
"""The runs of a page by default."""
MOST_NODES = 2_000
"""The most jobs of a run in an answer."""


def chains_router(store: Store, chains: Chains, *, zone: str) -> APIRouter:
    """The routes below `/chains` that read. `zone` is the service's."""
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

    return router


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
