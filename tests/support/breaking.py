"""Compares two OpenAPI documents, and names each change that may break a client of the first.

    breaking_changes(before, after)  # {"list_jobs parameter limit maximum": "1000 became 500", …}

Pure, and strict where it can't know: a pattern or a condition that changed counts as breaking. Requests must stay
accepted, and answers must stay such that a client of the first document understands them; they may gain fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Change = tuple[str, str]
"""A key, which stays the same between runs, and what changed."""

_METHODS = ("get", "put", "post", "delete", "patch")
_TYPES = frozenset({"array", "boolean", "null", "number", "object", "string"})
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OPAQUE = ("pattern", "format", "multipleOf", "uniqueItems", "not", "if", "then", "else", "allOf", "contains")
"""Rules of which only "gone", "same" and "changed" are known."""
_DEEPEST = 30


def breaking_changes(before: Schema, after: Schema) -> dict[str, str]:
    """By key: what changed."""
    old, new = dict(_operations(before)), dict(_operations(after))
    found: dict[str, str] = {}
    for place, operation in old.items():
        name = operation["operationId"]
        if place not in new:
            found[f"{name} removed"] = f"there is no {place} any more"
        else:
            pair = _Pair(before, after, name)
            found.update((f"{name} {key}", what) for key, what in pair.changes(operation, new[place]))
    return found


def unnamed(changes: Mapping[str, str], changelog: str) -> dict[str, str]:
    """The changes whose keys stand, in backticks, nowhere under `### Breaking` of the unreleased changes."""
    unreleased = changelog.partition("\n## Unreleased\n")[2].partition("\n## ")[0]
    named = "".join(part.partition("\n### ")[0] for part in unreleased.split("\n### Breaking\n")[1:])
    return {key: what for key, what in changes.items() if f"`{key}`" not in named}


def _operations(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path, item in document["paths"].items():
        yield from ((f"{method.upper()} {path}", item[method]) for method in _METHODS if method in item)


@dataclass(frozen=True)
class _Pair:
    before: Schema
    after: Schema
    name: str

    def changes(self, old: Schema, new: Schema) -> Iterator[Change]:
        if new["operationId"] != old["operationId"]:
            yield "renamed", f"its operation id is {new['operationId']}"
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._bodies(old.get("requestBody"), new.get("requestBody"))
        yield from self._answers(old["responses"], new["responses"])

    def _security(self, old: Schema, new: Schema) -> Iterator[Change]:
        given, now = (one.get("security", top.get("security", [])) for one, top in self._both(old, new))
        if not given and now and {} not in now:
            yield "security", "it was open to everybody"
        for alternative in given:
            if now and alternative not in now and not any(one.keys() <= alternative.keys() for one in now):
                yield f"security {'+'.join(sorted(alternative)) or 'none'}", "it is no longer accepted"

    def _both(self, old: Schema, new: Schema) -> tuple[tuple[Schema, Schema], tuple[Schema, Schema]]:
        return (old, self.before), (new, self.after)

    def _parameters(self, old: Schema, new: Schema) -> Iterator[Change]:
        given, now = (
            {(one["in"], one["name"]): one for one in map(whole.of, operation.get("parameters", ()))}
            for operation, whole in ((old, _Whole(self.before)), (new, _Whole(self.after)))
        )
        for (place, name), parameter in given.items():
            key = f"parameter {name}"
            if (place, name) not in now:
                yield f"{key} removed", f"it was in the {place}"
                continue
            also = now[place, name]
            if also.get("required") and not parameter.get("required"):
                yield f"{key} required", "it was optional"
            yield from self._asked(key, parameter["schema"], also["schema"])
        for (place, name), parameter in now.items():
            if (place, name) not in given and parameter.get("required"):
                yield f"parameter {name} required", "it is new"

    def _bodies(self, old: Schema | None, new: Schema | None) -> Iterator[Change]:
        if old is None:
            if new is not None and new.get("required"):
                yield "body required", "there was none"
            return
        if new is None:
            yield "body removed", "it took one"
            return
        if new.get("required") and not old.get("required"):
            yield "body required", "it was optional"
        for kind, content in old["content"].items():
            if kind not in new["content"]:
                yield f"body {kind} removed", "it was accepted"
            else:
                yield from self._asked("body", content["schema"], new["content"][kind]["schema"])

    def _answers(self, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = _Whole(self.before), _Whole(self.after)
        for status, given in old.items():
            key = f"answer {status}"
            if status not in new:
                yield f"{key} removed", "the status was documented"
                continue
            one, other = before.of(given), after.of(new[status])
            for header in one.get("headers", {}).keys() - other.get("headers", {}).keys():
                yield f"{key} header {header} removed", "it was documented"
            for kind, content in one.get("content", {}).items():
                if kind not in other.get("content", {}):
                    yield f"{key} {kind} removed", "it was answered"
                else:
                    yield from self._told(key, content["schema"], other["content"][kind]["schema"])

    def _asked(self, key: str, old: Schema, new: Schema) -> Iterator[Change]:
        return _narrower(key, _Whole(self.before), old, _Whole(self.after), new)

    def _told(self, key: str, old: Schema, new: Schema) -> Iterator[Change]:
        """An answer must not become wider, so the comparison is the other way round."""
        return _narrower(key, _Whole(self.after), new, _Whole(self.before), old, is_answer=True)


@dataclass(frozen=True)
class _Whole:
    """A document, as that in which references are looked up."""

    document: Schema

    def of(self, part: Schema) -> Schema:
        while "$ref" in part:
            rest = {key: value for key, value in part.items() if key != "$ref"}
            target: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = {**target, **rest}
        return part


def _narrower(
    key: str,
    wide_in: _Whole,
    wide: Schema,
    narrow_in: _Whole,
    narrow: Schema,
    *,
    is_answer: bool = False,
    depth: int = 0,
) -> Iterator[Change]:
    """Where `narrow` refuses what `wide` accepts: the old and the new schema of a request, or the new and the old one
    of an answer.
    """
    if depth > _DEEPEST:
        return
    wide, narrow = wide_in.of(wide), narrow_in.of(narrow)

    def inner(where: str, one: Any, other: Any) -> Iterator[Change]:
        pair = _schema(one), _schema(other)
        return _narrower(where, wide_in, pair[0], narrow_in, pair[1], is_answer=is_answer, depth=depth + 1)

    some, others = _alternatives(wide), _alternatives(narrow)
    if max(len(some), len(others)) > 1:
        for one in some:
            tries = [list(inner(key, one, other)) for other in others]
            if all(tries):
                yield from min(tries, key=len)
        return
    if wide.keys() & {"anyOf", "oneOf"} or narrow.keys() & {"anyOf", "oneOf"}:
        yield from inner(key, some[0], others[0])
        return
    yield from _types(key, wide, narrow)
    yield from _values(key, wide, narrow, is_answer=is_answer)
    yield from _properties(key, wide, narrow, inner, is_answer=is_answer)
    for part, suffix in (("items", "[]"), ("propertyNames", " names")):
        if part in narrow:
            yield from inner(key + suffix, wide.get(part, {}), narrow[part])


def _schema(written: Any) -> Schema:
    """A schema may be just true or false."""
    if isinstance(written, bool):
        return {} if written else {"enum": []}
    found: Schema = written
    return found


def _alternatives(schema: Schema) -> list[Schema]:
    """The schemas of which a value keeps one; each has one type at most."""
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}
    found = [{**rest, **one} for one in schema.get("anyOf", schema.get("oneOf", [{}]))]
    return [
        {**one, "type": kind} if isinstance(one.get("type"), list) else one
        for one in found
        for kind in (one["type"] if isinstance(one.get("type"), list) else [None])
    ]


def _types_of(schema: Schema) -> frozenset[str]:
    if "type" not in schema:
        return _TYPES | {"integer"}
    written = schema["type"]
    found = {written} if isinstance(written, str) else {*written}
    return frozenset(found | {"integer"} if "number" in found else found)


def _types(key: str, wide: Schema, narrow: Schema) -> Iterator[Change]:
    for lost in sorted(_types_of(wide) - _types_of(narrow)):
        yield f"{key} type {lost}", f"{sorted(_types_of(narrow))} against {sorted(_types_of(wide))}"


def _values(key: str, wide: Schema, narrow: Schema, *, is_answer: bool) -> Iterator[Change]:
    values, kept = _enum(wide), _enum(narrow)
    if kept is not None:
        lost = ["any"] if values is None else [repr(one) for one in values if one not in kept]
        yield from ((f"{key} enum {one}", f"{kept} against {values}") for one in lost)
    if is_answer and narrow.get("format") == wide.get("format"):
        return  # bounds of answers tell clients little
    for name in _LEAST:
        if name in narrow and (name not in wide or narrow[name] > wide[name]):
            yield f"{key} {name}", f"{wide.get(name)} against {narrow[name]}"
    for name in _MOST:
        if name in narrow and (name not in wide or narrow[name] < wide[name]):
            yield f"{key} {name}", f"{wide.get(name)} against {narrow[name]}"
    for name in _OPAQUE:
        if name in narrow and narrow[name] != wide.get(name):
            yield f"{key} {name}", f"{wide.get(name)} against {narrow[name]}"


def _enum(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _properties(key: str, wide: Schema, narrow: Schema, inner: Any, *, is_answer: bool) -> Iterator[Change]:
    given, kept = wide.get("properties", {}), narrow.get("properties", {})
    others, other_kept = wide.get("additionalProperties", True), narrow.get("additionalProperties", True)
    for name in sorted(set(narrow.get("required", ())) - set(wide.get("required", ()))):
        if not (is_answer and name not in given):
            yield (
                f"{key} {name} {'optional' if is_answer else 'required'}",
                "it was not" if not is_answer else "it was always there",
            )
    for name in sorted(given.keys() & kept.keys()):
        yield from inner(f"{key} {name}", given[name], kept[name])
    if is_answer:
        yield from ((f"{key} {name} removed", "it was in the answer") for name in sorted(kept.keys() - given.keys()))
    else:
        for name in sorted(given.keys() - kept.keys()):
            if other_kept is False:
                yield f"{key} {name} removed", "it was accepted"
            else:
                yield from inner(f"{key} {name}", given[name], other_kept)
    if other_kept is not True and others is not False:
        yield from inner(f"{key} others", others, other_kept)
