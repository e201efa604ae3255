"""Checks fields that need or exclude other fields.

A field of the wrong shape is reported as such elsewhere, and is not treated as missing here.
"""

from collections.abc import Iterator

from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.manifest.fields import JobFields
from myscheduler.messages.message import said

Misshapen = set[Loc]
"""The locations of the top-level fields of the wrong shape; `JobFields` has no values for them."""
_DECIDES = {("seconds",): "cron", ("clock",): "interval"}
"""By location of a field, the field that can't be checked while the first one has the wrong shape."""


def check_companions(fields: JobFields, misshapen: Misshapen) -> Iterator[Complaint]:
    """A complaint for each field that contradicts another one, or belongs to one that the job doesn't have."""
    crons = fields.cron if isinstance(fields.cron, list) else [fields.cron]
    if fields.seconds and any(isinstance(one, dict) for one in crons):
        message = said("seconds-of-a-line")
        yield Complaint(("seconds",), "schedule", message, at_key=True)
    if fields.catchup and fields.coalesce is not None and fields.coalesce is not (fields.catchup != "all"):
        written = "true" if fields.coalesce else "false"
        message = said("catchup-against-coalesce", catchup=fields.catchup, written=written)
        yield Complaint(("catchup",), "schedule", message, at_key=True)
    if fields.overlap == "allow" and fields.max_instances is not None:
        message = said("overlap-without-limit")
        yield Complaint(("overlap",), "schedule", message, at_key=True)
    if fields.overlap == "replace" and (fields.catchup == "all" or fields.coalesce is False):
        message = said("overlap-replace-and-all")
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
        ("path", "target"),
        ("join", "after"),
        ("when", "after"),
        ("if_skipped", "after"),
    ):
        if getattr(fields, name) is None or getattr(fields, needs) is not None or (needs,) in misshapen:
            continue
        if name == "dst" and fields.interval is not None and ("clock",) in misshapen:
            continue
        yield Complaint((name,), "schedule", said("belongs-to", field=name, needed=needs), at_key=True)


def follows_from(complaint: Complaint, misshapen: Misshapen) -> bool:
    """Whether a complaint about a schedule may only be caused by a field of the wrong shape."""
    deciding = {name for place, name in _DECIDES.items() if place in misshapen}
    return complaint.loc[:1] in misshapen or (bool(complaint.loc) and complaint.loc[0] in deciding)
