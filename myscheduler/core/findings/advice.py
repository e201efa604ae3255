"""What is said about a rule besides its meaning."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """The advice for one of `RULES`."""

    why: str
    fix: str
    wrong: str = ""
    """Lines of a manifest that break the rule; empty if the rule is not about the content of a manifest."""
    right: str = ""
    """What to write instead of them; empty if they are to be removed."""
