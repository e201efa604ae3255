"""The schemas of the document: those that FastAPI generates from the shapes, completed, and with names for clients."""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

from myscheduler.api.openapi.bodies import job_components
from myscheduler.api.shapes.problems import Problem

Schema = dict[str, Any]

REF = "#/components/schemas/"
_NAMES = {
    "Cause": "ExecutionCause",
    "Kind": "ExecutionKind",
    "Reason": "ExecutionReason",
    "Status": "ExecutionStatus",
    "Sort": "JobSort",
    "Why": "Explanation",
}
"""Names that say too little outside of their module."""
_OF_FASTAPI = frozenset({"HTTPValidationError", "ValidationError"})
"""What FastAPI answers where no handler of ours does."""
_MOMENTS = frozenset({
    "at", "first", "last", "from", "since", "until", "slot", "slot_utc", "next_run", "next_run_time", "previous_slot",
})  # fmt: skip
"""Fields with a time whose names don't end in `_at`."""


def components(generated: Mapping[str, Schema], bodies: Mapping[str, Schema]) -> Schema:
    """All schemas, sorted by name; `bodies` are complete already."""
    problem = TypeAdapter(Problem).json_schema(ref_template=REF + "{model}")
    found = {**generated, **problem.pop("$defs"), "Problem": problem}
    found = {name: _completed(name, schema) for name, schema in found.items() if name not in _OF_FASTAPI}
    _add_partial_rows(found)
    named = {_NAMES.get(name, name): schema for name, schema in found.items()} | job_components(REF) | dict(bodies)
    return dict(sorted(named.items()))


def renamed(schema: Any) -> Any:
    """The schema, or a whole part of the document, with references to the names of clients."""
    if isinstance(schema, list):
        return [renamed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: renamed(value) for key, value in schema.items()}
    if isinstance(target := made.get("$ref"), str) and target.startswith(REF):
        name = target.removeprefix(REF)
        made["$ref"] = REF + _NAMES.get(name, name)
    return made


def without_titles(schema: Schema) -> Schema:
    """The schema of a field or parameter, without the title that repeats its name."""
    return {key: value for key, value in schema.items() if key != "title"}


def _completed(name: str, schema: Schema) -> Schema:
    made = without_titles(schema)
    if "description" in made:
        made["description"] = _line(made["description"])
    if "properties" in made:
        made["properties"] = {
            field: _with_format(field, without_titles(one)) | _described(name, field)
            for field, one in made["properties"].items()
        }
    return made


def _described(name: str, field: str) -> Schema:
    text = _texts().get(name, {}).get(field)
    return {"description": text} if text else {}


def _with_format(field: str, schema: Schema) -> Schema:
    if not (field in _MOMENTS or field.endswith("_at")):
        return schema
    if schema.get("type") == "string":
        return schema | {"format": "date-time"}
    if {"type": "string"} in schema.get("anyOf", ()):
        some = [
            {"type": "string", "format": "date-time"} if one == {"type": "string"} else one for one in schema["anyOf"]
        ]
        return schema | {"anyOf": some}
    return schema


def _add_partial_rows(found: dict[str, Schema]) -> None:
    """Rows of a page with `fields`: any of the fields of a summary. No typed dictionary can say that."""
    whole = found["JobSummary"]
    found["JobFieldsRow"] = {
        "type": "object",
        "description": "A row with the fields that `fields` names.",
        "properties": whole["properties"],
    }
    found["JobPage"]["properties"]["jobs"]["items"]["anyOf"].append({"$ref": f"{REF}JobFieldsRow"})


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    """By class and field: the text below the field in the source; inherited fields included."""
    classes = {one.name: one for tree in _trees() for one in tree.body if isinstance(one, ast.ClassDef)}
    return {name: dict(_texts_of(one, classes)) for name, one in classes.items()}


def _trees() -> Iterator[ast.Module]:
    for folder in ("shapes", "routes"):
        for path in files("myscheduler.api").joinpath(folder).iterdir():
            if path.name.endswith(".py"):
                yield ast.parse(path.read_text("utf-8"))


def _texts_of(one: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[tuple[str, str]]:
    for base in one.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _texts_of(classes[base.id], classes)
    for field, after in zip(one.body, one.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, _line(text)


def _line(text: str) -> str:
    return " ".join(text.split())
