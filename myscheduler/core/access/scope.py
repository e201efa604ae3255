"""Scopes: the jobs that a caller may act on. Reading is never limited."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from myscheduler.core.findings.problem import shown

MOST_ENTRIES = 100
"""The most labels, values of a label, or ids in one scope."""
LONGEST_ENTRY = 255


@dataclass(frozen=True, slots=True)
class Scope:
    """Jobs by labels and ids; a job has to match both where both are given. Without any, all jobs."""

    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each label with the values that match; a job needs one of the values of every label."""
    ids: tuple[str, ...] = ()
    """Job ids, in which `*` matches any text and `?` any character; a job needs one of them."""

    @property
    def is_everything(self) -> bool:
        return not self.labels and not self.ids

    def covers(self, job_id: str, labels: Mapping[str, str]) -> bool:
        """Whether a job with this id and these labels is in the scope."""
        fits = all(labels.get(name) in values for name, values in self.labels)
        return fits and (not self.ids or any(_fits(job_id, pattern) for pattern in self.ids))

    def as_json(self) -> dict[str, Any]:
        """The scope as it is written: `{"labels": {"team": ["billing"]}, "ids": ["billing-*"]}`, `{}` for all jobs."""
        labels = {name: list(values) for name, values in self.labels}
        return ({"labels": labels} if labels else {}) | ({"ids": list(self.ids)} if self.ids else {})


EVERYTHING = Scope()


class ScopeError(Exception):
    """A scope is invalid. `loc` is the path of the wrong value within it."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


def parse_scope(written: Any) -> Scope:
    """Parse the JSON or YAML of a scope; `None` and `{}` are all jobs. Raises `ScopeError`."""
    if written is None:
        return EVERYTHING
    if not isinstance(written, dict):
        raise ScopeError("has to be a mapping, such as {labels: {team: billing}, ids: ['billing-*']}")
    for name in written:
        if name not in {"labels", "ids"}:
            raise ScopeError(f"unknown key {shown(name)}: a scope has labels and ids", name)
    labels = written.get("labels") or {}
    if not isinstance(labels, dict) or len(labels) > MOST_ENTRIES:
        raise ScopeError(f"has to be a mapping of up to {MOST_ENTRIES} labels, such as {{team: billing}}", "labels")
    ids = tuple(_texts(written.get("ids") or [], "ids"))
    return Scope(tuple((_label(name), tuple(_values(values, name))) for name, values in labels.items()), ids)


def _fits(job_id: str, pattern: str) -> bool:
    return fnmatchcase(job_id, pattern.replace("[", "[[]"))  # a bracket is just a character of an id


def _label(name: Any) -> str:
    if not isinstance(name, str) or not name or len(name) > LONGEST_ENTRY:
        raise ScopeError("the name of a label has to be text", "labels", str(name)[:LONGEST_ENTRY])
    return name


def _values(written: Any, name: str) -> Iterator[str]:
    yield from _texts(written if isinstance(written, list) else [written], "labels", name)


def _texts(written: Any, *loc: str | int) -> Iterator[str]:
    if not isinstance(written, list) or len(written) > MOST_ENTRIES:
        raise ScopeError(f"has to be a list of up to {MOST_ENTRIES} texts", *loc)
    if not written and loc[0] == "labels":
        raise ScopeError("has to have a value: a label without one would match no job", *loc)
    for place, text in enumerate(written):
        if not isinstance(text, str) or not text or len(text) > LONGEST_ENTRY:
            raise ScopeError(f"has to be text of 1 to {LONGEST_ENTRY} characters: put it into quotes", *loc, place)
        yield text
