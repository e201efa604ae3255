"""Scopes: the jobs that a caller may act on. Reading is never limited."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from myscheduler.core.findings.problem import shown
from myscheduler.core.source.entries import FieldError
from myscheduler.messages.message import said

MOST_ENTRIES = 100
"""The most values of labels, and the most ids, in one scope."""
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


class ScopeError(FieldError):
    """A scope is invalid."""


def parse_scope(written: Any) -> Scope:
    """Parse the JSON or YAML of a scope; `None` and `{}` are all jobs. Raises `ScopeError`."""
    if written is None:
        return EVERYTHING
    if not isinstance(written, dict):
        raise ScopeError(said("scope-mapping"))
    for name in written:
        if name not in {"labels", "ids"}:
            raise ScopeError(said("unknown-scope-key", name=shown(name)), str(name)[:LONGEST_ENTRY])
    labels = _labels(written["labels"]) if "labels" in written else ()
    return Scope(labels, tuple(_texts(written["ids"], "ids")) if "ids" in written else ())


def _fits(job_id: str, pattern: str) -> bool:
    return fnmatchcase(job_id, pattern.replace("[", "[[]"))  # a bracket is just a character of an id


def _labels(written: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(written, dict) or not written:
        raise ScopeError(said("scope-labels-mapping"), "labels")
    labels = tuple((_label(name), tuple(_values(values, name))) for name, values in written.items())
    if sum(len(values) for _, values in labels) > MOST_ENTRIES:
        raise ScopeError(said("scope-too-many", most=MOST_ENTRIES), "labels")
    return labels


def _label(name: Any) -> str:
    if not _is_entry(name):
        message = said("scope-label-text", most=LONGEST_ENTRY)
        raise ScopeError(message, "labels", str(name)[:LONGEST_ENTRY])
    return str(name)


def _values(written: Any, name: str) -> Iterator[str]:
    yield from _texts(written if isinstance(written, list) else [written], "labels", name)


def _texts(written: Any, *loc: str | int) -> Iterator[str]:
    if not isinstance(written, list) or len(written) > MOST_ENTRIES:
        raise ScopeError(said("scope-list", most=MOST_ENTRIES), *loc)
    if not written:  # as all jobs it would be dangerous, and as none useless
        raise ScopeError(said("scope-empty-list"), *loc)
    for place, text in enumerate(written):
        if not _is_entry(text):
            message = said("scope-text", most=LONGEST_ENTRY)
            raise ScopeError(message, *loc, place)
        yield text


def _is_entry(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_ENTRY and text.isprintable()
