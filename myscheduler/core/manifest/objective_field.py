"""Turns the field `slo` into the objective that it declares."""

from collections.abc import Iterator
from datetime import timedelta

from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.objective import USUAL_WINDOW, Objective
from myscheduler.core.manifest.fields import JobFields, SloFields
from myscheduler.core.schedule.timestamps import span_of
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

SHORTEST_WINDOW, LONGEST_WINDOW = timedelta(hours=1), timedelta(days=366)


def objective_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with `slo` beyond the shapes of its values."""
    if fields.slo is None or fields.slo.window is None:
        return
    try:
        window = span_of(fields.slo.window)
    except ScheduleError as error:
        yield Complaint(("slo", "window"), "invalid-value", str(error))
        return
    if not SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
        yield Complaint(("slo", "window"), "invalid-value", said("slo-window-length"))


def declared_objective(fields: SloFields) -> Objective:
    """The objective; for a window with a fault, one with the usual window."""
    try:
        window = span_of(fields.window) if fields.window else None
    except ScheduleError:
        window = None
    return Objective(fields.success, fields.late_sec, window or USUAL_WINDOW)
