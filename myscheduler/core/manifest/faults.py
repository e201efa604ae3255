"""Collects what is wrong with the fields of a job, so that one mistake doesn't hide another."""

from dataclasses import dataclass, field

from myscheduler.core.findings.problem import Complaint, Loc


@dataclass(frozen=True, slots=True)
class Faults:
    """Complaints found so far. A reader that adds one returns `None` for the value; readers of other fields go on."""

    found: list[Complaint] = field(default_factory=list)

    def add(self, loc: Loc, rule: str, message: str, *, at_key: bool = False) -> None:
        self.found.append(Complaint(loc, rule, message, at_key=at_key))
