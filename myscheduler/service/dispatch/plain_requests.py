"""Requests of plain jobs: what never changes is prepared once, and an attempt only fills in the rest.

A job is plain if its request is complete as it is declared: no secret, credential, signature, file, template, redirect
or proxy. Its head is made as that of any other request, with marks in the places of what each attempt says.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from myscheduler.adapters.http.message import Message, message_of
from myscheduler.adapters.http.wire import head_of
from myscheduler.core.calls.request import Request, build_request, may_refer, rfc3339
from myscheduler.core.calls.trace import TRACEPARENT
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.payload import Multipart
from myscheduler.core.job.spec import JobSpec

MOST_PREPARED = 16_384
"""Jobs whose requests are kept; about 2 kB each."""

_ID, _TRACE, _SLOT, _ATTEMPT, _CAUSE, _CHAIN = _MARKS = [chr(0xF0000 + number) for number in range(6)]
"""Characters for private use, so that hardly any text has them; a job with one is not plain."""
_HEADERS = {
    "X-MyScheduler-Scheduled-At": _SLOT,
    "X-MyScheduler-Attempt": _ATTEMPT,
}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Prepared:
    """The request of a job."""

    spec: JobSpec
    revision: str
    owner: Owner
    request: Request | None
    """`None` if the job is not plain."""
    message: Message | None
    pattern: str
    """The head, for `%` with a mapping."""


class PlainRequests:
    """The prepared requests of jobs that were called lately."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._prepared: dict[str, _Prepared] = {}

    def ready(self, job: Job, execution: Execution, attempt: int, traceparent: str) -> tuple[Request, Message] | None:
        """The request of an attempt and its message; `None` if it has to be made by `build_request` and `message_of`.

        The headers of the request are not those of the attempt: only the message is sent.
        """
        if execution.parent is not None:
            return None
        revision = execution.source.revision if execution.source else ""
        found = self._prepared.get(job.job_id)
        if found is None or found.spec is not job.spec or found.revision != revision or found.owner is not job.owner:
            found = self._prepare(job, revision)
        request, message = found.request, found.message
        if request is None or message is None:
            return None
        link = execution.link
        head = found.pattern % {
            "id": execution.execution_id,
            "trace": traceparent,
            "slot": rfc3339(execution.slot),
            "attempt": attempt,
            "cause": execution.cause,
            "chain": "" if link is None else _chain_lines(link.chain_id, link.parent_id),
        }
        return request, Message(message.method, message.destination, message.headers, message.body, head.encode())

    def _prepare(self, job: Job, revision: str) -> _Prepared:
        if len(self._prepared) >= MOST_PREPARED:
            del self._prepared[next(iter(self._prepared))]
        self._prepared[job.job_id] = found = _prepared(job, revision, self._user_agent)
        return found


def _chain_lines(chain_id: str, parent_id: str | None) -> str:
    lines = f"X-MyScheduler-Chain-Id: {chain_id}\r\n"
    return lines if parent_id is None else f"{lines}X-MyScheduler-Parent-Execution-Id: {parent_id}\r\n"


def _prepared(job: Job, revision: str, user_agent: str) -> _Prepared:
    spec = job.spec
    none = _Prepared(spec, revision, job.owner, None, None, "")
    if not _may_be_plain(spec):
        return none
    made = build_request(
        spec,
        _ID,
        _LONG_AGO,
        1,
        user_agent=user_agent,
        trace={TRACEPARENT: _TRACE},
        cause=_CAUSE,
        revision=revision,
        of_api=job.owner is Owner.API,
        chain_id=_CHAIN,
    )
    if may_refer(made):
        return none
    request = replace(made, headers={**made.headers, **_HEADERS})
    try:
        message = message_of(request)
    except ValueError:
        return none
    head = head_of(message)
    if any(head.count(mark) > (2 if mark == _ID else 1) for mark in _MARKS):
        return none
    return _Prepared(spec, revision, job.owner, request, message, _pattern(head))


def _may_be_plain(spec: JobSpec) -> bool:
    transport = spec.transport
    return (
        not spec.templates
        and spec.auth is None
        and spec.sign is None
        and not isinstance(spec.payload, Multipart)
        and transport.follow_redirects == 0
        and transport.proxy is None
        and transport.tls is None
    )


def _pattern(head: str) -> str:
    """The head with names in the places of the marks."""
    pattern = head.replace("%", "%%").replace(f"X-MyScheduler-Chain-Id: {_CHAIN}\r\n", "%(chain)s")
    names = {_ID: "id", _TRACE: "trace", _SLOT: "slot", _ATTEMPT: "attempt", _CAUSE: "cause"}
    for mark, name in names.items():
        pattern = pattern.replace(mark, f"%({name})s")
    return pattern
