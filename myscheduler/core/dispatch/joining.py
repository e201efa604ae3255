"""Joins consecutive steps of a job that run no slot."""

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.history.unrun import Unrun, append_joined


def append(waiting: list[Step], step: Step) -> None:
    """Append a step, joined with the last one where neither runs a slot, so that they don't pile up in a long wait."""
    last = waiting[-1] if waiting else None
    if last is None or last.run is not None or step.run is not None:
        waiting.append(step)
        return
    unrun: list[Unrun] = []
    for one in (*last.unrun, *step.unrun):
        append_joined(unrun, one)
    waiting[-1] = Step(tuple(unrun), None, step.cursor)
