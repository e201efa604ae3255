"""Selects jobs by labels, by patterns of ids, or by text, as lists and bulk operations do."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from myscheduler.core.findings.masking import masked_text
from myscheduler.core.job.spec import JobSpec
from myscheduler.messages.message import said

Pattern = Callable[[str], bool]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs are meant: those that match every part that is given."""

    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Labels that a job has to have, with these values."""
    ids: tuple[str, ...] = ()
    """Ids of jobs, of which one has to match; `*` stands for any characters."""
    text: str | None = None
    """Text that has to be contained in the id, name, URL or labels: see `search_text`."""

    def matcher(self) -> Callable[[str, Mapping[str, str], str], bool]:
        """Tells for a job, by its id, its labels and its `search_text`, whether it is selected."""
        patterns = [id_pattern(one) for one in self.ids]
        text = None if self.text is None else folded(self.text)

        def matches(job_id: str, labels: Mapping[str, str], searched: str) -> bool:
            return (
                all(labels.get(name) == value for name, value in self.labels.items())
                and (not patterns or any(pattern(job_id) for pattern in patterns))
                and (text is None or text in searched)
            )

        return matches

    def as_json(self) -> dict[str, Any]:
        """Only the parts that are given, with the names that the API uses."""
        given: dict[str, Any] = {"labels": dict(self.labels), "ids": list(self.ids), "q": self.text}
        return {name: value for name, value in given.items() if value}


def id_pattern(pattern: str) -> Pattern:
    """Tells for an id whether it matches; `*` stands for any characters, also none.

    It takes linear time for each `*`: the shortest match of each piece is always good enough, because only `*` follows.
    """
    first, *others = pattern.split("*")
    if not others:
        return pattern.__eq__
    *middle, last = others

    def matches(job_id: str) -> bool:
        if not (job_id.startswith(first) and job_id.endswith(last) and len(job_id) >= len(first) + len(last)):
            return False
        start, end = len(first), len(job_id) - len(last)
        for piece in middle:
            found = job_id.find(piece, start, end)
            if found < 0:
                return False
            start = found + len(piece)
        return True

    return matches


def folded(text: str) -> str:
    """The text without what a search ignores: case, widths and other variants of characters (NFKC)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def search_text(spec: JobSpec) -> str:
    """What a search for text looks through: id, name, URL and labels, one a line, in the form of `folded`.

    Credentials are masked, so that a caller who may not see them can't find them by searching.
    """
    labels = (f"{name}={masked_text(value)}" for name, value in spec.labels.items())
    parts = (spec.job_id, masked_text(spec.name), masked_text(spec.target_url), *labels)
    return "\n".join(map(folded, parts))


def is_hidden(value: str) -> bool:
    """Whether a label with this value is masked. Searching for it would tell a caller who guesses it."""
    return masked_text(value) != value


HIDDEN = said("looks-like-a-credential")

_LABEL = re.compile(r"([^=]+)(?:=(.*))?", re.DOTALL)


class LabelFilter(NamedTuple):
    """A label that a job has to have; with any value if `value` is `None`."""

    name: str
    value: str | None

    @classmethod
    def parse(cls, text: str) -> "LabelFilter | None":
        """Reads `name=value` or `name`; `None` if it is neither."""
        match = _LABEL.fullmatch(text)
        return cls(match[1], match[2]) if match else None
