"""What differs between two specs, field by field, for plans and the audit trail; credentials are masked."""

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
    """Dotted, as `cron.hour` or `headers.Accept`."""
    before: Any
    """`None` where the field said nothing."""
    after: Any

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "before": self.before, "after": self.after}


def spec_changes(before: JobSpec | None, after: JobSpec | None) -> Iterator[FieldChange]:
    """What an edit changes, in the order of the fields; objects are looked into.

    Of a job that is made, or that goes, those fields are told that say something.
    """
    if before is None or after is None:
        old, new = (_told(spec) if spec else {} for spec in (before, after))
    else:
        old, new = to_json(before), to_json(after)
    shown_old, shown_new = masked(old), masked(new)
    for name in {**old, **new}:
        if not _same(old.get(name), new.get(name)):
            yield from _within(name, (old, new), (shown_old, shown_new))


def _within(
    name: str, values: tuple[Mapping[str, Any], ...], shown: tuple[Mapping[str, Any], ...]
) -> list[FieldChange]:
    """What differs in a field, as deep as there are names."""
    before, after = (_deep(name, one.get(name)) for one in values)
    old, new = (_deep(name, one.get(name)) for one in shown)
    return [
        FieldChange(one, old.get(one), new.get(one))
        for one in {**before, **after}
        if not (one in before and one in after and _same(before[one], after[one]))
    ]


def _deep(name: str, value: Any) -> dict[str, Any]:
    """The values of a field by their dotted names; a field that says nothing has none."""
    if isinstance(value, Mapping):
        return dict(_flat({name: value}))
    return {} if value is None else {name: value}


def _same(before: Any, after: Any) -> bool:
    """Alike as JSON: true is not 1."""
    if before is None or after is None:  # as most are where a job is made or goes
        return before is after
    try:
        return _SORTED.encode(before) == _SORTED.encode(after)
    except RecursionError:
        return False


_SORTED = json.JSONEncoder(sort_keys=True)


_UNTOLD = JobSpec(job_id="", name="", schedule=None, target_url="")  # type: ignore[arg-type] # the other fields' defaults
_DEFAULTS = {one.name: getattr(_UNTOLD, one.name) for one in fields(JobSpec)}


def _told(spec: JobSpec) -> dict[str, Any]:
    """The fields that say something, as a manifest would have them."""
    silent = _DEFAULTS | {"job_id": spec.job_id, "name": spec.job_id}
    return {name: value for name, value in to_json(spec).items() if name not in silent or value != silent[name]}


_SILENT_WHEN_EMPTY = frozenset({"headers", "labels"})


def _flat(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and depth < DEEPEST and (value or (not depth and name in _SILENT_WHEN_EMPTY)):
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value
