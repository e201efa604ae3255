"""The JSON Schema (2020-12) of `vars.yaml`, for editors. It never refuses what `read_variables` accepts."""

from typing import Any

from myscheduler.core.bounds import LONGEST_VARIABLE, MOST_VARIABLES


def vars_schema() -> dict[str, Any]:
    """The schema of `vars.yaml`, a mapping of names to values."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:myscheduler:vars",
        "title": "The variables of MyScheduler",
        "description": "Variables by name, for `{{ vars.NAME }}` in manifests and targets.yaml.",
        "type": "object",
        "maxProperties": MOST_VARIABLES,
        "propertyNames": {
            "pattern": "^[a-z][a-z0-9_]{0,63}$",
            "patternErrorMessage": "Write a small letter, then up to 63 small letters, digits and _.",
        },
        "additionalProperties": {
            "description": "A text, a number, true or false; not a reference to a secret.",
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_VARIABLE, "not": {"pattern": r"\$\{"}},
                {"type": "number", "exclusiveMinimum": -(10**15), "exclusiveMaximum": 10**15},
                {"type": "boolean"},
            ],
            "examples": ["https://billing.example.com"],
        },
    }
