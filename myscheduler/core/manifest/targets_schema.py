"""The JSON Schema (2020-12) of `targets.yaml`, for editors. It never refuses what `read_targets` accepts.

The fields that a target shares with jobs are those of the schema of manifests.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from myscheduler.core.bounds import MOST_TARGETS
from myscheduler.core.manifest import schema_patterns as patterns
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.manifest.schema_patterns import Schema
from myscheduler.core.manifest.target_fields import DEFAULTS, TargetFields

_NAME: Schema = {
    "pattern": "^[^/?#%]{1,100}$",
    "patternErrorMessage": "Write the name of a target: up to 100 characters without / ? # %.",
}
_OWN: Mapping[str, Schema] = {
    "base_url": {"format": "iri"} | patterns.TARGET_URL,
    "openapi": patterns.PATH_BELOW,
    "per": patterns.DURATION,
}
"""The rules for single fields of targets, and of what is within them."""
_DEFINED = "#/$defs/"


def targets_schema() -> Schema:
    """The schema of `targets.yaml`, a mapping of names to targets."""
    of_jobs, of_targets = manifest_schema(), TargetFields.model_json_schema()
    shared = {name: of_jobs["properties"][name] for name in DEFAULTS}
    parts = of_jobs["$defs"] | {name: _without_titles(part) for name, part in of_targets["$defs"].items()}
    target = _without_titles({key: part for key, part in of_targets.items() if key != "$defs"})
    target["properties"] |= shared
    return {
        "$schema": of_jobs["$schema"],
        "$id": "urn:myscheduler:targets",
        "title": "The targets of MyScheduler",
        "description": "Targets by name, for `target: NAME` in manifests.",
        "type": "object",
        "maxProperties": MOST_TARGETS,
        "propertyNames": _NAME,
        "additionalProperties": target,
        "$defs": {name: parts[name] for name in sorted(_used(target, parts, set()))},
    }


def _without_titles(model: Mapping[str, Any]) -> Schema:
    """A generated schema with our rules, without titles and defaults, which say nothing."""
    fields = {
        name: {key: value for key, value in part.items() if key not in {"title", "default"}} | _OWN.get(name, {})
        for name, part in model["properties"].items()
    }
    return {key: value for key, value in model.items() if key != "title"} | {"properties": fields}


def _used(schema: Any, parts: Mapping[str, Schema], seen: set[str]) -> set[str]:
    """The names of the parts that a schema refers to, directly or through others."""
    for name in set(_references(schema)) - seen:
        seen |= {name}
        seen |= _used(parts[name], parts, seen)
    return seen


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_DEFINED)
        for one in schema.values():
            yield from _references(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)
