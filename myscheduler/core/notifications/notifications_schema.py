"""The JSON Schema (2020-12) of `notifications.yaml`, for editors. It never refuses what `read_notifications` accepts.

What can't be seen from shapes (a channel that is not declared, quiet hours without an end) is left to `validate`.
"""

from collections.abc import Mapping
from typing import Any

from myscheduler.core.access.access_schema import SCOPE
from myscheduler.core.bounds import LONGEST_RULED, LONGEST_URL, LONGEST_WORD
from myscheduler.core.notifications import channel_values as values
from myscheduler.core.notifications.channels import Language
from myscheduler.core.notifications.notifications_file import FORMS, MOST_CHANNELS, MOST_ROUTES
from myscheduler.core.notifications.overrides import MOST_CHANNELS as MOST_NAMED
from myscheduler.core.notifications.overrides import MOST_FAILURES
from myscheduler.core.notifications.quiet_hours import DAYS

Schema = dict[str, Any]


def notifications_schema() -> Schema:
    """The schema of `notifications.yaml`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:myscheduler:notifications",
        "title": "Whom MyScheduler tells when a job is in trouble",
    } | _object(
        {
            "channels": {
                "type": "object",
                "description": "The ways in which people are told, by name.",
                "maxProperties": MOST_CHANNELS,
                "propertyNames": {"minLength": 1, "maxLength": LONGEST_RULED},
                "additionalProperties": _channel(),
            },
            "routes": {
                "type": "array",
                "description": "Which jobs tell which channels; the first route that fits a job counts.",
                "maxItems": MOST_ROUTES,
                "items": _object({"match": SCOPE, **_OVERRIDES}, ("match", "channels")),
            },
            "default": _object(_OVERRIDES, ("channels",), "What counts for jobs that no route fits."),
        },
        ("default",),
    )


def _object(fields: Mapping[str, Schema], needed: tuple[str, ...] = (), about: str = "") -> Schema:
    shape: Schema = {"type": "object", "properties": dict(fields), "additionalProperties": False}
    return shape | ({"required": list(needed)} if needed else {}) | ({"description": about} if about else {})


def _channel() -> Schema:
    """A chain of `if` and `then` by kind: for a `oneOf`, editors would report the errors of one branch only."""
    chain: Schema = {"properties": {"kind": {"enum": list(FORMS)}}}
    for kind, form in reversed(list(FORMS.items())):
        fields = {"kind": {"const": kind}, **_COMMON, **{name: _FIELDS[name] for name in form.parsers}}
        chain = {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": _object(fields, ("kind", *form.needed)),
            "else": chain,
        }
    return {"type": "object", "required": ["kind"], "properties": {"kind": {"description": "The service."}}} | chain


def _text(about: str, most: int = LONGEST_RULED, **more: Any) -> Schema:
    return {"type": "string", "description": about, "minLength": 1, "maxLength": most} | more


def _list(items: Schema, most: int, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _span(about: str, example: str) -> Schema:
    return {
        "description": f"{about}: an ISO 8601 duration, or false for never.",
        "anyOf": [{"type": "string", "maxLength": LONGEST_WORD}, {"enum": [False, None]}],
        "examples": [example],
    }


def _count(about: str) -> Schema:
    return {"type": ["integer", "null"], "description": about, "minimum": 1, "maximum": MOST_FAILURES}


_OVERRIDES: Mapping[str, Schema] = {
    "channels": {
        "type": ["array", "null"],
        "description": "Names of channels; none in a route whose jobs tell nobody.",
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_RULED},
        "maxItems": MOST_NAMED,
        "examples": [["ops"]],
    },
    "after_failures": _count("So many executions in a row have to go wrong before anybody is told; default 1."),
    "failures": _count("So many of the last executions (`of`) have to go wrong, instead of some in a row."),
    "of": _count("How many of the last executions are looked at for `failures`."),
    "late_after": _span("How long after its slot a run has to be over, else the job is late", "PT10M"),
    "remind": _span("How often trouble that goes on is told again; default PT24H", "PT12H"),
}
NOTIFY: Schema = _object(_OVERRIDES) | {"minProperties": 1, "not": {"const": True}}
"""What a job may write; `false` and `null` are allowed besides."""

_REFERENCE = r"^\$\{secret:[A-Za-z0-9._-]{1,253}\}$"
_SECRET = _text("A reference to a secret.", pattern=_REFERENCE)
_QUIET = _object(
    {
        "from": _text("When they begin, as HH:MM.", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"]),
        "to": _text("When they end, as HH:MM; on the next day unless it is later.", examples=["07:00"])
        | {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
        "days": _list({"enum": list(DAYS)}, 7) | {"description": "The days on which they begin; all if left out."},
        "timezone": _text("An IANA name; the zone of the service if it is left out.", examples=["Asia/Tokyo"]),
    },
    ("from", "to"),
)
_COMMON: Mapping[str, Schema] = {
    "language": {"enum": [str(one) for one in Language], "description": "Of the messages.", "default": "en"},
    "quiet": {
        "description": "Times in which nothing is sent; what happened then is told afterwards.",
        "anyOf": [_QUIET, _list(_QUIET, values.MOST_QUIET)],
    },
}
_ADDRESS = _text("An address of e-mail.", values.LONGEST_ADDRESS, pattern="@")
_FIELDS: Mapping[str, Schema] = {
    "url": _text("Where messages go. Where the URL itself grants access, it holds a reference.", LONGEST_URL),
    "secret": {
        "description": "The key to sign with (whsec_…), as a reference; two while one replaces the other.",
        "anyOf": [_SECRET, _list(_SECRET, values.MOST_KEYS)],
    },
    "routing_key": _SECRET | {"description": "The integration key, as a reference."},
    "host": _text("The SMTP server.", examples=["smtp.example.com"]),
    "port": {"type": "integer", "minimum": 1, "maximum": 65_535, "default": 587, "description": "Its port."},
    "security": {
        "enum": list(values.SECURITY),
        "default": "starttls",
        "description": "How the way to it is protected.",
    },
    "username": _text("Whom to log in as."),
    "password": _SECRET | {"description": "The password, as a reference."},
    "from": _ADDRESS | {"examples": ["MyScheduler <myscheduler@example.com>"]},
    "to": {"anyOf": [_ADDRESS, _list(_ADDRESS, values.MOST_RECIPIENTS)], "description": "Who receives the mail."},
}
