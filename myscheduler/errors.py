"""The exceptions that MyScheduler raises. Each message says what happened, where, and what to do."""

from collections.abc import Sequence

from myscheduler.messages.message import said


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
        super().__init__(said("job-not-found", job_id=job_id[:300]))


class SourceFileNotFoundError(MySchedulerError):
    """The last pass over the source knows no such file."""

    def __init__(self, path: str) -> None:
        super().__init__(said("source-file-not-found", file=path[:300]))


class SourceFileConflictError(MySchedulerError):
    """The lines of a file of the source can't be shown; the message says why."""


class JobConflictError(MySchedulerError):
    """The job can't be changed this way; the message says where it can be changed."""


class TooManyJobsError(MySchedulerError):
    """There are as many jobs of the API as there may be."""

    def __init__(self, most: float) -> None:
        super().__init__(said("too-many-api-jobs", most=most))


class JobChangedError(MySchedulerError):
    """The job is not in the version that the caller wants to change."""

    def __init__(self, job_id: str) -> None:
        super().__init__(said("job-changed", job_id=job_id))


class TriggerConflictError(MySchedulerError):
    """The job is running, and a manual run of it is queued already."""


class ExecutionNotFoundError(MySchedulerError):
    """There is no execution with this id, or its row has been removed."""

    def __init__(self, execution_id: str, hint: str = said("execution-unknown")) -> None:
        super().__init__(said("execution-not-found", execution_id=execution_id[:300], why=hint))


class ChainNotFoundError(MySchedulerError):
    """No execution of a chain with this id is in the history."""

    def __init__(self, chain_id: str) -> None:
        super().__init__(said("chain-not-found", chain_id=chain_id[:300]))


class ExecutionConflictError(MySchedulerError):
    """The execution can't be cancelled or repeated; the message says why."""


class IncidentNotFoundError(MySchedulerError):
    """There is no incident with this id, or it has been removed."""

    def __init__(self, incident_id: str) -> None:
        super().__init__(said("incident-not-found", incident_id=incident_id[:300]))


class IncidentConflictError(MySchedulerError):
    """The incident can't be changed, because it is over."""


class StoreUnavailableError(MySchedulerError):
    """The database can't be read or written at the moment (full disk, lock, lost connection)."""


class TokenNotFoundError(MySchedulerError):
    """There is no token with this id or name."""

    def __init__(self, token: str) -> None:
        super().__init__(said("token-not-found", token=token[:300]))


class TokenNameTakenError(MySchedulerError):
    """Another token has this name; a revoked one keeps its name for the audit log."""

    def __init__(self, name: str) -> None:
        super().__init__(said("token-name-taken", name=name[:300]))


class TooManyTokensError(MySchedulerError):
    """The database holds as many tokens as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(said("too-many-tokens", most=most))


class ForbiddenError(MySchedulerError):
    """The caller is known, but may not do this; the message says which role or scope is missing."""
