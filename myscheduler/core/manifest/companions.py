"""Fields that belong to others, or exclude each other.

A field that is written in the wrong shape is told as such, and is no field that is missing.
"""

from collections.abc import Iterator

from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.manifest.fields import JobFields

Misshapen = set[Loc]
"""The top fields of the wrong shape, each as the way to it; `fields` has none of them."""
_DECIDES = {("seconds",): "cron", ("clock",): "interval"}
"""Without the one, what is wrong with the other is not known."""


def check_companions(fields: JobFields, misshapen: Misshapen) -> Iterator[Complaint]:
    crons = fields.cron if isinstance(fields.cron, list) else [fields.cron]
    if fields.seconds and any(isinstance(one, dict) for one in crons):
        message = "seconds belongs to a crontab line: here, write the field `second` of the object"
        yield Complaint(("seconds",), "schedule", message, at_key=True)
    if fields.catchup and fields.coalesce is not None and fields.coalesce is not (fields.catchup != "all"):
        written = "true" if fields.coalesce else "false"
        message = f"catchup: {fields.catchup} contradicts coalesce: {written}: remove coalesce"
        yield Complaint(("catchup",), "schedule", message, at_key=True)
    if fields.overlap == "allow" and fields.max_instances is not None:
        message = "overlap: allow knows no limit: remove max_instances, or write another overlap"
        yield Complaint(("overlap",), "schedule", message, at_key=True)
    if fields.overlap == "replace" and (fields.catchup == "all" or fields.coalesce is False):
        message = "overlap: replace keeps the newest only, so all can't be caught up on: write catchup: last or none"
        yield Complaint(("overlap",), "schedule", message, at_key=True)
    yield from _check_owners(fields, misshapen)


def _check_owners(fields: JobFields, misshapen: Misshapen) -> Iterator[Complaint]:
    owner_of_dst = "interval" if fields.clock == "wall" else "cron"
    for name, needs in (
        ("day_match", "cron"),
        ("seconds", "cron"),
        ("dst", owner_of_dst),
        ("anchor", "interval"),
        ("clock", "interval"),
        ("fold", "run_at"),
    ):
        if getattr(fields, name) is None or getattr(fields, needs) is not None or (needs,) in misshapen:
            continue
        if name == "dst" and fields.interval is not None and ("clock",) in misshapen:
            continue
        yield Complaint((name,), "schedule", f"{name} belongs to {needs}, which this job doesn't have", at_key=True)


def follows_from(complaint: Complaint, misshapen: Misshapen) -> bool:
    """Whether what is wrong with a schedule may be only that a field of the wrong shape is not there."""
    deciding = {name for place, name in _DECIDES.items() if place in misshapen}
    return complaint.loc[:1] in misshapen or (bool(complaint.loc) and complaint.loc[0] in deciding)
