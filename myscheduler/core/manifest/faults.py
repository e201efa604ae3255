"""Collecting what is wrong with the fields of a job, so that one mistake hides no other."""

from dataclasses import dataclass, field

from myscheduler.core.findings.problem import Complaint, Loc


@dataclass(frozen=True, slots=True)
class Faults:
    """A reader that adds a fault returns `None` in place of the value, and goes on to what does not depend on it."""

    found: list[Complaint] = field(default_factory=list)

    def add(self, loc: Loc, rule: str, message: str, *, at_key: bool = False) -> None:
        self.found.append(Complaint(loc, rule, message, at_key=at_key))
