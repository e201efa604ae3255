"""Parts of the OpenAPI description that FastAPI can't see: headers and bodies that the routes read themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from myscheduler.core.access.issuing import LONGEST_NAME
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import LONGEST_ENTRY, MOST_ENTRIES
from myscheduler.core.bounds import LONGEST_REASON
from myscheduler.core.manifest.schema_patterns import TIMESTAMP as _TIMESTAMP

_TEXT = {"type": "string"}
_NO_CONTROLS = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_ETAG = r'(W/)?"[!#-~]*"'
MOMENT = {"pattern": _TIMESTAMP["pattern"], "examples": ["2027-04-01T09:00:00+09:00"]}
"""Of a time: RFC 3339, or local time without the offset. Not `format: date-time`, which does not allow local times."""
CURSOR = {"pattern": "^[A-Za-z0-9_-]+$"}
KEY_OR_BOTH = {"items": {"type": "string", "pattern": "^[^=]"}, "maxItems": 20, "examples": [["team=billing", "team"]]}
KEY_AND_VALUE = {"items": {"type": "string", "pattern": "^[^=]+=.+$"}, "examples": [["team=billing"]]}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": _TEXT,
    "description": "An `ETag` that the caller has: if it is still valid, the answer is a 304 without a body.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": rf"^(\*|{_ETAG}( *, *{_ETAG})*)$"},
    "description": "The `ETag` of the job as the caller read it: if the job has been changed since, the answer is 412.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "The same request with the same key gets the first answer again, for 24 hours, and does nothing.",
}
SHAPE = "shape"
"""Key of the type of an answer, as it is in the descriptions of a route."""
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The caller has the current answer."}}
NOT_AS_READ: dict[int | str, dict[str, Any]] = {412: {"description": "The job has been changed since it was read."}}


def answers_with(shape: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The description of the answer with `status`; `shape` is the type of its JSON.

    Not FastAPI's key `model`, of which it builds a schema twice for each application: that took most of the time in
    which an application is created. The document builds them.
    """
    return {status: {SHAPE: shape}}


def _text(about: str, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": about} | more


_BY = _text("Who did it, as it is recorded; of callers with a token of their own, its name is.")
_REASON = _text("Why, for people.", maxLength=LONGEST_REASON)
PAUSE = {
    "by": _BY,
    "reason": _REASON,
    "until": _text("When the pause ends: RFC 3339, or local time in the service's zone.", **MOMENT),
}
RESUME = {
    "by": _BY,
    "catchup": {
        "enum": ["none", "last", "all", None],
        "default": "none",
        "description": "Which slots of the paused time run, within `misfire_grace_time`.",
    },
}
_OVERLAP = {"enum": ["allow", None], "description": "Run beside executions in progress, instead of waiting."}
TRIGGER = {
    "by": _BY,
    "overlap": _OVERLAP,
    "chain": {
        "type": ["boolean", "null"],
        "default": True,
        "description": "Whether the jobs run, too, that run after it.",
    },
    "from": _text(
        "An execution: what jobs handed on in its chain that this job runs after is used. Required if the job uses it.",
        maxLength=100,
    ),
}
RERUN = {
    "by": _BY,
    "overlap": _OVERLAP,
    "downstream": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Whether the jobs run again, too, that run after it. The others of its chain count as they "
        "ended.",
    },
}
CANCEL = {"by": _BY, "reason": _REASON}
ACKNOWLEDGE = {
    "by": _BY,
    "until": _text("Until when nobody is reminded: RFC 3339, or local time in the service's zone.", **MOMENT),
}
UNACKNOWLEDGE = {"by": _BY}
SYNC = {"by": _BY, "approve": _text("The digest of the blocked deletion to approve; takes the role `admin`.")}
CHANNEL_TEST = {"channel": {"type": "string", "description": "The name of a channel in notifications.yaml."}, "by": _BY}
SELECTION = {
    "labels": {
        "type": ["object", "null"],
        "minProperties": 1,
        "maxProperties": 20,
        "propertyNames": {"maxLength": 255},
        "additionalProperties": {"type": "string", "maxLength": 255},
        "description": "Labels that a job has to have, all of them.",
    },
    "ids": {
        "type": ["array", "null"],
        "minItems": 1,
        "maxItems": 500,
        "items": {"type": "string", "maxLength": 255},
        "description": "Ids of jobs, of which one has to match; `*` stands for any characters.",
    },
    "q": _text("As in the list of jobs.", maxLength=255, pattern=r"\S"),
    "dry_run": {"type": ["boolean", "null"], "default": False, "description": "Only tell what would be done."},
}
_ENTRY = {"type": "string", "minLength": 1, "maxLength": LONGEST_ENTRY, "pattern": _NO_CONTROLS}
_ENTRIES = {"type": "array", "minItems": 1, "maxItems": MOST_ENTRIES, "items": _ENTRY}
_SCOPE = {
    "type": ["object", "null"],
    "description": "The jobs that may be acted on; all if it is left out. Reading is never limited.",
    "properties": {
        "labels": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MOST_ENTRIES,
            "propertyNames": _ENTRY,
            "additionalProperties": {"anyOf": [_ENTRY, _ENTRIES]},
            "description": "Labels with the values that match; a job needs one value of each.",
        },
        "ids": _ENTRIES | {"description": "Job ids, in which `*` matches any text and `?` any character."},
    },
    "additionalProperties": False,
}
NEW_TOKEN = {
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "pattern": _NO_CONTROLS,
        "description": "Who uses the token; it appears in the audit trail.",
    },
    "role": {"enum": [str(role) for role in Role], "description": "Each role may do what those before it may."},
    "scope": _SCOPE,
    "expires_at": _text("When it ends: RFC 3339, or local time in the service's zone.", **MOMENT),
}
NEW_SESSION = {"token": {"type": "string", "description": "Any token that the API accepts."}}
JOB: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobDeclaration"}}},
    }
}


def acts_with(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a POST that acts, with a body of these properties, none of which is required."""
    return body_of(properties) | {"parameters": [IDEMPOTENCY_KEY]}


def acts_on_selection_with(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a POST that acts on the jobs that its body selects by one or more of three properties."""
    none = {"properties": {name: {"type": "null"} for name in ("labels", "ids", "q")}}
    schema = _object({**SELECTION, **properties}) | {"type": "object", "not": none}
    return _json(schema, is_required=True) | {"parameters": [IDEMPOTENCY_KEY]}


def body_of(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """The description of a body with these properties. If none is required, it may be empty, or null."""
    schema = _object(properties) | ({"type": "object", "required": list(required)} if required else {})
    return _json(schema, is_required=bool(required))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


def _json(schema: Mapping[str, Any], *, is_required: bool) -> dict[str, Any]:
    return {"requestBody": {"required": is_required, "content": {"application/json": {"schema": schema}}}}
