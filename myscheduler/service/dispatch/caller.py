"""The only way to send a request to a target: takes an attempt of an execution, returns its outcome.

All checks on whether a request may be sent belong here, so that none can be bypassed.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Protocol

from myscheduler.adapters.http.sender import Sender
from myscheduler.adapters.identity.identity import Identified
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request, build_request
from myscheduler.core.calls.trace import TRACEPARENT, Sampling, trace_headers
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.policy import Policy, insecure
from myscheduler.core.secrets.redaction import redact
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.rendering import rendered
from myscheduler.messages.message import said
from myscheduler.service.dispatch.plain_requests import PlainRequests
from myscheduler.service.dispatch.preparing import Preparing, is_complete

ALL = Sampling()
UNAUTHORIZED = 401


class Caller(Protocol):
    """Makes the HTTP calls of executions."""

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        """Make one attempt (`attempt` counts from 1) and return its outcome.

        A failure of the target, and anything that keeps the request from being sent, is an outcome; only cancellation
        and bugs raise, and `SenderLostError` if what makes the call ends before its outcome is known. It never retries,
        with one exception: a target that refuses a kept token is called once more, with a new one.
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
        preparing: Preparing,
        *,
        user_agent: str,
        sampling: Sampling = ALL,
        zone: str = "UTC",
        policies: Callable[[], Sequence[Policy]] = tuple,
    ) -> None:
        """The targets are told by `sampling` whether to record their part of a trace. `zone` is the service's, for the
        templates of jobs that name none. `policies` are those of all jobs, which are asked again at each call without a
        check of certificates.
        """
        self._sender = sender
        self._preparing = preparing
        self._user_agent = user_agent
        self._sampling = sampling
        self._zone = zone
        self._policies = policies
        self._plain = PlainRequests(user_agent)

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        trace = trace_headers(execution.execution_id, attempt, self._sampling, execution.parent)
        if found := self._plain.ready(job, execution, attempt, trace[TRACEPARENT]):
            return await self._sender.send(*found)
        if job.spec.templates:
            try:
                job = self._rendered(job, execution)
            except TemplateError as error:
                return Outcome(failure=Failure.TEMPLATE, error=error.message)
        tls = job.spec.transport.tls
        if tls is not None and not tls.verify and insecure(job.spec.target_url, self._policies()):
            return Outcome(failure=Failure.INVALID_REQUEST, error=said("insecure-tls"))
        request = build_request(
            job.spec,
            execution.execution_id,
            execution.slot,
            attempt,
            user_agent=self._user_agent,
            trace=trace,
            cause=execution.cause,
            revision=execution.source.revision if execution.source else "",
            of_api=job.owner is Owner.API,
            chain_id=execution.link.chain_id if execution.link else "",
            parent_id=(execution.link.parent_id or "") if execution.link else "",
        )
        if is_complete(job.spec, request):
            return await self._sender.send(request)
        return await self._call_prepared(job, request, execution.execution_id)

    def _rendered(self, job: Job, execution: Execution) -> Job:
        """The job with the texts of its templates at this execution: the same ones at each of its attempts."""
        spec, slot, created_at = job.spec, execution.slot, job.created_at
        context = Context.of(spec, slot, execution.execution_id, zone=self._zone, created_at=created_at)
        if execution.upstream is not None:
            context = replace(context, upstream=execution.upstream)
        return replace(job, spec=rendered(spec, context))

    async def _call_prepared(self, job: Job, request: Request, execution_id: str) -> Outcome:
        """Complete the request and send it; once more, with a new token, if the target refuses one that was kept.

        The timeout of the job is for all of it.
        """
        end = monotonic() + request.timeout_sec
        prepared, outcome = await self._send_prepared(job, request, execution_id, end)
        if outcome.http_status == UNAUTHORIZED and prepared is not None and prepared.refuse is not None:
            prepared.refuse()
            _, outcome = await self._send_prepared(job, request, execution_id, end)
        return outcome

    async def _send_prepared(
        self, job: Job, request: Request, execution_id: str, end: float
    ) -> tuple[Identified | None, Outcome]:
        """Until `end`, which is a time of `monotonic`; the request is `None` if it could not be completed."""
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - monotonic()):
                prepared = await self._preparing.complete(job, request, execution_id)
        except TimeoutError:
            error = said("token-late", seconds=request.timeout_sec)
            return None, Outcome(failure=Failure.AUTH_FAILED, error=error, is_unreached=True)
        if isinstance(prepared, Outcome):
            return None, prepared
        left = max(round(end - monotonic(), 1), 0.1)
        timely = replace(prepared.request, timeout_sec=min(left, request.timeout_sec))
        return prepared, await _guarded(self._sender.send, timely)


async def _guarded(send: Callable[[Request], Awaitable[Outcome]], request: Request) -> Outcome:
    try:
        return await send(request)
    except Exception as error:  # noqa: BLE001 - it is raised again
        # a library's error message may contain the values passed to it
        trace = redact("".join(traceback.format_exception(error)), request.secrets)
        raise RedactedBugError(trace) from None


class SenderLostError(Exception):
    """The process that made a call has ended, so nobody knows whether the request was sent, and what came of it."""


class RedactedBugError(Exception):
    """A bug in a call with secrets; the message is the stack trace with the secrets redacted."""
