"""What the contract check finds about one call, before its places are known."""

from dataclasses import dataclass

from myscheduler.core.findings.problem import Loc, Severity
from myscheduler.messages.message import said


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction between a call and the document."""

    loc: Loc
    """The field of the job."""
    rule: str
    message: str
    at: Loc
    """The part of the document."""
    severity: Severity = Severity.ERROR


def too_much(loc: Loc, at: Loc) -> Finding:
    """The finding about a schema that takes too much work to compare a value with it."""
    return Finding(loc, "invalid-contract", said("contract-too-much"), at)
