"""When failures become an incident, and how often it is repeated."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What applies to one job: its `notify:`, over the route that matches it, over these defaults."""

    after_failures: int = 1
    """So many executions in a row that went wrong begin an incident."""
    failures: int | None = None
    of: int | None = None
    """If both are set, an incident begins with so many `failures` among the last `of` executions instead, and ends when
    there are fewer."""
    late_after: timedelta | None = None
    """The grace after a slot, within which its run has to be over; `None` derives it from the job's own history."""
    is_late_watched: bool = True
    """Whether a job that does not run in time begins an incident."""
    remind: timedelta | None = timedelta(days=1)
    """An open incident is told again so often; `None` for never."""


USUAL = Thresholds()
