"""What a job runs after, in plain English."""

from myscheduler.core.calls.matching import in_signs
from myscheduler.core.job.after import DeclaredAfter, Edge

_ENDS = {"success": "has succeeded", "failure": "has failed", "always": "has ended"}


def after_words(after: DeclaredAfter) -> str:
    """Such as `after extract-a has succeeded and extract-b has ended, if /rows of extract-a > 0`."""
    joint = " and " if after.join == "all" else " or "
    words = [f"after {joint.join(map(_edge_words, after.edges))}"]
    if after.when is not None:
        conditions = (
            f"{at.pointer} of {after.when.job} {in_signs(matcher)}" for at in after.when.json for matcher in at.matchers
        )
        words.append(f"if {' and '.join(conditions)}")
    if after.if_skipped == "run":
        words.append("also if one did not run")
    return ", ".join(words)


def _edge_words(edge: Edge) -> str:
    return f"{edge.job} {_ENDS[edge.on]}"
