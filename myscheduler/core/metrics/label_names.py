"""Which labels of jobs the metrics have, and under which names."""

import re
from collections.abc import Mapping

MOST = 20
"""The most labels: each one is stored again whenever it changes."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


def label_names(written: str) -> Mapping[str, str]:
    """The names in `job_info` of the labels in a list with commas: `label_` and the name, with `_` for what can't stand
    there. Raises `ValueError` for too many, and for two that would get the same name.
    """
    labels = list(dict.fromkeys(label for part in written.split(",") if (label := part.strip())))
    if len(labels) > MOST:
        raise ValueError(f"{len(labels)} labels are too many for metrics: name at most {MOST}")
    found: dict[str, str] = {}
    for label in labels:
        name = f"label_{_NOT_IN_NAMES.sub('_', label)}"
        if other := next((one for one, taken in found.items() if taken == name), None):
            raise ValueError(f"the labels {other!r} and {label!r} would both be called {name} in the metrics: name one")
        found[label] = name
    return found
