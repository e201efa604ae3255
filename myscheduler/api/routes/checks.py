"""`/api/v1/validate` and `/api/v1/plan`: what `myscheduler validate` and `plan` say of manifests that are sent along.

Nothing is stored or changed.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.inquiries import Between, Inquiries
from myscheduler.api.input.sources import MOST_FILES, GivenSource, read_source
from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.sync import ManifestProblem
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.gitops.checking import check
from myscheduler.core.gitops.inventory import Item, inventory
from myscheduler.core.gitops.review import review
from myscheduler.core.job.job import Job
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.manifest.given import LONGEST_PATH, read_given
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.secrets.literals import masked_spec
from myscheduler.core.source.snapshot import IGNORE
from myscheduler.service.gitops.reconciler import Reconciler


class ValidateView(TypedDict):
    valid: bool
    """Whether no problem is an error."""
    jobs: int
    problems: list[ManifestProblem]


class PlanView(TypedDict):
    changes: list[dict[str, Any]]
    unchanged: int
    roots: list[dict[str, Any]]
    starts_per_day: dict[str, float]
    blocked_deletion: dict[str, Any] | None
    problems: list[ManifestProblem]


_TEXT = {"type": "string"}
_PATH = {
    "minLength": 1,
    "maxLength": LONGEST_PATH,
    "pattern": r"^(?!(.*/)?\.{1,2}(/|$))[^\u0000-\u001f\u007f-\u00a0/]+(/[^\u0000-\u001f\u007f-\u00a0/]+)*$",
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "One of the two.",
                    "properties": {
                        "files": {
                            "type": "object",
                            "description": "The files of a source by path, as the whole source.",
                            "propertyNames": _PATH,
                            "additionalProperties": _TEXT,
                            "minProperties": 1,
                            "maxProperties": MOST_FILES,
                        },
                        "manifest": _TEXT | {"description": "One file, as part of the source."},
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                }
            }
        },
    }
}


def checks_router(store: Store, reconciler: Reconciler, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["checks"])
    inquiries = Inquiries()

    @router.post(
        "/validate", operation_id="validate_manifests", responses=answers_with(ValidateView), openapi_extra=_BODY
    )
    async def validate_manifests(request: Request) -> Response:
        """Check manifests, and report every problem with its location. `policy.yaml`, `calendars.yaml`,
        `notifications.yaml` and `vars.yaml` among the files apply to them; without these, the ones of the service do.
        An `access.yaml` is checked as well.
        """
        given = await read_source(request)
        return Response(await inquiries.ask(partial(validated, given)), media_type="application/json")

    @router.post("/plan", operation_id="plan_manifests", responses=answers_with(PlanView), openapi_extra=_BODY)
    async def plan_manifests(request: Request) -> Response:
        """What applying manifests would change: fields, and the times at which jobs run. `files` are the whole source,
        so other manifest jobs would be deleted; `manifest` is a part of it, so others stay. Literal credentials are
        compared only in jobs that the caller is an editor of.
        """
        given = await read_source(request)
        begin = time.monotonic()
        desired = await inquiries.ask(partial(read, given))
        jobs = await store.read(partial(_jobs_for, desired=desired, is_whole=given.is_whole))
        work = partial(planned, desired, jobs, request.state.principal, is_whole=given.is_whole)
        found = await inquiries.ask(work, spent=time.monotonic() - begin)
        return Response(found, media_type="application/json")

    def validated(given: GivenSource, between: Between) -> bytes:
        desired = read(given, between)
        between()
        problems = check(desired, clock=Clock(now(), zone))
        is_valid = not any(problem.severity is Severity.ERROR for problem in problems)
        found = {"valid": is_valid, "jobs": len(desired.jobs), "problems": [one.as_json() for one in problems]}
        return orjson.dumps(found)

    def planned(desired: Desired, jobs: list[Job], principal: Principal, between: Between, *, is_whole: bool) -> bytes:
        items, clock = inventory(jobs), Clock(now(), zone)
        between()
        if not principal.has_everywhere(Role.EDITOR):
            desired, items = _comparable(desired, items, principal, between)
        stored = items if is_whole else {job_id: item for job_id, item in items.items() if _names(desired, job_id)}
        beside = {} if is_whole else {job_id: item for job_id, item in items.items() if job_id not in stored}
        found = review(desired, stored, clock=clock, beside=beside, between=between)
        return orjson.dumps(found.as_json())

    def read(given: GivenSource, between: Between) -> Desired:
        calendars, rules, told = reconciler.terms.calendars, reconciler.rulebook.rules, reconciler.notifications.rules
        try:
            return read_given(
                given.files,
                zone=zone,
                calendars=calendars,
                rules=rules,
                notifications=told,
                variables=reconciler.variables.rules,
                targets=reconciler.targets.rules,
                between=between,
            )
        except ValueError as error:
            raise InvalidInputError([Complaint(("files", IGNORE), "invalid-value", str(error))]) from error

    return router


def _jobs_for(connection: Connection, *, desired: Desired, is_whole: bool) -> list[Job]:
    """The stored jobs that a plan needs. A part of a source needs few, unless limits count the starts of all jobs."""
    if is_whole or desired.caps:
        return job_rows.all_jobs(connection)
    _, linked = chain_rows.stored_graph(connection)
    return list({**linked, **job_rows.find_jobs(connection, [*desired.jobs, *desired.held_ids])}.values())


def _comparable(
    desired: Desired, items: dict[str, Item], principal: Principal, between: Between
) -> tuple[Desired, dict[str, Item]]:
    """Both sides without literal credentials in jobs that the caller is no editor of: it could test guesses of them."""
    shown, declared = dict(items), dict(desired.jobs)
    for job_id, item in items.items():
        between()
        if principal.may_act(Role.EDITOR, job_id, item.spec.labels):
            continue
        shown[job_id] = replace(item, spec=masked_spec(item.spec))
        job = declared.get(job_id)
        if job is not None and job.spec is not None:
            declared[job_id] = replace(job, spec=masked_spec(job.spec), known_digest="")
    return replace(desired, jobs=declared), shown


def _names(desired: Desired, job_id: str) -> bool:
    """Whether the manifests declare the job, or name it in an invalid document."""
    return job_id in desired.jobs or job_id in desired.held_ids
