"""Reads JSON bodies. A body that is too large, is not JSON or is not an object is refused before any handler."""

import json
import re
import time
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from fastapi import Request

from myscheduler.api.errors import BadRequestError, InvalidInputError
from myscheduler.api.input.judging import Judge
from myscheduler.core.access.names import recorded
from myscheduler.core.bounds import (
    DEEPEST,
    LARGEST_BODY,
    LONGEST_ACTOR,
    LONGEST_NUMBER,
    LONGEST_REASON,
    MOST_REFERENCES,
    MOST_VALUES,
    read_number,
)
from myscheduler.core.calls.trace import TRACEPARENT, TRACESTATE, TraceParent, read_parent
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.job.spec import CatchUp
from myscheduler.core.manifest.excess import excess
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

LATE_SEC = 1.0
"""If a body takes so long, what the caller may do is checked again: it may have been held back until it may no more."""
READ_AT_ONCE = 4_096
"""Bodies of up to so many bytes, as most have, are parsed on the event loop: a thread would take longer."""
_NEVER_TOO_MUCH = min(LONGEST_NUMBER, MOST_VALUES, MOST_REFERENCES)
"""Bytes. A body of at most this size can't exceed the limits of digits, values and references."""
_TOO_LARGE = said("body-too-large", mib=LARGEST_BODY // 1024**2)


async def read_object(request: Request, *, is_job: bool = True) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object. Sets `request.state.size`, the body's size in bytes.

    Unless `is_job` is false, the limits of a job apply to the numbers, values and references in it. If the body came
    late, the caller is checked again: raises what the guard of the route does.
    Raises `BadRequestError` for what can't be read, and `InvalidInputError` for what is nested too deeply.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > LARGEST_BODY:
        raise BadRequestError(_TOO_LARGE, status=413)
    content, began = bytearray(), time.monotonic()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise BadRequestError(_TOO_LARGE, status=413)
    if time.monotonic() - began >= LATE_SEC and (check_again := getattr(request.state, "check_again", None)):
        await check_again(request)
    request.state.size = len(content)
    if len(content) <= READ_AT_ONCE:
        return _object(content, is_job=is_job)
    judge: Judge = request.app.state.judge
    return await judge.ask(partial(_object, content, is_job=is_job), size=len(content))


def _object(content: bytearray, *, is_job: bool) -> dict[str, Any]:
    if not content.strip():
        return {}
    if _is_too_deep(content):
        raise InvalidInputError([Complaint((), "too-large", said("body-too-deep", most=DEEPEST))])
    try:
        # given bytes, the parser would detect UTF-16 and UTF-32, in which `_is_too_deep` finds no brackets
        value = _DECODER.decode(content.removeprefix(BOM_UTF8).decode())
    except ValueError as error:
        message = said("body-not-json", why=error)
        raise BadRequestError(message) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = said("body-not-an-object")
        raise BadRequestError(message)
    if is_job and len(content) > _NEVER_TOO_MUCH and (fault := excess(value)):
        raise InvalidInputError([fault])
    return value


_TOKEN = re.compile(rb"\"(?:[^\"\\]|\\.)*+\"?|[\[\]{}]", re.DOTALL)
"""A JSON string, which may contain brackets, or a single bracket outside of strings."""


def _is_too_deep(content: bytearray) -> bool:
    """Checks the nesting without recursion: the parser would hit Python's recursion limit."""
    if content.count(b"[") + content.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for token in _TOKEN.finditer(content):
        if token[0] in {b"[", b"{"}:
            depth += 1
            if depth > DEEPEST + 1:  # the body itself is the first
                return True
        elif token[0] in {b"]", b"}"}:
            depth -= 1
    return False


async def read_fields(request: Request, **kinds: type) -> dict[str, Any]:
    """A body in which every key is optional; `kinds` has the allowed keys and the types of their values."""
    body = await read_object(request)
    check_fields(body, kinds)
    return body


_SAYS = {str: said("needs-text"), bool: said("needs-boolean"), list: said("needs-list"), dict: said("needs-object")}


def check_fields(body: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Raises `InvalidInputError` for keys that are not in `kinds`, and for values of other types; null is allowed."""
    complaints = [
        Complaint((key,), "unknown-key", said("unknown-body-key", key=key_shown(key), known=", ".join(kinds)))
        for key in body
        if key not in kinds
    ]
    complaints += [
        Complaint((key,), "invalid-type", _SAYS[kind])
        for key, kind in kinds.items()
        if body.get(key) is not None and not isinstance(body[key], kind)
    ]
    if complaints:
        raise InvalidInputError(complaints)


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """The body of a trigger."""

    by: str
    may_overlap: bool
    """Whether the manual run may start while other executions of the job are running."""
    parent: TraceParent | None = None
    """The span of the caller, if its headers name one."""
    is_alone: bool = False
    """Whether nothing runs after it."""
    upstream: str | None = None
    """An execution; what the jobs handed on in its chain that the triggered job runs after is used."""


TRIGGER_KEYS: Mapping[str, type] = {"by": str, "overlap": str, "chain": bool, "from": str}
RERUN_KEYS: Mapping[str, type] = {"by": str, "overlap": str, "downstream": bool}


def trigger_of(request: Request, body: Mapping[str, Any]) -> TriggerRequest:
    """Reads `by` (see `actor_of`), `overlap`, which may only be `allow`: run beside executions in progress, `chain`,
    whose default is true, and `from`.
    """
    check_fields(body, TRIGGER_KEYS)
    asked = _run_of(request, body)
    return replace(asked, is_alone=body.get("chain") is False, upstream=body.get("from"))


def rerun_of(request: Request, body: Mapping[str, Any]) -> TriggerRequest:
    """Reads `by`, `overlap`, and `downstream`: whether the jobs run, too, that run after it; the default is false."""
    check_fields(body, RERUN_KEYS)
    return replace(_run_of(request, body), is_alone=body.get("downstream") is not True)


def _run_of(request: Request, body: Mapping[str, Any]) -> TriggerRequest:
    overlap = body.get("overlap")
    if overlap not in (None, "allow"):
        message = said("overlap-not-allow", value=shown(overlap))
        raise InvalidInputError([Complaint(("overlap",), "invalid-value", message)])
    headers = request.headers
    parent = read_parent(headers.getlist(TRACEPARENT), headers.getlist(TRACESTATE))
    return TriggerRequest(actor_of(request, body), may_overlap=overlap is not None, parent=parent)


def actor_of(request: Request, body: Mapping[str, Any]) -> str:
    """The actor to record: the name of a caller that proved it, such as the owner of an API token.

    Of others, what they claim: the body's `by`, else the header `X-Forwarded-User` of a trusted proxy, else `api`. Who
    has the name of an actor of the service itself, such as `manifest`, is recorded as `api:manifest`.
    """
    principal = request.state.principal
    forwarded = request.headers.get("x-forwarded-user") if request.scope.get("is_from_proxy") else None
    actor = principal.name if principal.is_named else str(body.get("by") or forwarded or principal.name)
    return recorded(_printable(actor))[:LONGEST_ACTOR]


def _printable(text: str) -> str:
    """The text with unprintable characters replaced by spaces, so that it can't control a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """The body of a pause."""

    by: str
    reason: str | None
    until: datetime | None


PAUSE_KEYS: Mapping[str, type] = {"by": str, "reason": str, "until": str}


def pause_of(request: Request, body: Mapping[str, Any], *, zone: str, now: datetime) -> PauseRequest:
    """Reads `by` (see `actor_of`), `reason`, and `until`: RFC 3339, or local time in `zone`. All are optional."""
    check_fields(body, PAUSE_KEYS)
    return PauseRequest(actor_of(request, body), _reason(body), _until(body.get("until"), zone, now))


def _reason(body: Mapping[str, Any]) -> str | None:
    reason = " ".join(str(body.get("reason") or "").split())
    if len(reason) > LONGEST_REASON:
        message = said("reason-too-long", most=LONGEST_REASON)
        raise InvalidInputError([Complaint(("reason",), "invalid-value", message)])
    return _printable(reason) or None


def _until(text: str | None, zone: str, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        until = parse_timestamp(text, zone)
    except ScheduleError as error:
        advice = said("timestamp-advice", zone=zone)
        message = said("not-a-pause-end", value=shown(text), advice=advice)
        raise InvalidInputError([Complaint(("until",), "invalid-moment", message)]) from error
    if until <= now:
        raise InvalidInputError([Complaint(("until",), "invalid-moment", said("in-the-past"))])
    return until


@dataclass(frozen=True, slots=True)
class AcknowledgeRequest:
    """The body of an acknowledgement."""

    body: Mapping[str, Any]
    by: str
    until: datetime | None


async def read_acknowledgement(request: Request, *, zone: str, now: datetime) -> AcknowledgeRequest:
    """Reads `by` (see `actor_of`), and `until`: RFC 3339, or local time in `zone`. Both are optional."""
    body = await read_fields(request, by=str, until=str)
    return AcknowledgeRequest(body, actor_of(request, body), _until(body.get("until"), zone, now))


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The body of a cancellation."""

    body: Mapping[str, Any]
    by: str
    reason: str | None


async def read_cancellation(request: Request) -> CancelRequest:
    """Reads `by` (see `actor_of`) and `reason`; both are optional."""
    body = await read_fields(request, by=str, reason=str)
    return CancelRequest(body, actor_of(request, body), _reason(body))


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """The body of a resume."""

    by: str
    catch_up: CatchUp


RESUME_KEYS: Mapping[str, type] = {"by": str, "catchup": str}


def resume_of(request: Request, body: Mapping[str, Any]) -> ResumeRequest:
    """Reads `catchup`, whose default is `none`, and the actor (see `actor_of`)."""
    check_fields(body, RESUME_KEYS)
    return ResumeRequest(actor_of(request, body), _catch_up(body.get("catchup")))


def _catch_up(written: str | None) -> CatchUp:
    match written:
        case None | "none":
            return "none"
        case "last":
            return "last"
        case "all":
            return "all"
        case other:
            message = said("catchup-not-one-of", value=shown(other))
            raise InvalidInputError([Complaint(("catchup",), "invalid-value", message)])


def _refuse_constant(name: str) -> NoReturn:
    message = said("not-a-json-number", value=name)
    raise ValueError(message)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        message = said("key-twice", key=key_shown(twice))
        raise ValueError(message)
    return values


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=read_number, object_pairs_hook=_refuse_duplicates
)
