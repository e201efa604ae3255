"""The differences between two specs, field by field, for plans and the audit trail; credentials are masked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from myscheduler.core.job.codec import to_json
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.literals import DEEPEST, masked


@dataclass(frozen=True, slots=True)
class FieldChange:
    field: str
    """Dotted name, such as `cron.hour` or `headers.Accept`."""
    before: Any
    """`None` if the field had no value."""
    after: Any

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "before": self.before, "after": self.after}


def spec_changes(before: JobSpec | None, after: JobSpec | None) -> Iterator[FieldChange]:
    """The changed fields, in the order of the spec; objects are compared by their keys.

    For a job that is created (`before` is `None`) or deleted (`after` is `None`), these are the fields without default
    values.
    """
    if before is None or after is None:
        old, new = (_non_default(spec) if spec else {} for spec in (before, after))
    else:
        old, new = to_json(before), to_json(after)
    shown_old, shown_new = masked(old), masked(new)
    for name in {**old, **new}:
        if not _same(old.get(name), new.get(name)):
            yield from _within(name, (old, new), (shown_old, shown_new))


def _within(
    name: str, values: tuple[Mapping[str, Any], ...], shown: tuple[Mapping[str, Any], ...]
) -> list[FieldChange]:
    """The differences within one field, down to the innermost names; `shown` are the masked values."""
    before, after = (_deep(name, one.get(name)) for one in values)
    old, new = (_deep(name, one.get(name)) for one in shown)
    return [
        FieldChange(one, old.get(one), new.get(one))
        for one in {**before, **after}
        if not (one in before and one in after and _same(before[one], after[one]))
    ]


def _deep(name: str, value: Any) -> dict[str, Any]:
    """The values of a field by dotted name; none if the field has no value."""
    if isinstance(value, Mapping):
        return dict(_flat({name: value}))
    return {} if value is None else {name: value}


def _same(before: Any, after: Any) -> bool:
    """Whether both are the same as JSON: true is not 1."""
    if before is None or after is None:  # the usual case if a job is created or deleted
        return before is after
    try:
        return _SORTED.encode(before) == _SORTED.encode(after)
    except RecursionError:
        return False


_SORTED = json.JSONEncoder(sort_keys=True)


_EMPTY = JobSpec(job_id="", name="", schedule=None, target_url="")  # type: ignore[arg-type] # the other fields' defaults
_DEFAULTS = {one.name: getattr(_EMPTY, one.name) for one in fields(JobSpec)}


def _non_default(spec: JobSpec) -> dict[str, Any]:
    """The fields without their default values, as a manifest would have them."""
    defaults = _DEFAULTS | {"job_id": spec.job_id, "name": spec.job_id}
    return {name: value for name, value in to_json(spec).items() if name not in defaults or value != defaults[name]}


_OMITTED_IF_EMPTY = frozenset({"headers", "labels"})


def _flat(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and depth < DEEPEST and (value or (not depth and name in _OMITTED_IF_EMPTY)):
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value
