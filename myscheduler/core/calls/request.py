"""Builds the HTTP request of each attempt of an execution."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache, partial
from urllib.parse import quote, quote_plus

from myscheduler.core.calls.body import body_of, form_fields, type_of, with_query
from myscheduler.core.calls.trace import TRACEPARENT
from myscheduler.core.header_values import FORM, HeaderValue, content_type, is_json, media_type
from myscheduler.core.job.expect import USUAL_EXPECT, Expect
from myscheduler.core.job.payload import Binary, Form, Multipart
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.job.transport import USUAL_TRANSPORT, Transport, resolved_transport, transport_texts
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.secrets.references import MARK, resolve

_RESERVED = "x-myscheduler-"
_MARK_BYTES = MARK.encode()
_UNTRACED: Mapping[str, str] = {}


class Principal(Enum):
    """On whose behalf a call is made."""

    MANIFEST = auto()
    """A job of a manifest, or what operators declare."""
    API = auto()
    """A job of the API: the guard allows it less."""
    SERVICE = auto()
    """The service itself, to a place that only the operator of its machine sets."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, ready to be sent. Its `repr` contains nothing that may hold a secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, HeaderValue] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout_sec: float
    """Seconds for the whole attempt: to connect, to send, and to read the response to its end."""
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    """The secrets in the request, which are redacted in the response."""
    expect: Expect = USUAL_EXPECT
    extract: tuple[tuple[str, str], ...] = ()
    """The values of the answer that are kept: names, and places in its JSON."""
    principal: Principal = Principal.MANIFEST
    """On whose behalf the call is made: by it the guard judges where it may go."""
    transport: Transport = field(default=USUAL_TRANSPORT, repr=False)


def build_request(
    spec: JobSpec,
    execution_id: str,
    slot: datetime,
    attempt: int,
    *,
    user_agent: str,
    trace: Mapping[str, str] = _UNTRACED,
    cause: str = "",
    revision: str = "",
    of_api: bool = False,
    chain_id: str = "",
    parent_id: str = "",
) -> Request:
    """The request of one attempt of an execution, with headers by which a target can recognise the execution.

    `Idempotency-Key` (IETF draft httpapi-idempotency-key-header) stays the same over the attempts of an execution. The
    job's own headers win over ours, except those that start with `X-MyScheduler-`. `trace` are the headers of
    `trace_headers`; none of them is sent if the job has its own `traceparent`, which they would not fit. `cause` says
    what the execution comes from, `revision` which revision of the source declares the job; empty ones are not sent.
    `of_api` says that the job is one of the API, `chain_id` which
    execution its chain began with, and `parent_id` whose end started it.
    """
    given = {name.lower() for name in spec.headers}
    body = body_of(spec)
    headers: dict[str, HeaderValue] = {}
    if "user-agent" not in given:
        headers["User-Agent"] = user_agent
    if "idempotency-key" not in given:
        headers["Idempotency-Key"] = execution_id
    if TRACEPARENT not in given:
        headers |= {name: value for name, value in trace.items() if name not in given}
    if body is not None and "content-type" not in given:
        headers["Content-Type"] = "application/json" if spec.payload is None else type_of(spec.payload, execution_id)
    headers |= {name: value for name, value in spec.headers.items() if not name.lower().startswith(_RESERVED)}
    headers["X-MyScheduler-Job-Id"] = spec.job_id if spec.job_id.isascii() else _percent(spec.job_id)
    headers["X-MyScheduler-Execution-Id"] = execution_id
    headers["X-MyScheduler-Scheduled-At"] = rfc3339(slot)
    headers["X-MyScheduler-Attempt"] = str(attempt)
    if cause:
        headers["X-MyScheduler-Cause"] = cause
    if revision:
        headers["X-MyScheduler-Revision"] = revision if revision.isascii() else _percent(revision)
    if chain_id:
        headers["X-MyScheduler-Chain-Id"] = chain_id
    if parent_id:
        headers["X-MyScheduler-Parent-Execution-Id"] = parent_id
    return Request(
        spec.method,
        with_query(spec.target_url, spec.query) if spec.query else spec.target_url,
        headers,
        body,
        spec.timeout_sec,
        expect=spec.expect,
        extract=spec.extract,
        transport=spec.transport,
        principal=Principal.API if of_api else Principal.MANIFEST,
    )


def _percent(text: str) -> str:
    """The text with non-ASCII letters as percent-encoded UTF-8, so that every server can read the header."""
    return "".join(letter if letter.isascii() else quote(letter) for letter in text)


def basic_credentials(user: str, password: str) -> str:
    """The header `Authorization` for a user and a password (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def may_refer(request: Request) -> bool:
    """Whether the request may contain references to secrets: a cheap check that is never wrong about "no"."""
    return (
        MARK in request.url
        or any(_mentions(value) for value in request.headers.values())
        or (request.body is not None and _MARK_BYTES in request.body)
        or (
            request.transport is not USUAL_TRANSPORT
            and any(MARK in text for _, text in transport_texts(request.transport))
        )
    )


def _mentions(value: HeaderValue) -> bool:
    return MARK in value if isinstance(value, str) else any(MARK in one for one in value)


def filled(request: Request, spec: JobSpec, secrets: Mapping[str, Secret]) -> Request:
    """The request of `build_request` with its references replaced by the values of the secrets.

    Values are escaped as URLs, JSON and forms require, so that the target receives them unchanged. In other text they
    are inserted as they are.
    """
    values = {name: secret.value for name, secret in secrets.items()}
    return replace(
        request,
        url=resolve(request.url, values, partial(quote, safe="")),
        headers={
            name: value if name.lower().startswith(_RESERVED) else _resolved(value, values)
            for name, value in request.headers.items()
        },
        body=_filled_body(request.body, spec, values),
        transport=resolved_transport(request.transport, partial(resolve, values=values)),
        secrets=tuple(secrets.values()),
    )


def _filled_body(body: bytes | None, spec: JobSpec, values: Mapping[str, str]) -> bytes | None:
    """Bytes have no references, and a form with files is put together when its files have been read."""
    if body is None or isinstance(spec.payload, Binary | Multipart):
        return body
    return resolve(body.decode(), values, _escape_of(spec)).encode()


def _resolved(value: HeaderValue, values: Mapping[str, str]) -> HeaderValue:
    return resolve(value, values) if isinstance(value, str) else tuple(resolve(one, values) for one in value)


def _escape_of(spec: JobSpec) -> Callable[[str], str]:
    """The function that escapes a value for the body."""
    if spec.payload is not None:
        return quote_plus if isinstance(spec.payload, Form) else str
    written = content_type(spec.headers)
    is_form = written is not None and media_type(written) == FORM
    if isinstance(spec.body, str):
        return _json_text if is_json(written) else quote_plus if is_form else str
    return quote_plus if is_form and form_fields(spec.body) is not None else _json_text


def _json_text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


@lru_cache(1_024)  # a slot is written in the request and in the log, and many jobs share it
def rfc3339(moment: datetime) -> str:
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat()[:-6]}Z"  # without "+00:00"
