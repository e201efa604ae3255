"""The only way to send a request to a target: takes an attempt of an execution, returns its outcome.

All checks on whether a request may be sent belong here, so that none can be bypassed.
"""

import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from myscheduler.adapters.http.sender import Sender
from myscheduler.adapters.secret_files import Secrets
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request, build_request, filled, may_refer
from myscheduler.core.calls.trace import Sampling, trace_headers
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.grants import Grants, refused
from myscheduler.core.policy.policy import Policy, insecure
from myscheduler.core.secrets.redaction import redact
from myscheduler.core.secrets.references import references_of
from myscheduler.messages.message import all_of, said

_ALL = Sampling()


class Caller(Protocol):
    """Makes the HTTP calls of executions."""

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        """Make one attempt (`attempt` counts from 1) and return its outcome.

        A failure of the target, and anything that keeps the request from being sent, is an outcome; only cancellation
        and bugs raise. It never retries.
        """
        ...


class LocalCaller:
    """Makes the calls from this process.

    A request is sent with the current values of its secrets. Nothing is sent if one can't be read, if a job of the API
    is not granted one, or if the sender's guard does not allow the address.
    """

    def __init__(
        self,
        sender: Sender,
        secrets: Secrets,
        *,
        grants: Callable[[], Grants],
        user_agent: str,
        sampling: Sampling = _ALL,
        policies: Callable[[], Sequence[Policy]] = tuple,
    ) -> None:
        """`grants` returns which secrets jobs of the API may use; it is called for each request with secrets. The
        targets are told by `sampling` whether to record their part of a trace. `policies` are those of all jobs, which
        are asked again at each call without a check of certificates.
        """
        self._sender = sender
        self._secrets = secrets
        self._grants = grants
        self._user_agent = user_agent
        self._sampling = sampling
        self._policies = policies

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        tls = job.spec.transport.tls
        if tls is not None and not tls.verify and insecure(job.spec.target_url, self._policies()):
            return Outcome(failure=Failure.INVALID_REQUEST, error=said("insecure-tls"))
        trace = trace_headers(execution.execution_id, attempt, self._sampling, execution.parent)
        request = build_request(
            job.spec,
            execution.execution_id,
            execution.slot,
            attempt,
            user_agent=self._user_agent,
            trace=trace,
            cause=execution.cause,
            revision=execution.source.revision if execution.source else "",
        )
        if not may_refer(request):
            return await self._sender.send(request)
        return await self._call_with_secrets(job, request)

    async def _call_with_secrets(self, job: Job, request: Request) -> Outcome:
        names = references_of(job.spec)
        if job.owner is Owner.API and (why := refused(names, self._grants(), job.spec)):
            return Outcome(failure=Failure.SECRET_NOT_ALLOWED, error=all_of(why))
        found = await self._secrets.find(names)
        if isinstance(found, Outcome):
            return found
        request = filled(request, job.spec, found)
        try:
            return await self._sender.send(request)
        except Exception as error:  # noqa: BLE001 - it is raised again
            # a library's error message may contain the values passed to it
            trace = redact("".join(traceback.format_exception(error)), request.secrets)
            raise RedactedBugError(trace) from None


class RedactedBugError(Exception):
    """A bug in a call with secrets; the message is the stack trace with the secrets redacted."""
