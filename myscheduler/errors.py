"""The exceptions that MyScheduler raises. Each message says what happened, where, and what to do."""


class MySchedulerError(Exception):
    """Base class of every error that is raised on purpose. A failed call of a target is not one: it is a result."""


class ScheduleError(MySchedulerError):
    """A schedule that can't be understood or that never fires."""

    def __init__(self, message: str, *, field: str = "") -> None:
        """`field` names the part of the schedule that is wrong (`minute`, `timezone`, …); empty for all of it."""
        super().__init__(message)
        self.field = field


class SettingError(MySchedulerError):
    """A setting whose value can't be used; the message names the setting."""


class StoreError(MySchedulerError):
    """The database can't be opened, or its tables can't be migrated to this version."""


class JobNotFoundError(MySchedulerError):
    """There is no job with this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id[:300]!r}")


class JobConflictError(MySchedulerError):
    """The job can't be changed this way; the message says where it can be changed."""


class JobChangedError(MySchedulerError):
    """The job is not in the version that the caller wants to change."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id!r} has changed: read it again, and repeat the request with its new ETag")


class TriggerConflictError(MySchedulerError):
    """The job is running, and a manual run of it is queued already."""


class StoreUnavailableError(MySchedulerError):
    """The database can't be read or written at the moment (full disk, lock, lost connection)."""
