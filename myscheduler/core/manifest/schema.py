"""The JSON Schemas (2020-12) of manifests and of `calendars.yaml`, for editors.

They describe the shapes and values of fields, and which fields go together. They never refuse what `declare` accepts.
What can't be seen from shapes (a local time that doesn't exist, a calendar of another file, a duplicate id) is left to
`validate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from pydantic import TypeAdapter

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.job.auth import CLOUD_PLATFORM, KINDS
from myscheduler.core.job.expect import USUAL_EXPECT
from myscheduler.core.job.limits import FIELDS as LIMITS
from myscheduler.core.job.objective import USUAL_WINDOW
from myscheduler.core.job.payload import PAYLOADS
from myscheduler.core.job.ping import USUAL_GRACE
from myscheduler.core.job.retry import MAX_DELAY_SEC, RETRY_ON, USUAL_STATUSES
from myscheduler.core.job.spec import METHODS, JobSpec
from myscheduler.core.job.transport import MOST_REDIRECTS
from myscheduler.core.manifest import schema_patterns as patterns
from myscheduler.core.manifest.after_field import NOT_WITH_AFTER
from myscheduler.core.manifest.exclusion_fields import LONGEST_DAYS, MOST_DAYS, CalendarEntry
from myscheduler.core.manifest.expect_fields import LONGEST_TEXT, MOST_TEXTS
from myscheduler.core.manifest.fields import MOST_CRONS, JobFields
from myscheduler.core.manifest.ping_field import OF_CALLS
from myscheduler.core.manifest.retry_fields import MOST_STATUSES
from myscheduler.core.manifest.schema_patterns import Schema
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
    return rest | {"properties": fields} | _TOGETHER.get(name, {})


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


def _given(name: str, otherwise: str = "") -> Schema:
    """Schema of an object that has the field; `otherwise` is the message if it doesn't. Null counts as left out."""
    return ({"errorMessage": otherwise} if otherwise else {}) | {
        "required": [name],
        "properties": {
            name: {
                "type": ["string", "number", "boolean", "object", "array"],
                "errorMessage": f"Write a value for {name}, or leave it out.",
            }
        },
    }


