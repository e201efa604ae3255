"""Whether a caller may do what a request asks for, by the table of operations."""

from collections.abc import Mapping
from functools import partial

from fastapi import Request
from fastapi.routing import APIRoute

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.core.access.operations import OPERATIONS, Operation, Target
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.errors import ForbiddenError


def operation_of(route: APIRoute) -> str:
    """The id of a route's operation, as the OpenAPI document has it."""
    return route.operation_id or route.name


class Permissions:
    """Checks the role and the scope of callers. A caller without a scope costs no look into the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def check(self, request: Request, principal: Principal) -> None:
        """Raises `ForbiddenError` if the caller lacks the role of the operation, or the job is out of its scope.

        For what a body declares or selects, this checks the role only: the route calls `require_job`.
        """
        operation = OPERATIONS[operation_of(request.scope["route"])]
        require(principal, operation)
        if operation.target not in {Target.JOB, Target.EXECUTION} or principal.has_everywhere(operation.role):
            return
        found = await self._store.read(partial(_job_of, target=operation.target, path=request.path_params))
        if found is not None:  # else the route says that there is none
            require_job(principal, operation.role, *found)


def require(principal: Principal, operation: Operation) -> None:
    """Raises `ForbiddenError` if the caller has the role nowhere or, for the service as a whole, not everywhere."""
    if operation.target is Target.EVERYTHING and not principal.has_everywhere(operation.role):
        limited = " for all jobs" if principal.has(operation.role) else ""
        raise ForbiddenError(f"this needs the role {operation.role}{limited}, and {_named(principal)} does not have it")
    if not principal.has(operation.role):
        raise ForbiddenError(f"this needs the role {operation.role}, and {_named(principal)} does not have it")


def require_job(principal: Principal, role: Role, job_id: str, labels: Mapping[str, str]) -> None:
    """Raises `ForbiddenError` if the caller does not have the role for a job with this id and these labels."""
    if not principal.may_act(role, job_id, labels):
        message = f"job {job_id[:300]!r} is not in a scope in which {_named(principal)} has the role {role}"
        raise ForbiddenError(message)


def require_operation(request: Request, name: str) -> None:
    """Raises `ForbiddenError` if the caller of the request may not do the operation."""
    require(request.state.principal, OPERATIONS[name])


def refuses(request: Request, job_id: str, labels: Mapping[str, str]) -> str | None:
    """Why the caller may not operate this job, which a body selects; `None` if the caller may."""
    try:
        require_job(request.state.principal, Role.OPERATOR, job_id, labels)
    except ForbiddenError as error:
        return str(error)
    return None


def _named(principal: Principal) -> str:
    return f"{principal.name!r}" if principal.is_named else "the token"


def _job_of(connection: Connection, *, target: Target, path: Mapping[str, str]) -> tuple[str, Mapping[str, str]] | None:
    """The id and the labels of the job that is acted on; no labels for one that is deleted."""
    if target is Target.EXECUTION:
        execution_id = path["execution_id"]
        waiting = queued_rows.find(connection, execution_id)  # first: it may start meanwhile
        records = execution_rows.by_ids(connection, [execution_id])
        job_id = records[0].job_id if records else waiting.job_id if waiting else None
    else:
        job_id = path["job_id"]
    if job_id is None:
        return None
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    return (job_id, job.spec.labels) if job else (job_id, {})
