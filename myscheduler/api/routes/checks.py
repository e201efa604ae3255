"""`/api/v1/validate` and `/api/v1/plan`: what `myscheduler validate` and `plan` say of manifests that are sent along.

Nothing is stored or changed.
"""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.inquiries import Between, Inquiries
from myscheduler.api.input.sources import MOST_FILES, GivenSource, read_source
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.gitops.checking import check
from myscheduler.core.gitops.inventory import inventory
from myscheduler.core.gitops.review import review
from myscheduler.core.job.job import Job
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.manifest.given import read_given
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.source.snapshot import IGNORE
from myscheduler.service.gitops.reconciler import Reconciler


class ProblemView(TypedDict):
    path: str
    """The path of the file; `manifest.yaml` for a single text."""
    line: int
    column: int
    field: str
    rule: str
    severity: str
    """`error` or `warning`."""
    message: str


class ValidateView(TypedDict):
    valid: bool
    """Whether no problem is an error."""
    jobs: int
    problems: list[ProblemView]


class PlanView(TypedDict):
    changes: list[dict[str, Any]]
    unchanged: int
    starts_per_day: dict[str, float]
    blocked_deletion: dict[str, Any] | None
    problems: list[ProblemView]


_TEXT = {"type": "string"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {
                                "files": {
                                    "type": "object",
                                    "description": "The files of a source by path, as the whole source.",
                                    "additionalProperties": _TEXT,
                                    "minProperties": 1,
                                    "maxProperties": MOST_FILES,
                                }
                            },
                            "required": ["files"],
                            "additionalProperties": False,
                        },
                        {
                            "type": "object",
                            "properties": {"manifest": _TEXT | {"description": "One file, as part of the source."}},
                            "required": ["manifest"],
                            "additionalProperties": False,
                        },
                    ]
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
        "/validate", operation_id="validate_manifests", responses={200: {"model": ValidateView}}, openapi_extra=_BODY
    )
    async def validate_manifests(request: Request) -> Response:
        """Check manifests, and report every problem with its location. `policy.yaml` and `calendars.yaml` among the
        files apply to them; without these, the ones of the service do.
        """
        given = await read_source(request)
        return Response(await inquiries.ask(partial(validated, given)), media_type="application/json")

    @router.post("/plan", operation_id="plan_manifests", responses={200: {"model": PlanView}}, openapi_extra=_BODY)
    async def plan_manifests(request: Request) -> Response:
        """What applying manifests would change: fields, and the times at which jobs run. `files` are the whole source,
        so other manifest jobs would be deleted; `manifest` is a part of it, so others stay.
        """
        given = await read_source(request)
        begin = time.monotonic()
        desired = await inquiries.ask(partial(read, given))
        jobs = await store.read(partial(_jobs_for, desired=desired, is_whole=given.is_whole))
        found = await inquiries.ask(partial(planned, desired, jobs, given.is_whole), spent=time.monotonic() - begin)
        return Response(found, media_type="application/json")

    def validated(given: GivenSource, between: Between) -> bytes:
        desired = read(given, between)
        between()
        problems = check(desired, clock=Clock(now(), zone))
        is_valid = not any(problem.severity is Severity.ERROR for problem in problems)
        found = {"valid": is_valid, "jobs": len(desired.jobs), "problems": [one.as_json() for one in problems]}
        return orjson.dumps(found)

    def planned(desired: Desired, jobs: list[Job], is_whole: bool, between: Between) -> bytes:
        items, clock = inventory(jobs), Clock(now(), zone)
        between()
        stored = items if is_whole else {job_id: item for job_id, item in items.items() if _names(desired, job_id)}
        beside = {} if is_whole else {job_id: item for job_id, item in items.items() if job_id not in stored}
        found = review(desired, stored, clock=clock, beside=beside, between=between)
        return orjson.dumps(found.as_json())

    def read(given: GivenSource, between: Between) -> Desired:
        calendars, rules = reconciler.terms.calendars, reconciler.rulebook.rules
        try:
            return read_given(given.files, zone=zone, calendars=calendars, rules=rules, between=between)
        except ValueError as error:
            raise InvalidInputError([Complaint(("files", IGNORE), "invalid-value", str(error))]) from error

    return router


def _jobs_for(connection: Connection, *, desired: Desired, is_whole: bool) -> list[Job]:
    """The stored jobs that a plan needs. A part of a source needs few, unless limits count the starts of all jobs."""
    if is_whole or desired.caps:
        return job_rows.all_jobs(connection)
    return list(job_rows.find_jobs(connection, [*desired.jobs, *desired.held_ids]).values())


def _names(desired: Desired, job_id: str) -> bool:
    """Whether the manifests declare the job, or name it in an invalid document."""
    return job_id in desired.jobs or job_id in desired.held_ids
