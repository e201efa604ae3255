"""Parts of the OpenAPI description that FastAPI can't see: headers and bodies that the routes read themselves."""

from collections.abc import Mapping
from typing import Any

from myscheduler.core.bounds import LONGEST_REASON

_TEXT = {"type": "string"}
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
    "schema": _TEXT,
    "description": "The `ETag` of the job as the caller read it: if the job has been changed since, the answer is 412.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same request with the same key gets the first answer again, for 24 hours, and does nothing.",
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The caller has the current answer."}}
NOT_AS_READ: dict[int | str, dict[str, Any]] = {412: {"description": "The job has been changed since it was read."}}

BY = {"type": "string", "description": "Who did it, as it is recorded."}
PAUSE = {
    "by": BY,
    "reason": {"type": "string", "maxLength": LONGEST_REASON},
    "until": {"type": "string", "description": "When the pause ends: RFC 3339, or local time in the service's zone."},
}
RESUME = {"by": BY, "catchup": {"type": "string", "enum": ["none", "last", "all"], "default": "none"}}
TRIGGER = {"by": BY, "overlap": {"type": "string", "enum": ["allow"]}}
SYNC = {"by": BY, "approve": {"type": "string", "description": "The digest of the blocked deletion to approve."}}
SELECTION = {
    "labels": {"type": "object", "minProperties": 1, "maxProperties": 20, "additionalProperties": _TEXT},
    "ids": {
        "type": "array",
        "minItems": 1,
        "maxItems": 500,
        "items": {"type": "string", "maxLength": 255},
        "description": "Ids of jobs, of which one has to match; `*` stands for any characters.",
    },
    "q": {"type": "string", "minLength": 1, "maxLength": 255, "description": "As in the list of jobs."},
    "dry_run": {"type": "boolean", "default": False, "description": "Only tell what would be done."},
}


def acts_with(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a POST with a body of these properties, none of which is required."""
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    body = {"required": False, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, "parameters": [IDEMPOTENCY_KEY]}
