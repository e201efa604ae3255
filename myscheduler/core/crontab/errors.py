"""Why something is not imported."""

from myscheduler.errors import MySchedulerError


class NotTakenOver(MySchedulerError):  # noqa: N818 - a finding about one line, not an error of the program
    """A manifest can't express what is imported."""
