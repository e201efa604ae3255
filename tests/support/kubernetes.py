"""The strict schemas of Kubernetes, each read once (`kubernetes_validate.validate` reads 5 MB for each object)."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

VERSIONS = ("1.27.0", "1.35.0", "1.36.0", "1.37.0")
"""The oldest that the chart supports, and the newest."""


@cache
def _definitions(version: str) -> Resource[Any]:
    return Resource.from_contents(schema_contents(f"{_folder(version)}/_definitions.json", version))


@cache
def validator(version: str, api_version: str, kind: str) -> Draft202012Validator | None:
    """`None` where there is no schema for the kind."""
    group, _, name = api_version.rpartition("/")
    group = f"{group.split('.')[0]}-" if group else ""
    try:
        schema = schema_contents(f"{_folder(version)}/{kind.lower()}-{group}{name}.json", version)
    except FileNotFoundError:
        return None
    registry: Registry[Any] = _definitions(version) @ Registry()
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ registry)


def _folder(version: str) -> str:
    return f"kubernetes-json-schema/v{version}-local-strict"


def mistakes(item: dict[str, Any], version: str) -> list[str] | None:
    """What is wrong with an object; `None` where there is no schema for its kind."""
    judge = validator(version, item["apiVersion"], item["kind"])
    if judge is None:
        return None
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in judge.iter_errors(item)]
