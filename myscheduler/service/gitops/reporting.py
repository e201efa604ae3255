"""What a pass over the source reports in the log."""

import asyncio
import logging
from collections.abc import Collection

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.problem import Problem
from myscheduler.core.gitops.plan import Plan
from myscheduler.core.gitops.sync_state import SyncCondition, SyncState, changed_count

log = logging.getLogger(__name__)


def log_changes(plan: Plan, state: SyncState, before: SyncState) -> None:
    """Log what a pass applied, and what it could not."""
    if changed_count(plan):
        counts = {
            "jobs_created": len(state.created),
            "jobs_updated": len(state.updated),
            "jobs_deleted": len(state.deleted),
            "jobs_unchanged": state.unchanged,
        }
        log.info("source applied", extra={"revision": plan.revision, **counts})
    if plan.blocked is not None and plan.blocked != before.blocked:
        log.error("the deletion is blocked: %s", state.message)
    if state.condition is SyncCondition.READY and before.condition is SyncCondition.STALLED:
        log.info("the source is applied again")


async def log_new_problems(found: Collection[Problem], before: Collection[Problem]) -> None:
    """Log the new problems, up to a number: 50,000 lines would also block the event loop."""
    new = await asyncio.to_thread(_new_problems, found, before)
    for problem in new[:MOST_PROBLEMS]:
        log.warning("%s", problem)
    if more := new[MOST_PROBLEMS:]:
        log.warning("and %s more problems in the source: see GET /api/v1/sync/files", f"{len(more):,}")


def _new_problems(found: Collection[Problem], before: Collection[Problem]) -> list[Problem]:
    return sorted(set(found) - set(before))
