"""The answers that an operation can give: its success with headers and an example, and its problems by what it does."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from myscheduler.api.errors import MEDIA_TYPE, PREFIX, TYPES
from myscheduler.api.openapi.links import links
from myscheduler.api.openapi.security import is_guarded
from myscheduler.messages.message import coded, said

Schema = dict[str, Any]

_ID = "0f8b1c2d3e4f5a6b7c8d9e0f1a2b3c4d"
_HEADERS: Mapping[str, Schema] = {
    "X-Request-Id": {"description": "The id of the request, as in the log.", "schema": {"type": "string"}},
    "ETag": {"description": "Identifies this answer.", "schema": {"type": "string"}},
    "Link": {"description": 'The URL of the next page, with `rel="next"`.', "schema": {"type": "string"}},
    "Allow": {"description": "The methods that are allowed.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before another try.", "schema": {"type": "integer"}},
    "RateLimit": {"description": 'What is left to the client: `"default";r=599;t=60`.', "schema": {"type": "string"}},
    "RateLimit-Policy": {
        "description": 'How many requests a client may send in so many seconds: `"default";q=600;w=60`.',
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "The scheme of the credentials (RFC 6750).", "schema": {"type": "string"}},
    "Set-Cookie": {"description": "The cookie of the session.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` if this is the answer of an earlier request with the same `Idempotency-Key`.",
        "schema": {"const": "true"},
    },
}
_TOO_LARGE = said("parameter-invalid", text="should be less than or equal to 1000", rule="less_than_equal", limit=1000)
_DETAILS: Mapping[int, tuple[str, str]] = {
    400: (
        "The request can't be read: the body is not a JSON object, or there is not exactly one `Host`.",
        said("body-not-json", why="Expecting value: line 1 column 1 (char 0)"),
    ),
    401: (
        "The credentials are missing or wrong.",
        said("token-needed"),
    ),
    403: (
        "The caller lacks the role or the scope, its address may not call, or a page of another site asks.",
        said("role-needed", role="operator", caller="'dashboard'"),
    ),
    404: ("There is no such job, execution, incident, token or file.", said("job-not-found", job_id="daily-report")),
    408: ("The request did not arrive in time.", said("body-too-slow", seconds=30)),
    409: (
        "The state of the job, execution, incident, token or source does not allow it.",
        said("job-exists", job_id="daily-report"),
    ),
    412: ("The job is not the one of `If-Match`.", said("job-changed", job_id="daily-report")),
    413: ("The body is too large.", said("body-too-large", mib=1)),
    415: (
        "The body is not plain JSON in UTF-8.",
        said("content-type-not-json", sent=said("content-type-missing")),
    ),
    421: (
        "The `Host` is not one of this service.",
        said("host-not-served", host="example.com"),
    ),
    422: (
        "Parameters, headers or the body break rules; `errors` lists each mistake.",
        said("with-field", field="limit", message=_TOO_LARGE),
    ),
    429: (
        "Too many requests: with wrong or missing credentials, or of a kind that is limited.",
        said("too-many-inquiries", most=2),
    ),
    431: ("The head of the request is too large.", said("head-too-large", kib=64)),
    500: ("A bug of the service.", said("internal-error")),
    503: (
        "The database can't be used at present, the service is busy, or the answer would take too long.",
        said("too-many-in-progress", most=256),
    ),
}
"""By status: when it is answered, and an example of a `detail`."""
PROBLEMS = tuple(_DETAILS)
_OF_PROBLEMS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}
"""The headers that an answer may have besides the request's id."""
_ALWAYS = (400, 408, 421, 422, 429, 431, 500)
"""The head of a request is checked before its operation is known, and so are its parameters, which may be unknown."""
_WITHOUT_PATH = frozenset({"preview_jobs", "get_source_lines"})
"""Operations that name jobs elsewhere than in their path."""
_CONFLICTS = frozenset({
    "create_job", "replace_job", "delete_job", "pause_job", "resume_job", "trigger_job", "pause_jobs", "resume_jobs",
    "trigger_jobs", "cancel_execution", "cancel_chain", "rerun_execution", "run_sync", "create_token",
    "get_source_lines", "acknowledge_incident", "unacknowledge_incident",
})  # fmt: skip
"""Operations that the state of what they act on may forbid."""
_SETS_COOKIE = frozenset({"create_session", "delete_session"})
_SUCCESSES = {"200": "Success.", "201": "Created.", "204": "Done; the answer has no body."}


def answers(method: str, path: str, operation: Mapping[str, Any], example: Any) -> Schema:
    """The responses of the operation, sorted by status. `example` is a JSON answer of its success, if there is one."""
    given = operation["responses"]
    found = {code: _success(operation, code, one, example) for code, one in given.items() if code < "400"}
    found |= {
        str(status): {"$ref": f"#/components/responses/{_name(status)}"}
        for status in _problems(method, path, operation)
    }
    return dict(sorted(found.items()))


def problem_responses(statuses: Iterable[int]) -> Schema:
    """The components that the responses refer to."""
    return {_name(status): _problem(status) for status in statuses}


def _problems(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[int]:
    name = operation["operationId"]
    headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
    is_of_health = path.startswith("/health")
    yield from _ALWAYS
    if is_guarded(name) or name in {"create_session", "get_session"}:
        yield 401
    if not is_of_health:
        yield from (403, 503)
    elif name == "get_readiness":
        yield 503
    if "{" in path or name in _WITHOUT_PATH:
        yield 404
    if name in _CONFLICTS:
        yield 409
    if "If-Match" in headers:
        yield 412
    if "requestBody" in operation:
        yield 413
    if method != "get":
        yield 415


def _success(operation: Mapping[str, Any], code: str, given: Mapping[str, Any], example: Any) -> Schema:
    made = {**given, "description": _SUCCESSES.get(code, given["description"])}
    made["headers"] = {name: _HEADERS[name] for name in _headers(operation, code)}
    if code in {"204", "304"}:
        made.pop("content", None)
    else:
        made |= links(operation["operationId"])
    if "content" not in made:
        return made
    if example is not None:
        content = dict(made["content"]["application/json"])
        made["content"] = {"application/json": content | {"example": example}}
    for content in made["content"].values():
        content["schema"].pop("title", None)
    return made


def _headers(operation: Mapping[str, Any], code: str) -> Iterator[str]:
    asked = {one["name"]: one["in"] for one in operation.get("parameters", ())}
    yield "X-Request-Id"
    if is_guarded(operation["operationId"]):
        yield from ("RateLimit", "RateLimit-Policy")
    if "If-None-Match" in asked:
        yield "ETag"
    if "cursor" in asked and code == "200":
        yield "Link"
    if "Idempotency-Key" in asked:
        yield "Idempotency-Replayed"
    if operation["operationId"] in _SETS_COOKIE:
        yield "Set-Cookie"


def _problem(status: int) -> Schema:
    kind, title = TYPES[status]
    about, detail = _DETAILS[status]
    example: Schema = {
        "type": PREFIX + kind,
        "title": title,
        "status": status,
        "detail": detail,
        "detail_coded": coded(detail),
        "request_id": _ID,
    }
    if status == 422:
        mistake = {"field": "limit", "rule": "less_than_equal", "message": _TOO_LARGE}
        example["errors"] = [{**mistake, "message_coded": coded(_TOO_LARGE)}]
    return {
        "description": about,
        "headers": {name: _HEADERS[name] for name in ("X-Request-Id", *_OF_PROBLEMS.get(status, ()))},
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def _name(status: int) -> str:
    """The title as a name: `NotFound`."""
    return "".join(word.capitalize() for word in TYPES[status][1].split())
