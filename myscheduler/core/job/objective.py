"""The service level objective of a job: which share of its due runs has to go well."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from myscheduler.core.schedule.timestamps import duration_text, span_of

USUAL_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Objective:
    """What a team promises of a job."""

    success: float
    """Percent of the due runs, above 0 and below 100."""
    late_sec: int | None = None
    """A run that starts later than so many seconds after its slot has not gone well; `None`: it may start late."""
    window: timedelta = USUAL_WINDOW
    """The time up to now over which it has to hold."""


def objective_to_json(objective: Objective) -> dict[str, Any]:
    """The objective as the field `slo` of a manifest."""
    late = {} if objective.late_sec is None else {"late_sec": objective.late_sec}
    return {"success": objective.success} | late | {"window": duration_text(objective.window)}


def objective_from_json(stored: Mapping[str, Any]) -> Objective:
    """The inverse of `objective_to_json`."""
    return Objective(stored["success"], stored.get("late_sec"), span_of(stored["window"]))
