"""The only error that templates raise."""

from myscheduler.errors import MySchedulerError


class TemplateError(MySchedulerError):
    """A template that can't be rendered; the message says what to write instead."""

    def __init__(self, message: str, at: int | None = None, *, rule: str = "invalid-template") -> None:
        """`at` is the index in the text at which the fault is, if it is known; `rule` is the one that it breaks."""
        super().__init__(message)
        self.message = message
        self.at = at
        self.rule = rule
