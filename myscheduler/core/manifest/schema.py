"""The JSON Schemas (2020-12) of manifests and of `calendars.yaml`, for editors.

They describe the shapes and values of fields, and which fields go together. They never refuse what `declare` accepts.
What can't be seen from shapes (a local time that doesn't exist, a calendar of another file, a duplicate id) is left to
`validate`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.job.auth import CLOUD_PLATFORM
from myscheduler.core.job.expect import USUAL_EXPECT
from myscheduler.core.job.objective import USUAL_WINDOW
from myscheduler.core.job.ping import USUAL_GRACE
from myscheduler.core.job.retry import MAX_DELAY_SEC, RETRY_ON, USUAL_STATUSES
from myscheduler.core.job.spec import METHODS, JobSpec
from myscheduler.core.job.transport import MOST_REDIRECTS
from myscheduler.core.manifest import schema_patterns as patterns
from myscheduler.core.manifest.exclusion_fields import LONGEST_DAYS, MOST_DAYS, CalendarEntry
from myscheduler.core.manifest.expect_fields import LONGEST_TEXT, MOST_TEXTS
from myscheduler.core.manifest.fields import MOST_CRONS, JobFields
from myscheduler.core.manifest.retry_fields import MOST_STATUSES
from myscheduler.core.manifest.schema_patterns import Schema
from myscheduler.core.manifest.schema_together import TOGETHER
from myscheduler.core.schedule.dialect import RANGES
from myscheduler.core.schedule.timestamps import duration_text
from myscheduler.core.statuses import HIGHEST, LOWEST, write_statuses

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOTHING = {"type": "null"}


def manifest_schema() -> Schema:
    """The schema of a document that declares a job."""
    generated = JobFields.model_json_schema()
    parts = {name: _model(name, part) for name, part in generated["$defs"].items()} | {"CronFields": _cron_fields()}
    job = _model("JobFields", generated) | {"required": ["job_id"], "$defs": parts}
    return _headed("manifest", "A job of MyScheduler", job)


def calendars_schema() -> Schema:
    """The schema of `calendars.yaml`, a mapping of names to calendars."""
    generated = TypeAdapter(dict[str, CalendarEntry]).json_schema()
    parts = {name: _model(name, part) for name, part in generated["$defs"].items()}
    about = {"description": "Calendars by name, for `calendar: {name: …}` in manifests."}
    return _headed("calendars", "The calendars of MyScheduler", about | generated | {"$defs": parts})


def _headed(name: str, title: str, schema: Mapping[str, Any]) -> Schema:
    return {"$schema": _DIALECT, "$id": f"urn:myscheduler:{name}", "title": title} | dict(schema)


def _model(name: str, generated: Mapping[str, Any]) -> Schema:
    """The generated schema of a model with our rules added, and without titles, which would repeat the field names."""
    fields = {
        field: {key: value for key, value in part.items() if key not in {"title", "default"}}
        | _default(_DEFAULTS.get(name, {}).get(field))
        | _RULES.get(name, {}).get(field, {})
        for field, part in generated["properties"].items()
    }
    rest = {key: value for key, value in generated.items() if key not in {"title", "$defs"}}
    return rest | {"properties": fields} | TOGETHER.get(name, {})


def _default(value: Any) -> Schema:
    """The value that applies if the field is left out; pydantic's default is always null, which says nothing."""
    return {} if value is None else {"default": value}


def _cron_fields() -> Schema:
    """The object form of a cron expression."""
    return {
        "type": "object",
        "description": "A field that is left out is * if a finer field is given, else its smallest value.",
        "properties": {
            field.name: {
                "anyOf": [
                    {"type": "string", "maxLength": LONGEST_WORD},
                    {"type": "integer", "minimum": field.low, "maximum": field.high},
                    _NOTHING,
                ],
                "description": f"{field.allowed}, or *, lists, ranges and steps.",
                "examples": [example],
            }
            for field, example in zip(RANGES, _CRON_EXAMPLES, strict=True)
        },
        "additionalProperties": False,
        "minProperties": 1,
    }


_CRON_EXAMPLES = ("2027", "1-3", "L", "1", "mon-fri", "10", "*/15", 0)

