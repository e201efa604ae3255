"""A problem in what people wrote: where it is, and what to write instead."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding, with its address. Sorts by address, so a report reads like the files."""

    path: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    field: str
    """The dotted name of the field, such as `cron.hour`; empty for the document."""
    rule: str
    """A stable name of what was checked, one of `RULES`, such as `unknown-key`."""
    message: str
    severity: Severity = Severity.ERROR
    job_id: str = dataclass_field(default="", compare=False)
    """The job that it is about; empty where the document doesn't say which."""

    def __str__(self) -> str:
        named = f"{self.field}: " if self.field else ""
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {named}{self.message} [{self.rule}]"

    def as_json(self) -> dict[str, str | int]:
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem of a declaration that doesn't know yet in which file it stands."""

    loc: tuple[str | int, ...]
    """The way to the value: `("cron", "hour")`."""
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    at_key: bool = False
    """The key is what is wrong, not its value."""

    @property
    def field(self) -> str:
        return ".".join(str(part) for part in self.loc)
