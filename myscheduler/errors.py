"""The exceptions that MyScheduler raises. Each message says what happened, where, and what to do."""

from collections.abc import Sequence


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


class OpenApiError(SettingError):
    """The API would be open to other machines; it takes a setting to allow that."""


class ServerError(MySchedulerError):
    """A server that a command asks can't be reached, or answers with an error."""

    def __init__(self, message: str, *, status: int | None = None, faults: Sequence[str] = ()) -> None:
        """`status` is that of the answer, if there is one; `faults` has the mistakes that it lists, one line each."""
        super().__init__(message)
        self.status = status
        self.faults = tuple(faults)


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


class ExecutionNotFoundError(MySchedulerError):
    """There is no execution with this id, or its row has been removed."""

    def __init__(self, execution_id: str, hint: str = "unknown, or too old to be kept") -> None:
        super().__init__(f"there is no execution {execution_id[:300]!r}: {hint}")


class ExecutionConflictError(MySchedulerError):
    """The execution can't be cancelled or repeated; the message says why."""


class StoreUnavailableError(MySchedulerError):
    """The database can't be read or written at the moment (full disk, lock, lost connection)."""


class TokenNotFoundError(MySchedulerError):
    """There is no token with this id or name."""

    def __init__(self, token: str) -> None:
        super().__init__(f"there is no API token {token[:300]!r}: see `myscheduler token list`")


class TokenNameTakenError(MySchedulerError):
    """Another token has this name; a revoked one keeps its name for the audit log."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is or was a token named {name[:300]!r}: choose another name")


class TooManyTokensError(MySchedulerError):
    """The database holds as many tokens as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most:,} API tokens, revoked ones included, and there can't be more")


class ForbiddenError(MySchedulerError):
    """The caller is known, but may not do this; the message says which role or scope is missing."""
