"""What can be done next with an answer: OpenAPI links from operations to those that take an id of the answer."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_JOB, _EXECUTION, _PAGE = ("job_id", "path"), ("execution_id", "path"), ("cursor", "query")
_CHAIN = ("chain_id", "path")
_OF_JOB = (
    "get_job", "replace_job", "delete_job", "pause_job", "resume_job", "trigger_job", "list_job_executions",
    "get_job_stats",
)  # fmt: skip
_OF_EXECUTION = ("get_execution", "cancel_execution", "rerun_execution")
_LINKS: Mapping[str, tuple[tuple[tuple[str, str], str, tuple[str, ...]], ...]] = {
    "create_job": ((_JOB, "/job_id", _OF_JOB),),
    "trigger_job": ((_EXECUTION, "/execution_id", _OF_EXECUTION),),
    "rerun_execution": ((_EXECUTION, "/execution_id", _OF_EXECUTION),),
    "list_executions": (
        (_EXECUTION, "/executions/0/execution_id", _OF_EXECUTION),
        (_PAGE, "/next_cursor", ("list_executions",)),
    ),
    "list_chains": (
        (_CHAIN, "/chains/0/chain_id", ("get_chain", "cancel_chain")),
        (_PAGE, "/next_cursor", ("list_chains",)),
    ),
    "get_now": ((("since", "query"), "/seq", ("list_changes",)),),
    "list_changes": ((("since", "query"), "/seq", ("list_changes",)),),
    "create_token": ((("token", "path"), "/id", ("revoke_token",)),),
}
"""By operation: a parameter with its place, where its value is in the answer, and the operations that take it."""


def links(name: str) -> Schema:
    """The links of the operation's success; none for most."""
    found = {
        target: {"operationId": target, "parameters": {f"{place}.{parameter}": f"$response.body#{pointer}"}}
        for (parameter, place), pointer, targets in _LINKS.get(name, ())
        for target in targets
    }
    return {"links": found} if found else {}
