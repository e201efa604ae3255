"""Turns `after`, `requires` and `extract` into what they declare, as far as one job alone tells it.

Whether the other jobs exist, and what they form together, is checked by `chains.checking`.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from myscheduler.core.calls.matching import pointer_fault
from myscheduler.core.findings.problem import Complaint, Severity, did_you_mean, shown
from myscheduler.core.job.after import DeclaredAfter, Edge, Requirement, When
from myscheduler.core.job.expect import At, matchers_from_json
from myscheduler.core.manifest.expect_field import matchers_faults
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.schedule.timestamps import span_of
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

SHORTEST_LOOK_BACK, LONGEST_LOOK_BACK = timedelta(seconds=1), timedelta(days=366)
NOT_WITH_AFTER = ("requires", "ping", "coalesce", "catchup", "jitter_sec", "chain_timeout_sec")
"""Fields that are about slots, or about the beginning of a chain; a job with `after` has neither."""

_VALUE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"status", "execution_id"})
"""What templates have of a job besides the values that it extracted."""


def after_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with these fields beyond the shapes of their values."""
    if fields.after is not None:
        yield from _edge_faults(fields)
        for name in NOT_WITH_AFTER:
            if getattr(fields, name) is not None:
                code = "timeout-of-the-first" if name == "chain_timeout_sec" else "not-with-after"
                yield Complaint((name,), "schedule", said(code), at_key=True)
    yield from _when_faults(fields)
    yield from _requirement_faults(fields)
    yield from _extract_faults(fields)


def _edge_faults(fields: JobFields) -> Iterator[Complaint]:
    seen: set[str] = set()
    for number, edge in enumerate(fields.after or ()):
        loc = ("after", number, "job")
        if edge.job == fields.job_id:
            yield Complaint(loc, "chain-cycle", said("after-itself"))
        elif edge.job in seen:
            yield Complaint(loc, "schedule", said("after-twice", job_id=edge.job))
        seen.add(edge.job)
    if fields.join == "any" and len(fields.after or ()) == 1:
        yield Complaint(("join",), "no-effect", said("join-of-one"), Severity.WARNING, at_key=True)


def _when_faults(fields: JobFields) -> Iterator[Complaint]:
    when = fields.when
    if when is None or fields.after is None:
        return
    known = [edge.job for edge in fields.after]
    if when.job not in known:
        hint = did_you_mean(when.job, known)
        yield Complaint(("when", "job"), "schedule", said("when-of-another", job_id=when.job, hint=hint))
    for pointer, written in when.json_.items():
        loc = ("when", "json", pointer)
        if pointer_fault(pointer) or not pointer:
            yield Complaint(loc, "invalid-value", said("not-a-pointer", value=shown(pointer)), at_key=True)
        elif isinstance(written, dict):
            yield from matchers_faults(loc, written)


def _requirement_faults(fields: JobFields) -> Iterator[Complaint]:
    for number, one in enumerate(fields.requires or ()):
        loc = ("requires", number)
        if one.job == fields.job_id:
            yield Complaint((*loc, "job"), "schedule", said("requires-itself"))
        try:
            within = span_of(one.within)
        except ScheduleError as error:
            yield Complaint((*loc, "within"), "invalid-value", str(error))
            continue
        if not SHORTEST_LOOK_BACK <= within <= LONGEST_LOOK_BACK:
            yield Complaint((*loc, "within"), "invalid-value", said("requires-within-length"))


def _extract_faults(fields: JobFields) -> Iterator[Complaint]:
    for name, pointer in (fields.extract or {}).items():
        loc = ("extract", name)
        if not _VALUE_NAME.fullmatch(name) or name in _RESERVED:
            yield Complaint(loc, "invalid-value", said("extract-name", name=shown(name)), at_key=True)
        if pointer_fault(pointer):
            yield Complaint(loc, "invalid-value", said("not-a-pointer", value=shown(pointer)))


def declared_after(fields: JobFields) -> DeclaredAfter:
    """What the job runs after; `fields.after` is given."""
    when = fields.when
    return DeclaredAfter(
        tuple(Edge(one.job, one.on or "success") for one in fields.after or ()),
        fields.join or "all",
        None
        if when is None
        else When(when.job, tuple(At(pointer, matchers_from_json(one)) for pointer, one in when.json_.items())),
        fields.if_skipped or "skip",
    )


def declared_requires(fields: JobFields) -> tuple[Requirement, ...]:
    """What has to have completed before a slot; those with a fault are left out."""
    found = []
    for one in fields.requires or ():
        try:
            found.append(Requirement(one.job, span_of(one.within)))
        except ScheduleError:
            continue
    return tuple(found)
