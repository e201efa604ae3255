"""Whether a caller may do what a request asks for, by the table of operations."""

from collections.abc import Mapping
from functools import partial

from fastapi import Request
from fastapi.routing import APIRoute

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.core.access.operations import OPERATIONS, Operation, Target
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.history.execution import is_of
from myscheduler.errors import ForbiddenError
from myscheduler.messages.message import said


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
        if operation.target not in {Target.JOB, Target.EXECUTION, Target.INCIDENT} or principal.has_everywhere(
            operation.role
        ):
            return
        found = await self._store.read(partial(_job_of, target=operation.target, path=request.path_params))
        if found is None:
            return  # the route says that there is none
        job_id, labels = found
        if job_id is None:
            require_everywhere(principal, operation.role)
        else:
            require_job(principal, operation.role, job_id, labels)


def require(principal: Principal, operation: Operation) -> None:
    """Raises `ForbiddenError` if the caller has the role nowhere or, for the service as a whole, not everywhere."""
    if operation.target is Target.EVERYTHING and not principal.has_everywhere(operation.role):
        code = "role-needed-for-all" if principal.has(operation.role) else "role-needed"
        raise ForbiddenError(said(code, role=operation.role, caller=_named(principal)))
    if not principal.has(operation.role):
        raise ForbiddenError(said("role-needed", role=operation.role, caller=_named(principal)))


def require_everywhere(principal: Principal, role: Role) -> None:
    """Raises `ForbiddenError` if the caller does not have the role for all jobs."""
    if not principal.has_everywhere(role):
        raise ForbiddenError(said("role-needed-for-all", role=role, caller=_named(principal)))


def require_job(principal: Principal, role: Role, job_id: str, labels: Mapping[str, str]) -> None:
    """Raises `ForbiddenError` if the caller does not have the role for a job with this id and these labels."""
    if not principal.may_act(role, job_id, labels):
        message = said("job-not-in-scope", job_id=job_id[:300], caller=_named(principal), role=role)
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
    return repr(principal.name) if principal.is_named else said("the-token")


def _job_of(
    connection: Connection, *, target: Target, path: Mapping[str, str]
) -> tuple[str | None, Mapping[str, str]] | None:
    """The id and the labels of the job that is acted on; no labels for a deleted one, also if its id is taken now. No
    id for an incident of a target or host, which concerns many jobs. `None` if there is nothing to act on.
    """
    match target:
        case Target.EXECUTION:
            job_id = _job_of_execution(connection, path["execution_id"])
        case Target.INCIDENT:
            incident = incident_rows.find(connection, path["incident_id"])
            if incident is not None and incident.job_id is None:
                return None, {}
            job_id = incident.job_id if incident else None
        case _:
            job_id = path["job_id"]
    if job_id is None:
        return None
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    of_earlier = path.get("execution_id") or path.get("incident_id")
    if job is None or (of_earlier and not is_of(job, of_earlier)):
        return job_id, {}
    return job_id, job.spec.labels


def _job_of_execution(connection: Connection, execution_id: str) -> str | None:
    waiting = queued_rows.find(connection, execution_id)  # first: it may start meanwhile
    records = execution_rows.by_ids(connection, [execution_id])
    return records[0].job_id if records else waiting.job_id if waiting else None
