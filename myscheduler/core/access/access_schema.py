"""The JSON Schema (2020-12) of `access.yaml`, for editors. It never refuses what `read_access` accepts.

What can't be seen from shapes (a name that is taken, a date that doesn't exist) is left to `validate`.
"""

from collections.abc import Mapping
from typing import Any

from myscheduler.core.access.access_values import EXAMPLES, MOST_AUDIENCES
from myscheduler.core.access.issuers import ALGORITHMS, SUBJECT
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import LONGEST_ENTRY, MOST_ENTRIES
from myscheduler.core.bounds import LONGEST_RULED, LONGEST_URL, MOST_CLAIM_RULES, MOST_ISSUERS, MOST_TOKENS

Schema = dict[str, Any]


def access_schema() -> Schema:
    """The schema of `access.yaml`, a mapping of tokens and issuers."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:myscheduler:access",
        "title": "Who may use the API of MyScheduler",
        "$defs": {"scope": SCOPE, "role": _ROLE},
    } | _object(
        {"tokens": _list(_TOKEN, MOST_TOKENS), "oidc": _list(_ISSUER, MOST_ISSUERS)},
        about="Tokens, and issuers of JWTs, with what they may do.",
    )


def _object(fields: Mapping[str, Schema], needed: tuple[str, ...] = (), about: str = "") -> Schema:
    shape: Schema = {"type": "object", "properties": dict(fields), "additionalProperties": False}
    return shape | ({"required": list(needed)} if needed else {}) | ({"description": about} if about else {})


def _list(items: Schema, most: int, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "maxItems": most} | ({"minItems": least} if least else {})


def _text(about: str, name: str = "", **more: Any) -> Schema:
    example = {"examples": [EXAMPLES[name]]} if name else {}
    return {"type": "string", "description": about, "minLength": 1, "maxLength": LONGEST_RULED} | example | more


_ROLE: Schema = {
    "description": "Each role may do what those before it may, and more.",
    "enum": [str(role) for role in Role],
}
_ENTRY: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_ENTRY}
SCOPE: Schema = _object(
    {
        "labels": {
            "type": ["object", "null"],
            "description": "Labels with the values that match; a job needs one value of each.",
            "maxProperties": MOST_ENTRIES,
            "additionalProperties": {"anyOf": [_ENTRY, _list(_ENTRY, MOST_ENTRIES, least=1)]},
        },
        "ids": {"description": "Job ids, in which * matches any text and ? any character."}
        | {"type": ["array", "null"], "items": _ENTRY, "maxItems": MOST_ENTRIES},
    },
    about="The jobs that may be acted on; all if it is left out. Reading is never limited.",
) | {"type": ["object", "null"]}
_BINDING: Mapping[str, Schema] = {"role": {"$ref": "#/$defs/role"}, "scope": {"$ref": "#/$defs/scope"}}
_TOKEN = _object(
    {
        "name": _text("Who uses the token; it appears in the audit trail.", "name"),
        "id": {"type": "string", "description": "The public id of the token.", "pattern": "^[a-z2-7]{16}$"},
        "hash": {
            "type": "string",
            "description": "The SHA-256 of the token's secret, never the token itself.",
            "pattern": "^[0-9a-f]{64}$",
        },
        **_BINDING,
        "expires": {
            "type": "string",
            "description": "When the token ends, with an offset.",
            "examples": ["2027-01-01T00:00:00+09:00"],
        },
    },
    ("name", "id", "hash", "role"),
)
_RULE = _object(
    {
        "claim": _text("A claim, or a path such as realm_access.roles.", "claim"),
        "value": _text("What the claim, or an item of it, has to be; * matches any text.", "value"),
        **_BINDING,
    },
    ("claim", "value", "role"),
)
_URL: Schema = {"type": "string", "pattern": "^https?://", "maxLength": LONGEST_URL}
_PATH: Schema = {"type": "string", "pattern": "^/", "maxLength": LONGEST_RULED}
_AUDIENCE = _text("The name of this service at the issuer.", "audience")
_ISSUER = _object(
    {
        "issuer": _URL | {"description": "The iss of its tokens.", "examples": [EXAMPLES["issuer"]]},
        "audience": {
            "description": "What the aud of a token has to contain; one of a list.",
            "anyOf": [_AUDIENCE, _list(_AUDIENCE, MOST_AUDIENCES, least=1)],
        },
        "jwks_url": _URL | {"description": "Where its keys are; else /.well-known/openid-configuration says it."},
        "algorithms": _list({"enum": list(ALGORITHMS)}, len(ALGORITHMS), least=1)
        | {"description": "The signatures that are accepted; all of these if it is left out."},
        "name_claim": _text("The claim with the name for the audit trail.") | {"default": SUBJECT},
        "ca_file": _PATH | {"description": "The certificates that prove the issuer's server."},
        "bearer_file": _PATH | {"description": "A token to fetch the keys with; for Kubernetes only."},
        "rules": _list(_RULE, MOST_CLAIM_RULES, least=1)
        | {"description": "Each rule that fits gives its role; without one the caller is refused."},
    },
    ("issuer", "audience", "rules"),
)
