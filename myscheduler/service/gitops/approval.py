"""An operator's approval of a blocked deletion."""

from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.bounds import MOST_NAMED
from myscheduler.core.gitops.plan import Delete, Plan, deletion_digest
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry


@dataclass(frozen=True, slots=True)
class Approval:
    """An operator's approval of the one blocked deletion that has this digest."""

    digest: str
    by: str
    """The operator who approved it."""


def approved_entry(plan: Plan, approval: Approval | None, now: datetime) -> AuditEntry | None:
    """The audit entry of the approval, if the plan has the deletion that it approves."""
    deletions = [change for change in plan.changes if isinstance(change, Delete)]
    if approval is None or deletion_digest(deletions) != approval.digest:
        return None
    named = [one.known.job_id for one in deletions[:MOST_NAMED]]  # each deletion also has its own entry
    detail = {"digest": approval.digest, "job_ids": named, "job_count": len(deletions), "revision": plan.revision}
    return AuditEntry(now, approval.by, AuditAction.APPROVED, None, detail)