def _left_out(message: str, *names: str) -> Schema:
    return dict.fromkeys(names, _NOTHING | {"errorMessage": message})


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several exclusive fields, and the rules that apply if it is the one that is given."""

    field: str
    properties: Schema
    also: Sequence[str] = ()
    """Other fields that it requires."""
    more: Schema = dataclass_field(default_factory=dict)


def _exactly_one(wanted: str, asked: Sequence[str], choices: Sequence[_Choice]) -> Schema:
    """A chain of `if`, `then` and `else`: for a `oneOf`, editors would only report the errors of the closest branch."""
    chain: Schema = {"anyOf": [_given(name, wanted) for name in asked]}
    for choice in reversed(choices):
        needed = {"allOf": [_given(name) for name in choice.also]} if choice.also else {}
        fits = needed | {"properties": choice.properties} | choice.more
        chain = {"if": _given(choice.field), "then": fits, "else": chain}
    return chain


_ONE_SCHEDULE = "Write exactly one of cron, interval, run_at and after."


def _schedules() -> Schema:
    """Exactly one schedule, with the fields that belong to it."""
    of_interval = _left_out("This belongs to interval, which this job doesn't have.", "anchor", "clock")
    of_cron = _left_out("This belongs to cron, which this job doesn't have.", "seconds", "day_match")
    of_date = _left_out("This belongs to run_at, which this job doesn't have.", "fold")
    no_dst = _left_out("This belongs to cron, or to interval with `clock: wall`.", "dst")
    of_after = _left_out("This belongs to after, which this job doesn't have.", "join", "when", "if_skipped")
    no_slots = _left_out("A job with after has no slots of its own: remove this.", *NOT_WITH_AFTER)
    no_limits = _left_out("A job that runs once has no limits: remove them.", *LIMITS)
    return _exactly_one(
        _ONE_SCHEDULE,
        ["cron", "interval", "run_at", "after"],
        [
            _Choice(
                "cron",
                _left_out(_ONE_SCHEDULE, "interval", "run_at", "after")
                | of_interval
                | of_date
                | of_after
                | _type_of("cron"),
                more=_of_cron(),
            ),
            _Choice(
                "interval",
                _left_out(_ONE_SCHEDULE, "run_at", "after") | of_cron | of_date | of_after | _type_of("interval"),
                more=_of_interval(no_dst),
            ),
            _Choice(
                "run_at",
                _left_out(_ONE_SCHEDULE, "after")
                | of_interval
                | of_cron
                | of_after
                | no_dst
                | no_limits
                | _type_of("date"),
            ),
            _Choice("after", of_interval | of_cron | of_date | no_dst | no_slots | _type_of("after")),
        ],
    )


def _targets() -> Schema:
    """Either a URL or a shared target to call, or pings and nothing that is about calls."""
    one = "Write exactly one of target_url, target and ping."
    no_calls = _left_out("A job with ping makes no call: remove this.", *OF_CALLS)
    no_path = _left_out("This belongs to target, which this job doesn't have.", "path")
    choices = [_Choice("ping", no_calls), _Choice("target", {}), _Choice("target_url", no_path)]
    return _exactly_one(one, ["target_url", "target", "ping"], choices)


_ONE_AUTH = "Write exactly one of these."


def _one_body() -> list[Schema]:
    """At most one of the fields that declare a body."""
    bodies = ("body", *PAYLOADS)
    return [
        {
            "if": _given(name),
            "then": {"properties": _left_out(f"A call sends one body: remove this, or {name}.", *rest)},
        }
        for index, name in enumerate(bodies)
        if (rest := bodies[index + 1 :])
    ]


def _type_of(kind: str) -> Schema:
    return {"schedule_type": {"enum": [kind, None], "errorMessage": f"Write {kind} here, or leave it out."}}


def _of_cron() -> Schema:
    """How many fields a crontab line has. With `seconds: true` it has six, and objects are not allowed."""
    six: Schema = {
        "type": "string",
        "errorMessage": "`seconds` belongs to a crontab line: an object has the field `second`.",
    }
    six |= patterns.SIX_FIELDS
    five = patterns.FIVE_FIELDS
    return {
        "if": {"required": ["seconds"], "properties": {"seconds": {"const": True}}},
        "then": {"properties": {"cron": six | {"type": ["string", "array"], "items": six}}},
        "else": {"properties": {"cron": five | {"items": five}}},
    }


def _of_interval(no_dst: Schema) -> Schema:
    """With `clock: wall` an interval has days, months and years, and an anchor; else only units of fixed length."""
    return {
        "if": {"required": ["clock"], "properties": {"clock": {"const": "wall"}}},
        "then": {
            "properties": {"interval": patterns.OF_WHOLE_DAYS | _zero("hours", "minutes", "seconds")},
            "allOf": [_given("anchor")],
        },
        "else": {"properties": {"interval": patterns.OF_FIXED_LENGTH | _zero("years", "months")} | no_dst},
    }


def _zero(*units: str) -> Schema:
    return {"properties": {unit: {"enum": [0, None]} for unit in units}}


_NO_TIME_IS_LONG: Schema = {
    "if": {"additionalProperties": {"enum": [0, None]}},
    "then": {"minProperties": 1, "additionalProperties": {"type": "integer", "exclusiveMinimum": 0}},
}
"""If no unit is greater than zero, each of them is marked as wrong."""

_TOGETHER: Mapping[str, Schema] = {
    "JobFields": _schedules() | {"allOf": [_targets(), *_one_body()]},
    "AuthFields": _exactly_one(
        _ONE_AUTH,
        list(KINDS),
        [_Choice(name, _left_out(_ONE_AUTH, *(one for one in KINDS if one != name))) for name in KINDS],
    ),
    "PartFields": _exactly_one(
        "A part has either value or file.",
        ["value", "file"],
        [_Choice("value", _left_out("This belongs to file.", "file", "filename")), _Choice("file", {})],
    ),
    "BlackoutFields": _exactly_one(
        "Write `from` and `to`, or `cron` and `duration`.",
        ["from", "cron"],
        [
            _Choice("from", _left_out("Not allowed with `from` and `to`.", "cron", "duration"), also=["to"]),
            _Choice("cron", _left_out("Not allowed with `cron` and `duration`.", "to"), also=["duration"]),
        ],
    ),
    "CalendarFields": _exactly_one(
        "Write `only: business_days`, or `skip: holidays`.",
        ["only", "skip"],
        [_Choice("only", _left_out("Not allowed with `only`.", "skip")), _Choice("skip", {})],
    ),
    "IntervalFields": _NO_TIME_IS_LONG,
    "LengthFields": _NO_TIME_IS_LONG,
}
"""The rules about several fields, by model."""
