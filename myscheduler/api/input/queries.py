"""Checks the parameters of every route.

A query parameter that the route does not know is an error, and so is one that appears twice but takes a single value.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from fastapi import HTTPException, Query, Request
from fastapi.routing import APIRoute

from myscheduler.api.errors import InvalidInputError
from myscheduler.core.bounds import LONGEST_ACTOR, MOST_PARAMETERS
from myscheduler.core.findings.problem import Complaint, did_you_mean, shown
from myscheduler.errors import JobNotFoundError
from myscheduler.messages.message import said

By = Annotated[
    str | None,
    Query(
        max_length=LONGEST_ACTOR, description="Who does it, as it is recorded; the name of a token's owner goes first."
    ),
]
"""For routes whose body says something else, or that have none; see `bodies.actor_of`."""
MOST_REPORTED = 20
"""The most mistakes reported in one answer."""


def check_parameters(request: Request) -> None:
    """Raises `InvalidInputError` with the first `MOST_REPORTED` mistakes."""
    query: bytes = request.scope["query_string"]
    if not query:
        return
    if query.count(b"&") >= MOST_PARAMETERS:
        message = said("too-many-parameters", most=MOST_PARAMETERS)
        raise InvalidInputError([Complaint((), "too-large", message)])
    known = _parameters(request.scope["route"])
    counts = Counter(name for name, _ in request.query_params.multi_items())
    wrong = list(_mistakes(counts, known))
    if wrong:
        raise InvalidInputError([_complaint(name, known) for name in wrong[:MOST_REPORTED]])


def refuse_nul(request: Request) -> None:
    """Answers 404 for a NUL in the path: no id has one, and PostgreSQL rejects a query with it."""
    for name, value in request.path_params.items():
        if "\x00" in str(value):
            raise JobNotFoundError(value) if name == "job_id" else HTTPException(404)


def _mistakes(counts: Counter[str], known: dict[str, bool]) -> Iterator[str]:
    for name, count in counts.items():
        if name not in known or (count > 1 and not known[name]):
            yield name


def _complaint(name: str, known: dict[str, bool]) -> Complaint:
    label = name if len(name) <= 60 else f"{name[:59]}…"
    if name in known:
        return Complaint((label,), "repeated-parameter", said("parameter-twice"))
    hint = did_you_mean(name, known)
    if not hint:
        hint = said("parameters-are", known=", ".join(known)) if known else said("no-parameters")
    return Complaint((label,), "unknown-parameter", said("unknown-parameter", name=shown(name), hint=hint))


def _parameters(route: APIRoute) -> dict[str, bool]:
    """The names of the route's query parameters, and whether each may be repeated."""
    return {param.alias: _is_list(param.field_info.annotation) for param in route.dependant.query_params}


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
