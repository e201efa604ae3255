"""The checks of every request, in one dependency, because FastAPI takes long for each of them."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from myscheduler.api.door.authentication import Authentication
from myscheduler.api.door.permission import Permissions
from myscheduler.api.door.rate_limit import count_request
from myscheduler.api.input.queries import check_parameters, refuse_nul


async def guard(request: Request) -> None:
    """The checks of a route that is open to everybody."""
    count_request(request.scope)
    check_parameters(request)
    refuse_nul(request)


def guard_with_access(authentication: Authentication, permissions: Permissions) -> Callable[[Request], Awaitable[None]]:
    """The checks of a route that is not; they put the caller into `request.state.principal`."""

    async def check(request: Request) -> None:
        principal = request.state.principal = await authentication.principal_of(request)
        count_request(request.scope, principal)
        await guard(request)
        await permissions.check(request, principal)
        request.state.check_again = check_again

    async def check_again(request: Request) -> None:
        """For a request whose body came late: a token may have been revoked, or a job moved out of scope, meanwhile."""
        principal = request.state.principal = await authentication.principal_of(request)
        await permissions.check(request, principal)

    return check
