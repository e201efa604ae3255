"""A call as a command of curl, with environment variables in place of secrets."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from myscheduler.core.job.auth import Basic, Bearer
from myscheduler.core.job.payload import Multipart
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.job.transport import FROM_ENVIRONMENT
from myscheduler.core.secrets.references import variable_of

_REFERENCE = re.compile(r"\$\$\{|\$\{secret:([A-Za-z0-9._-]+)\}")


def curl_of(spec: JobSpec, request: Mapping[str, Any]) -> str:
    """The command; `request` is what `requests_of` shows of the call, and `spec` its job.

    Secrets are the variables that the service reads: `"$MYSCHEDULER_SECRET_NAME"`. Tokens and signatures that are made
    for each call can't be a part of it.
    """
    return " \\\n  ".join(["curl -sS", *_options(spec, request), _quoted(request["url"])])


def _options(spec: JobSpec, request: Mapping[str, Any]) -> Iterator[str]:
    yield f"-X {request['method']}"
    for name, value in request["headers"].items():
        if not (isinstance(spec.payload, Multipart) and name.lower() == "content-type"):
            yield from (f"-H {_quoted(f'{name}: {one}')}" for one in ([value] if isinstance(value, str) else value))
    match spec.auth:
        case Basic(username, password):
            yield f"-u {_quoted(f'{username}:{password}')}"
        case Bearer(token):
            yield f"-H {_quoted(f'Authorization: Bearer {token}')}"
    if isinstance(spec.payload, Multipart):
        for part in spec.payload.parts:
            kind = f";type={part.content_type}" if part.content_type else ""
            name = f";filename={part.filename}" if part.filename else ""
            yield f"-F {_quoted(f'{part.name}=' + (f'@{part.file}{name}' if part.file else part.value or '') + kind)}"
    elif request["body"] is not None:
        yield f"--data-binary {_quoted(request['body'])}"
    yield from _way(spec)


def _way(spec: JobSpec) -> Iterator[str]:
    transport = spec.transport
    yield f"--max-time {spec.timeout_sec:g}"
    if transport.connect_timeout_sec is not None:
        yield f"--connect-timeout {transport.connect_timeout_sec:g}"
    if transport.follow_redirects:
        yield f"-L --max-redirs {transport.follow_redirects}"
    if transport.tls is not None and not transport.tls.verify:
        yield "-k"
    if transport.proxy is not None and transport.proxy != FROM_ENVIRONMENT:
        yield f"--proxy {_quoted(transport.proxy)}"
    elif transport.proxy is None:
        yield "--noproxy '*'"


def _quoted(text: str) -> str:
    """The text as a word of the shell, with a variable for each secret."""
    parts, place = [], 0
    for mark in _REFERENCE.finditer(text):
        parts += _plain(text[place : mark.start()])
        parts.append("'${'" if mark[1] is None else f'"${variable_of(mark[1])}"')
        place = mark.end()
    return "".join([*parts, *_plain(text[place:])]) or "''"


def _plain(text: str) -> list[str]:
    return [shlex.quote(text)] if text else []
