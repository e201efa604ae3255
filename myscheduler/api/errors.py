"""Errors as RFC 9457 problem details. `detail` is always a string that says what is wrong and what to do."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from myscheduler.api.methods import allow, allowed_methods
from myscheduler.core.bounds import LONGEST_DETAIL, MOST_PROBLEMS
from myscheduler.core.findings.problem import Complaint, cut, did_you_mean, shown
from myscheduler.errors import (
    ChainNotFoundError,
    ExecutionConflictError,
    ExecutionNotFoundError,
    ForbiddenError,
    IncidentConflictError,
    IncidentNotFoundError,
    JobChangedError,
    JobConflictError,
    JobNotFoundError,
    MySchedulerError,
    SourceFileConflictError,
    SourceFileNotFoundError,
    StoreUnavailableError,
    TokenNameTakenError,
    TokenNotFoundError,
    TooManyJobsError,
    TooManyTokensError,
    TriggerConflictError,
)
from myscheduler.log import REQUEST_ID
from myscheduler.messages.message import coded, said

MEDIA_TYPE = "application/problem+json"
TYPES = {
    400: ("bad-request", "Bad request"),
    401: ("not-authorized", "Not authorized"),
    403: ("forbidden", "Forbidden"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("too-slow", "Request timeout"),
    409: ("conflict", "Conflict"),
    412: ("precondition-failed", "Precondition failed"),
    413: ("too-large", "Too large"),
    415: ("unsupported-media-type", "Unsupported media type"),
    416: ("range-not-satisfiable", "Range not satisfiable"),
    421: ("misdirected", "Misdirected request"),
    422: ("invalid-input", "Invalid input"),
    429: ("too-many-requests", "Too many requests"),
    431: ("headers-too-large", "Headers too large"),
    500: ("bug", "Internal server error"),
    503: ("unavailable", "Unavailable"),
}
"""The last part of the `type` and the title of each kind of problem; docs/rest-api.md explains them."""
PREFIX = "urn:myscheduler:problem:"
"""A URN, because there is no host at which a page about problems would stay."""
BUG = said("internal-error")
_STATUS_OF = {
    ForbiddenError: 403,
    JobNotFoundError: 404,
    ExecutionNotFoundError: 404,
    ChainNotFoundError: 404,
    IncidentNotFoundError: 404,
    TokenNotFoundError: 404,
    SourceFileNotFoundError: 404,
    JobConflictError: 409,
    SourceFileConflictError: 409,
    ExecutionConflictError: 409,
    IncidentConflictError: 409,
    TriggerConflictError: 409,
    TokenNameTakenError: 409,
    TooManyJobsError: 409,
    TooManyTokensError: 409,
    JobChangedError: 412,
    StoreUnavailableError: 503,
}

_LONGEST_PATH = 300
"""The most characters of a path in a message."""

log = logging.getLogger(__name__)


class InvalidInputError(MySchedulerError):
    """The input breaks rules. `complaints` has all of them at once, up to `MOST_PROBLEMS`. Answered with 422."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = list(complaints[:MOST_PROBLEMS])
        if (more := len(complaints) - MOST_PROBLEMS) > 0:
            self.complaints.append(Complaint((), "more-problems", said("and-more", count=more)))
        found = "; ".join(f"{one.field}: {one.message}" if one.loc else one.message for one in self.complaints)
        super().__init__(cut(said("invalid-input", errors=found, count=len(complaints)), LONGEST_DETAIL))


class BadRequestError(MySchedulerError):
    """The request can't be read at all. Answered with `status`."""

    def __init__(self, message: str, status: int = 400, *, retry_sec: int | None = None) -> None:
        """`retry_sec` says after how many seconds the same request may succeed."""
        super().__init__(message)
        self.status = status
        self.headers = {} if retry_sec is None else {"Retry-After": str(retry_sec)}


class _Problem(JSONResponse):
    """Problem details that may quote any text: a lone surrogate, which UTF-8 can't encode, becomes a question mark."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def install(app: FastAPI) -> None:
    """Make the app answer every error with problem details."""
    app.add_exception_handler(MySchedulerError, _on_own)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_hang_up)
    app.add_exception_handler(Exception, _on_bug)


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, errors: Sequence[Any] = ()
) -> JSONResponse:
    """The answer for an error; `errors` lists the single mistakes of an input."""
    content = problem_details(status, detail)
    if errors:
        content["errors"] = errors
    return _Problem(content, status, headers)


def problem_details(status: int, detail: str) -> dict[str, Any]:
    """The members that all problems have."""
    kind, title = TYPES.get(status, ("error", "Error"))
    request_id = REQUEST_ID.get()
    of_request = {"request_id": request_id} if request_id else {}
    return {
        "type": PREFIX + kind,
        "title": title,
        "status": status,
        "detail": detail,
        "detail_coded": coded(detail),
        **of_request,
    }


async def _on_own(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, InvalidInputError):
        errors = [
            {"field": c.field, "rule": c.rule, "message": c.message, "message_coded": coded(c.message)}
            for c in error.complaints
        ]
        return problem(422, str(error), errors=errors)
    if isinstance(error, BadRequestError):
        return problem(error.status, cut(str(error), LONGEST_DETAIL), headers=error.headers)
    status = next((code for kind, code in _STATUS_OF.items() if isinstance(error, kind)), None)
    if status is None:
        return await _on_bug(_request, error)
    return problem(status, cut(str(error), LONGEST_DETAIL))


async def _on_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    complaints = [
        Complaint(tuple(found["loc"][1:]), found["type"], _parameter_fault(found)) for found in error.errors()
    ]
    return await _on_own(_request, InvalidInputError(complaints))


def _parameter_fault(found: Mapping[str, Any]) -> str:
    """What is wrong with a parameter, by one error of pydantic, which names a limit or the expected values."""
    context, written = found.get("ctx", {}), str(found["input"])
    match found["type"]:
        case "missing":
            return said("is-missing")
        case "enum" | "literal_error":
            expected = str(context["expected"])
            near = did_you_mean(written, _QUOTED.findall(expected))
            return said("not-one-of", value=shown(written), expected=expected, hint=near)
        case "bool_parsing":
            return said("has-to-be-boolean", found=said("the-text", value=shown(written)))
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            text = said("the-text", value=shown(written))
            return said("has-to-be-number", what=said("a-whole-number"), found=text)
    limit = next((context[name] for name in _LIMITS if name in context), None)
    text = found["msg"].replace("Input should", "should").replace("String should", "should")
    return said("parameter-invalid", text=text, rule=found["type"], limit=limit)


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
_QUOTED = re.compile("'([^']*)'")


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    detail, headers, path = error.detail, error.headers, cut(request.url.path, _LONGEST_PATH)
    if error.status_code == 404:
        detail = said("no-route", path=path)
    elif error.status_code == 405:
        detail = said("method-not-allowed", method=request.method, path=path)
        headers = allow(allowed_methods(request.app.router, request.scope))
    return problem(error.status_code, detail, headers=headers)


async def _on_hang_up(_request: Request, _error: Exception) -> JSONResponse:
    """The caller is gone, so this is never read; it only ends the request without an error in the log."""
    return problem(400, said("connection-closed"))


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    log.error("a bug ended %s %s", request.method, request.url.path, exc_info=error)
    return problem(500, BUG)
