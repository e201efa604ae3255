"""Which fields of a job go together, as JSON Schema for editors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from myscheduler.core.job.auth import KINDS
from myscheduler.core.job.limits import FIELDS as LIMITS
from myscheduler.core.job.payload import PAYLOADS
from myscheduler.core.manifest import schema_patterns as patterns
from myscheduler.core.manifest.after_field import NOT_WITH_AFTER
from myscheduler.core.manifest.ping_field import OF_CALLS
from myscheduler.core.manifest.schema_patterns import Schema

_NOTHING = {"type": "null"}


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

TOGETHER: Mapping[str, Schema] = {
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
