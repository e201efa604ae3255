"""What a job expects of an answer, beyond a status of 2xx."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from myscheduler.core.statuses import Statuses, read_statuses, write_statuses

Operator = Literal["equals", "not", "in", "gt", "gte", "lt", "lte", "exists", "contains", "length"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a JSON value."""

    operator: Operator
    wanted: Any
    """A JSON value; for `length` a number, or matchers of it (a tuple)."""


@dataclass(frozen=True, slots=True)
class At:
    """The conditions on the value at a JSON Pointer (RFC 6901)."""

    pointer: str
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Expect:
    """An answer that lacks any of these is a failure."""

    statuses: Statuses = ((200, 299),)
    json: tuple[At, ...] = ()
    body_contains: tuple[str, ...] = ()
    max_duration_ms: int | None = None
    """Milliseconds from the beginning of the attempt to the end of the answer."""

    @property
    def reads_body(self) -> bool:
        return bool(self.json or self.body_contains)


USUAL_EXPECT = Expect()


def expect_to_json(expect: Expect) -> dict[str, Any]:
    """The expectations as the field `expect` of a manifest."""
    written: dict[str, Any] = {}
    if expect.statuses != USUAL_EXPECT.statuses:
        written["status"] = write_statuses(expect.statuses)
    if expect.json:
        written["json"] = {one.pointer: matchers_to_json(one.matchers) for one in expect.json}
    if expect.body_contains:
        written["body_contains"] = list(expect.body_contains)
    if expect.max_duration_ms is not None:
        written["max_duration_ms"] = expect.max_duration_ms
    return written


def expect_from_json(stored: Mapping[str, Any]) -> Expect:
    """The inverse of `expect_to_json`."""
    return Expect(
        read_statuses(stored["status"]) if "status" in stored else USUAL_EXPECT.statuses,
        tuple(At(pointer, matchers_from_json(one)) for pointer, one in stored.get("json", {}).items()),
        tuple(stored.get("body_contains", ())),
        stored.get("max_duration_ms"),
    )


def matchers_to_json(matchers: tuple[Matcher, ...]) -> Any:
    """A plain value if it only has to equal that, else an object of operators."""
    if len(matchers) == 1 and matchers[0].operator == "equals" and not isinstance(matchers[0].wanted, dict):
        return matchers[0].wanted
    return {
        one.operator: matchers_to_json(one.wanted) if isinstance(one.wanted, tuple) else one.wanted for one in matchers
    }


def matchers_from_json(written: Any) -> tuple[Matcher, ...]:
    """The inverse of `matchers_to_json`, for valid matchers."""
    if not isinstance(written, dict):
        return (Matcher("equals", written),)
    return tuple(
        Matcher(operator, matchers_from_json(wanted) if operator == "length" else wanted)
        for operator, wanted in written.items()
    )
