"""Who may do what: the operations of the API, each with the role that it needs and what its scope is compared with.

Reading is global: it needs a role, and no scope. Acting is scoped: the job that is acted on has to be in a scope in
which the caller has the role. So are literal credentials in jobs, which editors see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from myscheduler.core.access.roles import Role


class Target(StrEnum):
    """What an operation acts on."""

    NOTHING = "nothing"
    """It reads, or acts on the service as a whole: a role for any job is enough."""
    JOB = "job"
    """The job that the URL names; where a body declares it anew, also as it declares it."""
    EXECUTION = "execution"
    """The job of the execution that the URL names."""
    INCIDENT = "incident"
    """The job of the incident that the URL names. One of a target or host needs the role for all jobs."""
    CHAIN = "chain"
    """Each job of the chain that the URL names."""
    BODY = "body"
    """The job that the body declares, and the one that it replaces."""
    SELECTION = "selection"
    """Each job that the body selects: those out of scope are refused one by one."""
    EVERYTHING = "everything"
    """The service as a whole: the caller needs the role for all jobs."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API."""

    role: Role
    target: Target = Target.NOTHING


_READ = Operation(Role.VIEWER)
_OPERATE = Operation(Role.OPERATOR, Target.JOB)
_MANAGE = Operation(Role.ADMIN, Target.EVERYTHING)

OPERATIONS: Mapping[str, Operation] = {
    **dict.fromkeys(
        (
            "list_jobs", "get_job", "list_recent_executions", "list_job_executions", "list_executions", "get_execution",
            "get_job_stats", "get_job_ahead", "list_strips", "list_upcoming", "get_forecast", "get_now", "list_changes",
            "get_sync", "list_source_files", "list_audit_entries", "explain_job", "preview_jobs", "validate_manifests",
            "plan_manifests", "list_incidents", "get_incident", "get_metrics", "get_job_metrics",
            "list_targets", "list_chains", "get_chain", "get_job_effects", "get_job_graph",
        ),
        _READ,
    ),
    **dict.fromkeys(("pause_job", "resume_job", "trigger_job"), _OPERATE),
    **dict.fromkeys(("cancel_execution", "rerun_execution"), Operation(Role.OPERATOR, Target.EXECUTION)),
    "cancel_chain": Operation(Role.OPERATOR, Target.CHAIN),
    **dict.fromkeys(("acknowledge_incident", "unacknowledge_incident"), Operation(Role.OPERATOR, Target.INCIDENT)),
    **dict.fromkeys(
        ("pause_jobs", "resume_jobs", "trigger_jobs"), Operation(Role.OPERATOR, Target.SELECTION)
    ),
    "run_sync": Operation(Role.OPERATOR),
    "test_channel": Operation(Role.OPERATOR, Target.EVERYTHING),
    # with literal credentials, which `plan` compares and `export` writes
    "get_specs": Operation(Role.EDITOR, Target.EVERYTHING),
    "get_source_lines": Operation(Role.EDITOR, Target.EVERYTHING),
    "create_job": Operation(Role.EDITOR, Target.BODY),
    "replace_job": Operation(Role.EDITOR, Target.JOB),
    "delete_job": Operation(Role.EDITOR, Target.JOB),
    "approve_deletion": _MANAGE,
    "list_tokens": _MANAGE,
    "create_token": _MANAGE,
    "revoke_token": _MANAGE,
}  # fmt: skip
"""By operation id. `approve_deletion` is `run_sync` with a digest to approve."""

OPEN_TO_ALL = frozenset({"create_session", "get_session", "delete_session"})
"""Operations below the API's base that check the caller themselves."""
