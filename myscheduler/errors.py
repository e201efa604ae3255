"""The errors that MyScheduler raises; each message says what happened, where, and what to do."""


class MySchedulerError(Exception):
    """Base of every error that is raised on purpose. What a target answers is never one of them: that is data."""


class ScheduleError(MySchedulerError):
    """A schedule that can't be understood or that never fires."""

    def __init__(self, message: str, *, field: str = "") -> None:
        """`field` is the part of the schedule that is wrong (`minute`, `timezone`, …), empty for the whole."""
        super().__init__(message)
        self.field = field


class SettingError(MySchedulerError):
    """A setting that can't be used; the message names it and says what to do."""


class StoreError(MySchedulerError):
    """The database can't be opened or brought up to date."""


class JobNotFoundError(MySchedulerError):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id[:300]!r}")


class JobConflictError(MySchedulerError):
    """The job can't be changed this way; the message says by whom or where it can."""


class TriggerConflictError(MySchedulerError):
    """The job is under way, and a manual run waits already."""


class StoreUnavailableError(MySchedulerError):
    """The database can't be written or read just now (full disk, lock, lost connection)."""
