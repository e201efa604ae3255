"""The schema of a job in a body: that of a manifest, for other readers."""

from collections.abc import Mapping
from typing import Any

from myscheduler.core.manifest.schema import manifest_schema

Schema = dict[str, Any]

JOB = "JobDeclaration"
_FOR_EDITORS = frozenset({"$schema", "$id", "title", "errorMessage", "patternErrorMessage"})
_OF_MANIFESTS = ("adopt", "protect")
"""Fields that jobs of the API must not have."""


def job_components(ref: str) -> Schema:
    """The schema `JOB` and the ones that it refers to; `ref` is where they are."""
    written = _for_clients(manifest_schema(), ref)
    parts: Schema = written.pop("$defs")
    del written["required"]
    del written["allOf"]  # that either `target_url` or `ping` is given, which their descriptions say
    fields = {name: one for name, one in written["properties"].items() if name not in _OF_MANIFESTS}
    fields["job_id"].pop("type")  # of a manifest, which needs one: null is a new UUID here
    fields["replace_existing"] = {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Replace an API job that has the same id. Without a meaning in `replace_job`.",
    }
    return parts | {JOB: written | {"type": "object", "properties": fields}}


def _for_clients(schema: Any, ref: str) -> Any:
    if isinstance(schema, list):
        return [_for_clients(one, ref) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {
        key: _for_clients(value, ref)
        for key, value in schema.items()
        if key not in _FOR_EDITORS or not isinstance(value, str)  # a property may have such a name, and is no text
    }
    if isinstance(target := made.get("$ref"), str):
        made["$ref"] = ref + target.rpartition("/")[2]
    return made
