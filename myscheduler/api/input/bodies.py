"""Reading JSON bodies: what is not JSON, too large or not an object is said so, and never reaches a handler."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from fastapi import Request

from myscheduler.api.errors import BadRequestError, InvalidInputError
from myscheduler.api.input.judging import Judge
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
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.job.spec import CatchUp
from myscheduler.core.manifest.excess import excess
from myscheduler.core.schedule.timestamps import parse_moment
from myscheduler.errors import ScheduleError

READ_AT_ONCE = 4_096
"""Bytes of a body that is read on the event loop, as most are: a thread would take longer."""
_NEVER_TOO_MUCH = min(LONGEST_NUMBER, MOST_VALUES, MOST_REFERENCES)
"""Bytes: fewer can't hold more digits, values or references than there may be in a body."""
_TOO_LARGE = f"the body is larger than {LARGEST_BODY // 1024**2} MiB"


async def read_object(request: Request) -> dict[str, Any]:
    """The body as an object; no body at all is an empty one. Its bytes are `request.state.size`.

    Raises `BadRequestError`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > LARGEST_BODY:
        raise BadRequestError(_TOO_LARGE, status=413)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise BadRequestError(_TOO_LARGE, status=413)
    request.state.size = len(content)
    if len(content) <= READ_AT_ONCE:
        return _object(content)
    judge: Judge = request.app.state.judge
    return await judge.ask(partial(_object, content), size=len(content))


def _object(content: bytearray) -> dict[str, Any]:
    if not content.strip():
        return {}
    if _is_too_deep(content):
        raise InvalidInputError([Complaint((), "too-large", f"the body is nested more than {DEEPEST} levels deep")])
    try:
        # given bytes, the parser would guess other encodings, where depth hides
        value = _DECODER.decode(content.removeprefix(BOM_UTF8).decode())
    except ValueError as error:
        message = f"the body is not JSON: {error}"
        raise BadRequestError(message) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = "the body has to be a JSON object"
        raise BadRequestError(message)
    if len(content) > _NEVER_TOO_MUCH and (fault := excess(value)):
        raise InvalidInputError([fault])
    return value


_TOKEN = re.compile(rb"\"(?:[^\"\\]|\\.)*+\"?|[\[\]{}]", re.DOTALL)
"""A text of JSON, which may hold brackets, or a bracket."""


def _is_too_deep(content: bytearray) -> bool:
    """Found without the recursion of a parser, which has an end of its own."""
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
    """A body whose every key is optional; `kinds` names the keys and the types of their values."""
    body = await read_object(request)
    complaints = [
        Complaint((key,), "unknown-key", f"unknown key {key_shown(key)!r}: the keys are {', '.join(kinds)}")
        for key in body
        if key not in kinds
    ]
    complaints += [
        Complaint((key,), "invalid-type", "has to be text")
        for key, kind in kinds.items()
        if body.get(key) is not None and not isinstance(body[key], kind)
    ]
    if complaints:
        raise InvalidInputError(complaints)
    return body


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """What a caller says of a manual run."""

    body: Mapping[str, Any]
    by: str
    may_overlap: bool


async def read_trigger(request: Request) -> TriggerRequest:
    """`by` as in `actor_of`, and `overlap: allow`, which lets it run beside what is under way."""
    body = await read_fields(request, by=str, overlap=str)
    overlap = body.get("overlap")
    if overlap not in (None, "allow"):
        message = f"{shown(overlap)} is not 'allow': leave it out to wait for the execution that is under way"
        raise InvalidInputError([Complaint(("overlap",), "invalid-value", message)])
    return TriggerRequest(body, actor_of(request, body), may_overlap=overlap is not None)


def actor_of(request: Request, body: Mapping[str, Any]) -> str:
    """Who asks: the body's `by`, else `X-Forwarded-User`, else `api`. Recorded as claimed."""
    actor = str(body.get("by") or request.headers.get("x-forwarded-user") or "api")
    return _printable(actor[:LONGEST_ACTOR])


def _printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """What a caller says of the pause that he lays."""

    by: str
    reason: str | None
    until: datetime | None


async def read_pause(request: Request, *, zone: str, now: datetime) -> PauseRequest:
    """`by` as in `actor_of`, `reason`, and `until`: RFC 3339, or local time in `zone`. All may be left out."""
    body = await read_fields(request, by=str, reason=str, until=str)
    reason = " ".join(str(body.get("reason") or "").split())
    if len(reason) > LONGEST_REASON:
        message = f"is longer than {LONGEST_REASON} characters: shorten it, or link to what explains it"
        raise InvalidInputError([Complaint(("reason",), "invalid-value", message)])
    return PauseRequest(actor_of(request, body), _printable(reason) or None, _until(body.get("until"), zone, now))


def _until(text: str | None, zone: str, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        until = parse_moment(text, zone)
    except ScheduleError as error:
        advice = f"write RFC 3339 such as 2027-04-01T09:00:00+09:00, or local time in {zone}"
        message = f"{shown(text)} is no moment: {advice}"
        raise InvalidInputError([Complaint(("until",), "invalid-moment", message)]) from error
    if until <= now:
        raise InvalidInputError([Complaint(("until",), "invalid-moment", "is over already: write a later moment")])
    return until


async def read_resume(request: Request) -> tuple[CatchUp, str]:
    """The body's `catchup`, `none` when left out, and who asks."""
    body = await read_fields(request, by=str, catchup=str)
    return _catch_up(body.get("catchup")), actor_of(request, body)


def _catch_up(written: str | None) -> CatchUp:
    match written:
        case None | "none":
            return "none"
        case "last":
            return "last"
        case "all":
            return "all"
        case other:
            message = f"{shown(other)} is not one of 'none', 'last' or 'all'"
            raise InvalidInputError([Complaint(("catchup",), "invalid-value", message)])


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON number"
    raise ValueError(message)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        message = f"the key {key_shown(twice)!r} stands twice in an object"
        raise ValueError(message)
    return values


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=read_number, object_pairs_hook=_refuse_duplicates
)
