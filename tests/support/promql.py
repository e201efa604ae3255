"""What an expression of PromQL asks for, as far as our alerts and dashboards write it."""

import re
from collections.abc import Iterable, Mapping

from myscheduler.core.metrics import families
from myscheduler.core.metrics.families import Family, Kind

_NAME = re.compile(r"\bmyscheduler_[a-z0-9_]+")
_MATCHERS = re.compile(r"\b(myscheduler_[a-z0-9_]+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
TARGET_LABELS = {"instance", "job", "namespace"}
"""Labels that Prometheus adds itself."""


def sample_names() -> Mapping[str, Family]:
    """The names of all samples, with their families."""
    found: dict[str, Family] = {}
    for family in (*families.OF_SERVICE, *families.OF_JOBS):
        if family.kind is Kind.HISTOGRAM:
            found |= {f"{family.name}_{part}": family for part in ("bucket", "count", "sum")}
        else:
            found[family.sample] = family
    return found


def names_in(expression: str) -> list[str]:
    return _NAME.findall(expression)


def labels_in(expression: str) -> Iterable[tuple[str, str]]:
    """The labels that are matched, each with the name of the sample."""
    for name, matchers in _MATCHERS.findall(expression):
        for label in _LABEL.findall(matchers):
            yield name, label


def mistakes(expression: str) -> list[str]:
    """The metrics and labels in an expression that do not exist."""
    known = sample_names()
    wrong = [name for name in names_in(expression) if name not in known]
    for name, label in labels_in(expression):
        labels = known[name].labels if name in known else ()
        if label not in {*labels, "le", *TARGET_LABELS}:
            wrong.append(f"{name}{{{label}}}")
    return wrong