_SPEC = {name: field.default for name, field in JobSpec.__dataclass_fields__.items()}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "JobFields": {
        name: _SPEC[name]
        for name in (
            "method", "timeout_sec", "max_retries", "retry_backoff_sec", "misfire_grace_time", "coalesce",
            "max_instances", "overlap", "on_interrupt", "protect",
        )
    }
     | {
        "seconds": False, "day_match": "any", "jitter_sec": 0, "catchup": "last", "adopt": False,
        "follow_redirects": False, "keep_response": True,
    },
    "DstFields": {"gap": "run", "overlap": "first"},
    "EdgeFields": {"on": "success"},
    "RetryFields": {
        "statuses": write_statuses(USUAL_STATUSES), "on": list(RETRY_ON), "max_delay_sec": MAX_DELAY_SEC,
        "jitter": "none",
    },
    "OAuth2Fields": {"token_endpoint_auth_method": "client_secret_basic"},
    "GcpAccessTokenFields": {"scopes": [CLOUD_PLATFORM]},
    "ExpectFields": {"status": write_statuses(USUAL_EXPECT.statuses)},
    "TlsFields": {"verify": True},
    "SloFields": {"window": duration_text(USUAL_WINDOW)},
    "PingFields": {"grace": duration_text(USUAL_GRACE)},
}  # fmt: skip
"""The values that apply to fields that are left out, by model."""

_LIST_OF_DAYS = {
    "anyOf": [
        {
            "type": "array",
            "items": {"type": "string", "maxLength": LONGEST_DAYS} | patterns.DAYS,
            "maxItems": MOST_DAYS,
        },
        _NOTHING,
    ]
}
_CALENDAR: Mapping[str, Schema] = {"country": patterns.COUNTRY, "closed": _LIST_OF_DAYS, "open": _LIST_OF_DAYS}
_ONE_CRON = [{"type": "string", "maxLength": LONGEST_WORD}, {"$ref": "#/$defs/CronFields"}]
_CRONS = {
    "anyOf": [
        *_ONE_CRON,
        {"type": "array", "items": {"anyOf": _ONE_CRON}, "minItems": 1, "maxItems": MOST_CRONS},
        _NOTHING,
    ]
}
_LIST_OF_STATUSES = {
    "anyOf": [
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST},
                    {"type": "string"} | patterns.STATUS_RANGE,
                ]
            },
            "minItems": 1,
            "maxItems": MOST_STATUSES,
        },
        _NOTHING,
    ]
}
_SCALAR = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]
_PAIRS = {
    "additionalProperties": {
        "anyOf": [*_SCALAR, {"type": "array", "items": {"anyOf": _SCALAR}, "minItems": 1}],
        "errorMessage": "Write text, a number, true or false, or a list of these.",
    },
}
_RULES: Mapping[str, Mapping[str, Schema]] = {
    "JobFields": {
        "job_id": {"type": "string", "not": {"enum": [".", ".."]}} | patterns.JOB_ID,
        "name": patterns.NAME,
        "target_url": {"format": "iri"} | patterns.TARGET_URL,
        "method": {"anyOf": [{"enum": list(METHODS)}, {"type": "string"} | patterns.METHOD, _NOTHING]},
        "headers": {
            "propertyNames": patterns.HEADER_NAME,
            "patternProperties": {
                patterns.SINGLE_HEADER: patterns.HEADER_VALUE
                | {"type": "string", "errorMessage": "This header takes one value, as text."}
            },
            "additionalProperties": patterns.HEADER_VALUE | {"items": patterns.HEADER_VALUE},
        },
        "query": _PAIRS,
        "form": _PAIRS,
        "follow_redirects": {
            "anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": MOST_REDIRECTS}, _NOTHING]
        },
        "cron": _CRONS,
        "interval": patterns.INTERVAL,
        "anchor": patterns.TIMESTAMP,
        "run_at": patterns.TIMESTAMP,
        "start_at": patterns.TIMESTAMP,
        "end_at": patterns.TIMESTAMP,
        "extract": {
            "propertyNames": patterns.VALUE_NAME,
            "additionalProperties": {"type": "string"} | patterns.POINTER,
        },
    },
    "WhenFields": {"json": {"propertyNames": patterns.POINTER_INTO}},
    "RequirementFields": {"within": patterns.DURATION},
    "BlackoutFields": {
        "from": patterns.TIMESTAMP,
        "to": patterns.TIMESTAMP,
        "cron": {"anyOf": [*_ONE_CRON, _NOTHING]} | patterns.FIVE_FIELDS,
        "duration": patterns.DURATION,
    },
    "PartFields": {"file": patterns.PATH_BELOW, "content_type": patterns.MEDIA_TYPE},
    "RetryFields": {"statuses": _LIST_OF_STATUSES},
    "ExpectFields": {
        "status": _LIST_OF_STATUSES,
        "json": {"propertyNames": patterns.POINTER},
        "body_contains": {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
                {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
                    "minItems": 1,
                    "maxItems": MOST_TEXTS,
                },
                _NOTHING,
            ]
        },
    },
    "SloFields": {"window": patterns.DURATION},
    "PingFields": {"key_sha256": patterns.DIGEST, "grace": patterns.DURATION},
    "CalendarFields": _CALENDAR,
    "CalendarEntry": _CALENDAR,
}
"""The rules of `declaration` and its neighbours for single fields, by model."""
