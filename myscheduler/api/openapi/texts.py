"""The texts of the document that stand in no route: about the whole, tags, summaries, and what paths name."""

from collections.abc import Mapping
from typing import Any

ABOUT = """\
MyScheduler calls HTTP targets on schedules. Jobs come from manifests in Git, which are read-only here, or are made \
through this API.

Times have the offset of the service's zone, unless a field says otherwise. Errors are problem details (RFC 9457): \
`detail` says what is wrong and what to do, `type` is stable. Every answer has an `X-Request-Id`, which is also in the \
log. Query parameters that an operation does not know are refused, so a typing mistake is never ignored. Answers may \
gain fields: clients should ignore those that they don't know.

A service on loopback without credentials answers everybody. As soon as there are credentials, all operations need \
them, except `/health` and signing in."""
TAGS: tuple[Mapping[str, str], ...] = (
    {"name": "jobs", "description": "Jobs: reading all of them, and creating, pausing, resuming and triggering them."},
    {"name": "executions", "description": "The history: one row for each slot or manual run, and what became of it."},
    {"name": "chains", "description": "Runs of jobs that run after others, each as a graph."},
    {"name": "incidents", "description": "Jobs in trouble: failing, or late; and who takes care of it."},
    {"name": "now", "description": "What screens show that stay open; cheap enough to poll."},
    {"name": "stats", "description": "How jobs have gone lately, and the load to expect."},
    {"name": "checks", "description": "What `validate` and `plan` say of manifests; nothing is stored."},
    {"name": "sync", "description": "The reconciler, which makes the jobs equal to the manifests."},
    {"name": "targets", "description": "The services that jobs call in common, and what holds calls to them back."},
    {"name": "notifications", "description": "The channels by which people are told of trouble."},
    {"name": "audit", "description": "Who changed what, and when."},
    {"name": "access", "description": "API tokens, and sessions of browsers."},
    {"name": "health", "description": "For probes; open to everybody."},
)
SUMMARIES: Mapping[str, str] = {
    "list_jobs": "List jobs",
    "create_job": "Create a job",
    "get_job": "Get a job",
    "replace_job": "Replace a job",
    "delete_job": "Delete a job",
    "pause_job": "Pause a job",
    "resume_job": "Resume a job",
    "trigger_job": "Run a job now",
    "pause_jobs": "Pause many jobs",
    "resume_jobs": "Resume many jobs",
    "trigger_jobs": "Run many jobs now",
    "get_job_effects": "Get the effects of pausing or deleting a job",
    "explain_job": "Explain why a job ran, or why not",
    "preview_jobs": "Preview the next fire times",
    "list_job_executions": "List the executions of a job",
    "list_recent_executions": "List the newest executions",
    "list_executions": "List executions",
    "get_execution": "Get an execution",
    "list_chains": "List the runs of chains with a job",
    "get_chain": "Get a run of a chain",
    "cancel_chain": "Cancel a run of a chain",
    "get_job_graph": "Get what runs after what around a job",
    "cancel_execution": "Cancel an execution",
    "rerun_execution": "Run the job of an execution again",
    "list_incidents": "List incidents",
    "get_incident": "Get an incident",
    "acknowledge_incident": "Take care of an incident",
    "unacknowledge_incident": "No longer take care of an incident",
    "get_now": "Get what is going on",
    "list_changes": "List what has changed",
    "list_upcoming": "List the soonest slots",
    "get_job_stats": "Get the statistics of a job",
    "get_job_ahead": "Count the runs of a job on the days to come",
    "list_strips": "List the last results of jobs",
    "get_forecast": "Forecast the load",
    "validate_manifests": "Check manifests",
    "plan_manifests": "Plan manifests",
    "get_sync": "Get the state of the source",
    "run_sync": "Run a pass over the source",
    "list_source_files": "List the files of the source",
    "list_targets": "List the shared targets",
    "test_channel": "Send a test through a channel",
    "get_source_lines": "Get lines of a file of the source",
    "get_specs": "Get all specs",
    "list_audit_entries": "List the audit trail",
    "list_tokens": "List API tokens",
    "create_token": "Create an API token",
    "revoke_token": "Revoke an API token",
    "get_session": "Get the session",
    "create_session": "Sign in",
    "delete_session": "Sign out",
    "get_health": "Get the name and the version",
    "get_liveness": "Check that the process answers",
    "get_readiness": "Check that calls are sent and recorded",
}
"""By operation id."""
PATH_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "job_id": {
        "description": "The id of a job: printable, without `/ ? # %`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "example": "daily-report",
    },
    "execution_id": {
        "description": "The id of an execution, a UUID.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "0199a5b0-3c1e-7000-8000-0000000000a1",
    },
    "chain_id": {
        "description": "The id of a chain: that of the execution that it began with, a UUID.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "0199a5b0-3c1e-7000-8000-0000000000a3",
    },
    "incident_id": {
        "description": "The id of an incident, a UUID.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "0199a5b0-3c1e-7000-8000-0000000000a2",
    },
    "token": {
        "description": "The id of a token, its name, or its text.",
        "schema": {"type": "string", "minLength": 1},
        "example": "billing-ci",
    },
}
