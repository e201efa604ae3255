"""Steps that follow each other as one."""

from collections.abc import Iterable

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.history.gaps import Gap


def append(waiting: list[Step], step: Step) -> None:
    """Steps that run nothing for one reason become one: a job whose first step waits long must not pile them up."""
    last = waiting[-1] if waiting else None
    if last is None or last.run is not None or step.run is not None:
        waiting.append(step)
        return
    waiting[-1] = Step(tuple(_joined((*last.gaps, *step.gaps))), None, step.cursor)


def _joined(gaps: Iterable[Gap]) -> list[Gap]:
    joined: list[Gap] = []
    for gap in gaps:
        if joined and (both := joined[-1].joined(gap)):
            joined[-1] = both
        else:
            joined.append(gap)
    return joined
