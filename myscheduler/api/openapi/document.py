"""Builds the OpenAPI 3.1 document of an application. It depends on the code only, never on settings or the machine."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.utils import create_model_field

from myscheduler import __version__
from myscheduler.api.openapi.answers import PROBLEMS, answers, problem_responses
from myscheduler.api.openapi.components import REF, components, renamed, without_titles
from myscheduler.api.openapi.security import SCHEMES, needs, security
from myscheduler.api.openapi.texts import ABOUT, PATH_PARAMETERS, SUMMARIES, TAGS
from myscheduler.api.shapes.documented import SHAPE

Schema = dict[str, Any]

METHODS = ("get", "put", "post", "delete")


def document(app: FastAPI) -> Schema:
    """The document. Raises `KeyError` for an operation without a summary, or one that the table of roles lacks."""
    made: Schema = get_openapi(
        title="MyScheduler",
        version=__version__,
        summary="Declarative scheduler of HTTP calls",
        description=ABOUT,
        openapi_version="3.1.0",
        routes=[*map(_described, iter_route_contexts(app.routes))],
        tags=[dict(tag) for tag in TAGS],
        servers=[{"url": app.state.root_path or "/", "description": "The server that serves this document."}],
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    bodies: Schema = {}
    for method, path, operation in operations(made):
        _complete(method, path, operation)
        bodies |= _named_body(operation)
    made["security"] = security("list_jobs")
    made["components"] = {
        "schemas": components(made["components"]["schemas"], bodies),
        "responses": problem_responses(PROBLEMS),
        "securitySchemes": SCHEMES,
    }
    whole: Schema = renamed(made)
    return whole


def _described(route: RouteContext) -> RouteContext:
    """The route with the schemas of its answers, as FastAPI describes those of a route that has them itself."""
    responses = {status: dict(answer) for status, answer in getattr(route, "responses", {}).items()}
    shapes = {status: answer.pop(SHAPE) for status, answer in responses.items() if SHAPE in answer}
    fields = {
        status: create_model_field(f"Response_{status}_{route.unique_id}", shape, mode="serialization")
        for status, shape in shapes.items()
    }
    vars(route).update(responses=responses, response_fields=fields)
    return route


def operations(made: Mapping[str, Any]) -> Iterator[tuple[str, str, Schema]]:
    """Each operation of a document with its method and path."""
    for path, item in made["paths"].items():
        yield from ((method, path, item[method]) for method in METHODS if method in item)


@lru_cache(maxsize=1)
def examples() -> Mapping[str, Any]:
    """By operation: an example of a `request`, and one of an `answer`."""
    found: Mapping[str, Any] = json.loads(files(__package__).joinpath("examples.json").read_text("utf-8"))
    return found


def _complete(method: str, path: str, operation: Schema) -> None:
    name = operation["operationId"]
    example = examples().get(name, {})
    operation["summary"] = SUMMARIES[name]
    paragraphs = [*operation["description"].split("\n\n"), needs(name)]
    operation["description"] = "\n\n".join(" ".join(one.split()) for one in paragraphs if one)
    operation["security"] = security(name)
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)
    if "requestBody" in operation and "request" in example:
        operation["requestBody"]["content"]["application/json"]["example"] = example["request"]
    operation["responses"] = answers(method, path, operation, example.get("answer"))


def _named_body(operation: Schema) -> Schema:
    """The schema of the operation's body as a component, to which the operation then refers: clients name it so."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or "$ref" in content["schema"]:
        return {}
    name = "".join(map(str.capitalize, operation["operationId"].split("_"))) + "Request"
    schema, reference = content["schema"], {"$ref": REF + name}
    may_be_null = schema["type"] == ["object", "null"]
    content["schema"] = {"anyOf": [reference, {"type": "null"}]} if may_be_null else reference
    return {name: schema | {"type": "object"}}


def _complete_parameter(parameter: Schema) -> None:
    schema = _never_null(without_titles(parameter["schema"]))
    if schema.get("description") == parameter.get("description"):
        schema.pop("description", None)
    parameter["schema"] = schema
    if parameter["in"] == "path":
        parameter |= PATH_PARAMETERS[parameter["name"]]


def _never_null(schema: Schema) -> Schema:
    """What is left of the schema for a text in a URL or a header, which is there or is not, but never null."""
    alternatives = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(alternatives) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    items = {**alternatives[0].get("items", {}), **rest.get("items", {})}
    return {**alternatives[0], **rest, **({"items": items} if items else {})}
