"""`/api/v1/executions/{execution_id}/…`: cancelling and repeating an execution."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Store
from myscheduler.api.input.bodies import read_cancellation, read_object, rerun_of
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.input.upstream import chain_of
from myscheduler.api.routes.executions import check_id, find_execution
from myscheduler.api.shapes.documented import CANCEL, RERUN, acts_with, answers_with
from myscheduler.api.shapes.executions import Cancelled
from myscheduler.api.shapes.jobs import Triggered
from myscheduler.core.findings.problem import shown
from myscheduler.core.history.repeats import RequestKey
from myscheduler.errors import ExecutionConflictError, JobNotFoundError, StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.dispatcher import Dispatcher

RECORD_SEC = 10.0
"""How long a request waits for the database before it is refused."""

log = logging.getLogger(__name__)


def acts_router(store: Store, dispatcher: Dispatcher, repeats: Repeats) -> APIRouter:
    """What can be done to an execution."""
    router = APIRouter(prefix="/executions", tags=["executions"])

    @router.post(
        "/{execution_id}/cancel",
        responses=answers_with(Cancelled),
        operation_id="cancel_execution",
        openapi_extra=acts_with(CANCEL),
    )
    async def cancel_execution(execution_id: str, request: Request) -> JSONResponse:
        """End an execution that is running or waits for a retry, or a queued manual run. Its target may have received
        the request. The body may have `by` and `reason`.
        """
        check_id(execution_id)
        asked = await read_cancellation(request)

        async def cancel(key: RequestKey | None) -> Mapping[str, Any]:
            try:
                async with asyncio.timeout(RECORD_SEC):
                    answer = await dispatcher.cancel(execution_id, by=asked.by, reason=asked.reason, key=key)
            except TimeoutError as error:
                message = said("cancel-not-recorded")
                raise StoreUnavailableError(message) from error
            log.info("execution cancelled", extra={"execution_id": execution_id, "by": asked.by})
            return answer

        return await repeats.answer(request, asked.body, cancel)

    @router.post(
        "/{execution_id}/rerun",
        responses=answers_with(Triggered),
        operation_id="rerun_execution",
        openapi_extra=acts_with(RERUN),
    )
    async def rerun_execution(execution_id: str, request: Request) -> JSONResponse:
        """Run the job of an execution now, as it is declared now; the new execution has `rerun_of`. Otherwise like a
        trigger of the job. With `downstream: true`, the jobs run, too, that run after it, in a new chain.
        """
        check_id(execution_id)
        body = await read_object(request)
        asked = rerun_of(request, body)

        async def rerun(key: RequestKey | None) -> Mapping[str, Any]:
            record = await find_execution(store, dispatcher, execution_id)
            job_id = record.job_id
            try:
                async with asyncio.timeout(RECORD_SEC):
                    run = await dispatcher.trigger(
                        job_id,
                        by=asked.by,
                        may_overlap=asked.may_overlap,
                        key=key,
                        rerun_of=execution_id,
                        parent=asked.parent,
                        is_alone=asked.is_alone,
                        upstream_chain_id=chain_of(record) if job_id in dispatcher.chains.graph else None,
                    )
            except TimeoutError as error:
                message = said("rerun-not-recorded")
                raise StoreUnavailableError(message) from error
            except JobNotFoundError as error:
                message = said("job-of-execution-gone", job_id=shown(job_id), execution_id=execution_id)
                raise ExecutionConflictError(message) from error
            log.info(
                "execution repeated",
                extra={"job_id": job_id, "execution_id": run.execution_id, "rerun_of": execution_id, "by": asked.by},
            )
            return run.as_json(job_id)

        return await repeats.answer(request, body, rerun)

    return router
