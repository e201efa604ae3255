"""`/api/v1/jobs/bulk/pause`, `resume` and `trigger`: one action on all jobs that a selection matches.

A job may have the id `bulk`: without a selection, these routes act on that job, as `/jobs/{job_id}/pause` does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import (
    PAUSE_KEYS,
    RESUME_KEYS,
    TRIGGER_KEYS,
    TriggerRequest,
    pause_of,
    read_object,
    resume_of,
    trigger_of,
)
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.input.selections import read_bulk, selects
from myscheduler.api.listing.index import JobIndex
from myscheduler.api.routes.actions import Actions
from myscheduler.api.shapes.bulk import Action, BulkAnswer, bulk_answer
from myscheduler.api.shapes.documented import PAUSE, RESUME, TRIGGER, acts_on_selection_with, answers_with
from myscheduler.api.shapes.effects import Effects, effects_view
from myscheduler.core.access.roles import Role
from myscheduler.core.chains.effects import effects_of_pause
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.repeats import KEPT, RequestKey
from myscheduler.core.job.selection import Selection
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry, of_bulk
from myscheduler.errors import JobNotFoundError, MySchedulerError
from myscheduler.messages.message import said
from myscheduler.service.catalog.bulk import Outcome, Result, counts, decide
from myscheduler.service.catalog.pausing import Order, PauseOrder, ResumeOrder
from myscheduler.service.dispatch.chaining import Chains

MOST = 500
"""The most jobs of one operation."""
_AUDITED = {
    "pause": AuditAction.BULK_PAUSED,
    "resume": AuditAction.BULK_RESUMED,
    "trigger": AuditAction.BULK_TRIGGERED,
}
_DONE = {"pause": "jobs paused", "resume": "jobs resumed", "trigger": "jobs triggered"}

_NO_SELECTION = said("selection-missing")

Refuses = Callable[[Request, str, Mapping[str, str]], str | None]
"""Why the caller may not act on the job with this id and these labels; `None` if the caller may."""
Single = Callable[[Request, str, Mapping[str, Any]], Awaitable[JSONResponse]]

log = logging.getLogger(__name__)


def bulk_router(
    store: Store,
    index: JobIndex,
    actions: Actions,
    repeats: Repeats,
    chains: Chains,
    *,
    refuses: Refuses = lambda *_: None,
) -> APIRouter:
    """`refuses` is asked for each selected job: jobs that the caller may not act on are refused one by one."""
    router = APIRouter(prefix="/jobs/bulk", tags=["jobs"])
    bulk = _Bulk(store, index, actions, repeats, chains, refuses)
    answers = answers_with(BulkAnswer)

    @router.post("/pause", operation_id="pause_jobs", responses=answers, openapi_extra=acts_on_selection_with(PAUSE))
    async def pause_jobs(request: Request) -> JSONResponse:
        """Pause all jobs that match `labels`, `ids` (with `*`) and `q`; at most 500. `dry_run` only tells what would
        be done. Takes the keys of a pause, too.
        """
        body = await read_object(request)
        if not selects(body):
            return await _single(actions.pause, request, body)
        selection, dry_run, rest = read_bulk(body, PAUSE_KEYS)
        asked = pause_of(request, rest, zone=actions.zone, now=actions.now())
        order = PauseOrder(asked.by, asked.reason, asked.until)
        return await bulk.order(request, body, "pause", selection, order, dry_run=dry_run)

    @router.post("/resume", operation_id="resume_jobs", responses=answers, openapi_extra=acts_on_selection_with(RESUME))
    async def resume_jobs(request: Request) -> JSONResponse:
        """Resume all jobs that match `labels`, `ids` (with `*`) and `q`; at most 500. `dry_run` only tells what would
        be done. Takes the keys of a resume, too.
        """
        body = await read_object(request)
        if not selects(body):
            return await _single(actions.resume, request, body)
        selection, dry_run, rest = read_bulk(body, RESUME_KEYS)
        asked = resume_of(request, rest)
        order = ResumeOrder(asked.by, asked.catch_up)
        return await bulk.order(request, body, "resume", selection, order, dry_run=dry_run)

    @router.post(
        "/trigger", operation_id="trigger_jobs", responses=answers, openapi_extra=acts_on_selection_with(TRIGGER)
    )
    async def trigger_jobs(request: Request) -> JSONResponse:
        """Run all jobs that match `labels`, `ids` (with `*`) and `q`, at most 500, each once. `dry_run` only tells
        which. Takes the keys of a trigger, too.
        """
        body = await read_object(request)
        if not selects(body):
            return await _single(actions.trigger, request, body)
        selection, dry_run, rest = read_bulk(body, TRIGGER_KEYS)
        return await bulk.trigger(request, body, selection, trigger_of(request, rest), dry_run=dry_run)

    return router


async def _single(action: Single, request: Request, body: Mapping[str, Any]) -> JSONResponse:
    """Act on the job with the id `bulk`. If there is none, the selection was forgotten.

    Its labels are not known here, so a caller with a scope has to select it.
    """
    if not request.state.principal.has_everywhere(Role.OPERATOR):
        raise InvalidInputError([Complaint((), "missing-selection", _NO_SELECTION)])
    try:
        return await action(request, "bulk", body)
    except JobNotFoundError as error:
        raise InvalidInputError([Complaint((), "missing-selection", _NO_SELECTION)]) from error


class _Bulk:
    def __init__(
        self, store: Store, index: JobIndex, actions: Actions, repeats: Repeats, chains: Chains, refuses: Refuses
    ) -> None:
        self._store = store
        self._index = index
        self._actions = actions
        self._repeats = repeats
        self._chains = chains
        self._refuses = refuses

    async def order(
        self,
        request: Request,
        body: Mapping[str, Any],
        action: Action,
        selection: Selection,
        order: Order,
        *,
        dry_run: bool,
    ) -> JSONResponse:
        """Pause or resume the selected jobs, all in one transaction."""

        async def work(key: RequestKey | None) -> Mapping[str, Any]:
            job_ids, refused = await self._selected(request, selection)
            if dry_run:
                expected = await self._store.read(partial(self._rehearsed, order=order, job_ids=job_ids))
                effects = await self._effects(expected) if action == "pause" else None
                return bulk_answer(action, [*refused, *expected], dry_run=True, effects=effects)

            def settle(outcomes: Sequence[Outcome]) -> tuple[AuditEntry | None, Any]:
                everything = [*refused, *outcomes]
                answer = bulk_answer(action, everything, dry_run=False)
                return self._entry(action, selection, everything, order.by), key.kept(answer) if key else None

            outcomes = [*refused, *await self._actions.catalog.order_many(job_ids, order, settle)]
            _log(action, outcomes, order.by)
            return bulk_answer(action, outcomes, dry_run=False)

        return await self._repeats.answer(request, body, work)

    async def trigger(
        self,
        request: Request,
        body: Mapping[str, Any],
        selection: Selection,
        asked: TriggerRequest,
        *,
        dry_run: bool,
    ) -> JSONResponse:
        """Run the selected jobs. If the process ends meanwhile, a repeated request runs only those that are left."""

        async def work(key: RequestKey | None) -> Mapping[str, Any]:
            job_ids, refused = await self._selected(request, selection)
            if dry_run:
                expected = [Outcome(job_id, Result.DONE) for job_id in job_ids]
                return bulk_answer("trigger", [*refused, *expected], dry_run=True)
            before = await self._store.read(partial(_triggered, job_ids=job_ids, key=key)) if key else {}
            runs = (self._run(job_id, asked, key, before.get(job_id)) for job_id in job_ids)
            outcomes = [*refused, *await asyncio.gather(*runs)]
            answer = bulk_answer("trigger", outcomes, dry_run=False)
            entry = self._entry("trigger", selection, outcomes, asked.by)
            await self._actions.catalog.record(entry, key.kept(answer) if key else None)
            _log("trigger", outcomes, asked.by)
            return answer

        return await self._repeats.answer(request, body, work)

    async def _run(self, job_id: str, asked: TriggerRequest, key: RequestKey | None, before: str | None) -> Outcome:
        if before is not None:
            return Outcome(job_id, Result.DONE, execution_id=before)
        own = key.of_job(job_id) if key else None
        try:
            run = await self._actions.run(job_id, asked, key=own)
        except MySchedulerError as error:
            return Outcome(job_id, Result.REFUSED, str(error))
        return Outcome(job_id, Result.DONE, execution_id=run.execution_id)

    async def _selected(self, request: Request, selection: Selection) -> tuple[list[str], list[Outcome]]:
        """The selected jobs that the caller may act on, and the others. Raises `InvalidInputError` for too many."""
        selected = await self._store.read(partial(self._index.select, selection=selection))
        if len(selected) > MOST:
            message = said("too-many-jobs-match", count=len(selected), most=MOST)
            raise InvalidInputError([Complaint((), "too-many", message)])
        reasons = {job_id: self._refuses(request, job_id, labels) for job_id, labels in selected.items()}
        refused = [Outcome(job_id, Result.REFUSED, why) for job_id, why in reasons.items() if why is not None]
        return [job_id for job_id, why in reasons.items() if why is None], refused

    async def _effects(self, expected: Sequence[Outcome]) -> Effects:
        """What pausing these means for the jobs that run after them."""
        job_ids = [one.job_id for one in expected if one.result is Result.DONE]
        return effects_view(await asyncio.to_thread(effects_of_pause, self._chains.graph, job_ids))

    def _rehearsed(self, connection: Connection, order: Order, job_ids: Sequence[str]) -> list[Outcome]:
        jobs = job_rows.find_jobs(connection, job_ids)
        return decide(order, jobs, job_ids, self._actions.now())[1]

    def _entry(self, action: Action, selection: Selection, outcomes: Sequence[Outcome], by: str) -> AuditEntry | None:
        """The audit entry of the whole operation; `None` if it selected no job."""
        if not outcomes:
            return None
        return of_bulk(_AUDITED[action], selection.as_json(), counts(outcomes), at=self._actions.now(), actor=by)


def _triggered(connection: Connection, job_ids: Sequence[str], key: RequestKey) -> dict[str, str]:
    """By job, the execution that an earlier request with the same key started."""
    stored = ((job_id, key_rows.find(connection, key.of_job(job_id).key, since=key.at - KEPT)) for job_id in job_ids)
    return {
        job_id: kept.execution_id
        for job_id, kept in stored
        if kept and kept.execution_id and kept.fingerprint == key.fingerprint
    }


def _log(action: Action, outcomes: Sequence[Outcome], by: str) -> None:
    log.info(_DONE[action], extra={"by": by, **counts(outcomes)})
