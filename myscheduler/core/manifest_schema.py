"""What may stand in a manifest and in `calendars.yaml`, as JSON Schema (2020-12) for editors.

It knows shapes, the words of a field, and which fields go together; it never refuses what `declare` accepts. What takes
more than shapes (a time that a zone lacks, a calendar of another file, an id that stands twice) is left to `validate`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.calendars_file import CalendarEntry
from myscheduler.core.cron import RANGES
from myscheduler.core.fields import LONGEST_DAYS, METHODS, MOST_CRONS, MOST_DAYS, JobFields
from myscheduler.core.job import JobSpec
from myscheduler.core.limits import FIELDS as LIMITS

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOTHING = {"type": "null"}
_SOMETHING = {"not": _NOTHING}


def manifest_schema() -> Schema:
    """Of one document that declares a job."""
    generated = JobFields.model_json_schema()
    parts = {name: _model(name, part) for name, part in generated["$defs"].items()} | {"CronFields": _cron_fields()}
    job = _model("JobFields", generated) | {"required": ["job_id", "target_url"], "$defs": parts}
    return _headed("manifest", "A job of MyScheduler", job)


def calendars_schema() -> Schema:
    """Of `calendars.yaml`: names of calendars, and what they are."""
    generated = TypeAdapter(dict[str, CalendarEntry]).json_schema()
    parts = {name: _model(name, part) for name, part in generated["$defs"].items()}
    about = {"description": "Calendars by name, for `calendar: {name: …}` in manifests."}
    return _headed("calendars", "The calendars of MyScheduler", about | generated | {"$defs": parts})


def _headed(name: str, title: str, schema: Mapping[str, Any]) -> Schema:
    return {"$schema": _DIALECT, "$id": f"urn:myscheduler:{name}", "title": title} | dict(schema)


def _model(name: str, generated: Mapping[str, Any]) -> Schema:
    """An object of fields as pydantic describes it, with what only the rules know; titles would repeat the names."""
    fields = {
        field: {key: value for key, value in part.items() if key not in {"title", "default"}}
        | _default(_DEFAULTS.get(name, {}).get(field))
        | _RULES.get(name, {}).get(field, {})
        for field, part in generated["properties"].items()
    }
    rest = {key: value for key, value in generated.items() if key not in {"title", "$defs"}}
    return rest | {"properties": fields} | _TOGETHER.get(name, {})


def _default(value: Any) -> Schema:
    """What counts where the field is left out; pydantic's own default is always null, which says nothing."""
    return {} if value is None else {"default": value}


def _cron_fields() -> Schema:
    """The object form of a cron expression."""
    return {
        "type": "object",
        "description": "A field left out is * where a finer field is given, else its smallest value.",
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
    | {"seconds": False, "day_match": "any", "jitter_sec": 0, "catchup": "last", "adopt": False},
    "DstFields": {"gap": "run", "overlap": "first"},
}  # fmt: skip
"""What counts where a field is left out."""

_MOMENT = {
    "pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?\s*$"
}
"""Not `format: date-time`, which knows no local times."""
_DURATION = {"pattern": r"^\s*[Pp][0-9WwDdTtHhMmSs]+\s*$"}
_DAYS = r"([0-9]{4}-)?[0-9]{2}-[0-9]{2}"
_LIST_OF_DAYS = {
    "anyOf": [
        {
            "type": "array",
            "items": {"type": "string", "pattern": rf"^\s*{_DAYS}(/{_DAYS})?\s*$", "maxLength": LONGEST_DAYS},
            "maxItems": MOST_DAYS,
        },
        _NOTHING,
    ]
}
_CALENDAR: Mapping[str, Schema] = {
    "country": {"pattern": "^[A-Z]{2,3}$"},
    "closed": _LIST_OF_DAYS,
    "open": _LIST_OF_DAYS,
}
_ONE_CRON = [
    {"type": "string", "maxLength": LONGEST_WORD, "pattern": r"^\s*(@[A-Za-z]+|\S+(\s+\S+){4,5})\s*$"},
    {"$ref": "#/$defs/CronFields"},
]
_CRON = {"anyOf": [*_ONE_CRON, _NOTHING]}
_CRONS = {
    "anyOf": [
        *_ONE_CRON,
        {"type": "array", "items": {"anyOf": _ONE_CRON}, "minItems": 1, "maxItems": MOST_CRONS},
        _NOTHING,
    ]
}


