"""The one door to sending: an attempt of an execution goes in, its outcome comes out.

What decides whether a request may leave belongs here, so that there is no other way to a target.
"""

import traceback
from collections.abc import Callable
from typing import Protocol

from myscheduler.adapters.http.sender import Sender
from myscheduler.adapters.secret_files import Secrets
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request, build_request, filled, may_refer
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.grants import Grants, refused
from myscheduler.core.secrets.redaction import redact
from myscheduler.core.secrets.references import references_of


class Caller(Protocol):
    """Makes the calls of executions, in this process or elsewhere."""

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        """Make the attempt with this number, from 1, and return when its outcome is known.

        Whatever a target does, and whatever keeps a request from leaving, is an outcome. Only cancellation and bugs are
        raised. Nothing is sent again by itself.
        """
        ...


class LocalCaller:
    """Calls from this process.

    A request leaves with the secrets as they are at this moment, and not at all where one can't be had, where a job of
    the API is not granted one, or where the sender's guard does not let it reach the address.
    """

    def __init__(self, sender: Sender, secrets: Secrets, *, grants: Callable[[], Grants], user_agent: str) -> None:
        """`grants` says which secrets jobs of the API may use; it is asked for each call."""
        self._sender = sender
        self._secrets = secrets
        self._grants = grants
        self._user_agent = user_agent

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        request = build_request(job.spec, execution.execution_id, execution.slot, attempt, user_agent=self._user_agent)
        if not may_refer(request):
            return await self._sender.send(request)
        return await self._call_with_secrets(job, request)

    async def _call_with_secrets(self, job: Job, request: Request) -> Outcome:
        names = references_of(job.spec)
        if job.owner is Owner.API and (why := refused(names, self._grants(), job.spec)):
            return Outcome(failure=Failure.SECRET_NOT_ALLOWED, error="; ".join(why))
        found = await self._secrets.find(names)
        if isinstance(found, Outcome):
            return found
        request = filled(request, job.spec, found)
        try:
            return await self._sender.send(request)
        except Exception as error:  # noqa: BLE001 - it is raised again
            # what a library says of its trouble may hold what it was given
            told = redact("".join(traceback.format_exception(error)), request.secrets)
            raise RedactedBugError(told) from None


class RedactedBugError(Exception):
    """A bug in a call that holds secrets; the message is its stack trace without them."""
