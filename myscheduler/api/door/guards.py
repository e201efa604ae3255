"""The checks of every request, in one dependency, because FastAPI takes long for each of them."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from myscheduler.api.door.authentication import Authentication
from myscheduler.api.door.permission import Permissions
from myscheduler.api.input.queries import check_parameters, refuse_nul


async def guard(request: Request) -> None:
    """The checks of a route that is open to everybody."""
    check_parameters(request)
    refuse_nul(request)


def guard_with_access(authentication: Authentication, permissions: Permissions) -> Callable[[Request], Awaitable[None]]:
    """The checks of a route that is not; they put the caller into `request.state.principal`."""

    async def check(request: Request) -> None:
        principal = request.state.principal = await authentication.principal_of(request)
        await guard(request)
        await permissions.check(request, principal)

    return check
