"""How the links of a job with others are shown."""

from typing import Any

from typing_extensions import TypedDict

from myscheduler.core.job.after import DeclaredAfter, after_to_json, requires_to_json
from myscheduler.core.job.spec import JobSpec


class ChainFields(TypedDict):
    after: list[dict[str, Any]] | None
    """The jobs that it runs after, in place of a schedule, as a manifest writes them; `None` for a job with one."""
    join: str | None
    """Whether it runs after `all` of them, or after `any`."""
    when: dict[str, Any] | None
    if_skipped: str | None
    requires: list[dict[str, Any]]
    """The jobs that have to have completed before a slot."""
    extract: dict[str, str]
    """The values that it hands on: by name, a JSON Pointer into its answer."""
    chain_timeout_sec: int | None


def chain_fields(spec: JobSpec) -> ChainFields:
    """The links of the job."""
    after = spec.schedule if isinstance(spec.schedule, DeclaredAfter) else None
    written = after_to_json(after) if after else {}
    return {
        "after": written.get("after"),
        "join": after.join if after else None,
        "when": written.get("when"),
        "if_skipped": after.if_skipped if after else None,
        "requires": requires_to_json(spec.requires),
        "extract": dict(spec.extract),
        "chain_timeout_sec": spec.chain_timeout_sec,
    }