def _in_any_case(word: str) -> str:
    return "".join(f"[{char.upper()}{char.lower()}]" for char in word)


_HOST = (
    r"([^\s/?#]*@)?"
    r"(\[[0-9A-Fa-f:.%]+[^\]\s]*\]"
    r"|(?![0-9.]+(:[0-9]+)?([/?#]|$))[^\s/?#@:\[\]<>{}()|\\^`\"'!$%&*+,;=~]+"
    r"|([0-9]{1,3}\.){3}[0-9]{1,3})"
)
"""With a login before it: a name, or an address in the one spelling that is called."""

_RULES: Mapping[str, Mapping[str, Schema]] = {
    "JobFields": {
        "job_id": {
            "type": "string",
            "pattern": r"^[^\s/?#%\u0000-\u001f\u007f]([^/?#%\u0000-\u001f\u007f]*[^\s/?#%\u0000-\u001f\u007f])?$",
            "not": {"enum": [".", ".."]},
        },
        "name": {"pattern": r"^[^\u0000-\u001f\u007f]*$"},
        "target_url": {"format": "iri", "pattern": rf"^{_in_any_case('http')}[Ss]?://{_HOST}(:[0-9]+)?([/?#]\S*)?$"},
        "method": {
            "anyOf": [
                {"enum": list(METHODS)},
                {"type": "string", "pattern": f"^({'|'.join(map(_in_any_case, METHODS))})$"},
                _NOTHING,
            ]
        },
        "headers": {"propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}},
        "cron": _CRONS,
        "interval": {"pattern": r"^\s*[Pp][0-9YyWwDdTtHhMmSs]+\s*$"},
        "anchor": _MOMENT,
        "run_at": _MOMENT,
        "start_at": _MOMENT,
        "end_at": _MOMENT,
    },
    "BlackoutFields": {"from": _MOMENT, "to": _MOMENT, "cron": _CRON, "duration": _DURATION},
    "CalendarFields": _CALENDAR,
    "CalendarEntry": _CALENDAR,
}
"""What the rules in `declaration` and its neighbours say of a single field."""


def _one_of(*choices: tuple[Iterable[str], Iterable[str]]) -> Schema:
    """Exactly one choice: the fields that stand then, and those that don't. Null is as good as left out."""
    return {
        "oneOf": [
            {
                "required": list(given),
                "properties": dict.fromkeys(given, _SOMETHING) | dict.fromkeys(left_out, _NOTHING),
            }
            for given, left_out in choices
        ]
    }


def _without(pattern: str, units: Iterable[str]) -> Schema:
    """An interval that is no text of that pattern, and an object without those units."""
    nothing = {"enum": [0, None]}
    return (
        _SOMETHING
        | {"if": {"type": "string"}, "then": {"not": {"pattern": pattern}}}
        | {"properties": dict.fromkeys(units, nothing)}
    )


_OF_FIXED_LENGTH = _without(r"^[^Tt]*[0-9][MmYy]", ["years", "months"])
_OF_WHOLE_DAYS = _without("[Tt]", ["hours", "minutes", "seconds"])


def _schedules() -> Schema:
    """Exactly one schedule, with the fields that belong to it."""
    chosen = _one_of(
        (["cron"], ["interval", "run_at", "anchor", "clock", "fold"]),
        (["interval"], ["cron", "run_at", "seconds", "day_match", "dst", "fold"]),
        (["interval", "anchor", "clock"], ["cron", "run_at", "seconds", "day_match", "fold"]),
        (["run_at"], ["cron", "interval", "seconds", "day_match", "dst", "anchor", "clock", *LIMITS]),
    )
    for choice, kind in zip(chosen["oneOf"], ("cron", "interval", "interval", "date"), strict=True):
        choice["properties"]["schedule_type"] = {"enum": [kind, None]}
    by_real_time, by_calendar = chosen["oneOf"][1:3]
    by_real_time["properties"] |= {"clock": {"enum": ["real", None]}, "interval": _OF_FIXED_LENGTH}
    by_calendar["properties"] |= {"clock": {"const": "wall"}, "interval": _OF_WHOLE_DAYS}
    return chosen


_TOGETHER: Mapping[str, Schema] = {
    "JobFields": _schedules(),
    "BlackoutFields": _one_of((["from", "to"], ["cron", "duration"]), (["cron", "duration"], ["from", "to"])),
    "CalendarFields": _one_of((["only"], ["skip"]), (["skip"], ["only"])),
}
"""Which fields stand together."""
