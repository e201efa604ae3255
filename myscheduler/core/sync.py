"""What the reconciler knows of the source: the state that operators and the API look at."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.plan import Adopt, BlockedDeletion, Conflict, Create, Delete, Hold, Plan, Update, job_id_of
from myscheduler.core.problem import Problem, Severity


class Condition(StrEnum):
    """Ready: the schedule is what the source says. Stalled: a person has to do something. As in Flux."""

    RECONCILING = "Reconciling"
    READY = "Ready"
    STALLED = "Stalled"


class Cause(StrEnum):
    """The reason of a condition, for scripts."""

    STARTING = "Starting"
    APPLIED = "Applied"
    PROBLEMS = "ProblemsInManifests"
    DELETION_BLOCKED = "DeletionBlocked"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    STORE_UNAVAILABLE = "StoreUnavailable"
    INTERNAL_ERROR = "InternalError"


@dataclass(frozen=True, slots=True)
class SyncState:
    """The result of the last pass."""

    condition: Condition
    reason: Cause
    message: str
    attempted_revision: str | None = None
    applied_revision: str | None = None
    """The last revision that was applied as a whole; that it differs from the attempted one is the alarm."""
    attempted_at: datetime | None = None
    applied_at: datetime | None = None
    problems: tuple[Problem, ...] = ()
    held: frozenset[str] = frozenset()
    blocked: BlockedDeletion | None = None
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unchanged: int = 0


def state_of(plan: Plan, now: datetime, previous: SyncState) -> SyncState:
    """The state after `plan` was applied, with what `previous` knows of the last revision that was good as a whole."""
    ids: dict[type, list[str]] = {}
    for change in plan.changes:
        ids.setdefault(type(change), []).append(job_id_of(change))
    condition, reason, message = _condition(plan)
    is_whole = condition is Condition.READY
    return SyncState(
        condition,
        reason,
        message,
        attempted_revision=plan.revision,
        applied_revision=plan.revision if is_whole else previous.applied_revision,
        attempted_at=now,
        applied_at=now if is_whole else previous.applied_at,
        problems=plan.problems,
        held=frozenset(ids.get(Hold, [])),
        blocked=plan.blocked,
        created=tuple(ids.get(Create, [])),
        updated=tuple(sorted([*ids.get(Update, []), *ids.get(Adopt, [])])),
        deleted=tuple(ids.get(Delete, [])),
        unchanged=plan.unchanged,
    )


def changed_count(plan: Plan) -> int:
    return sum(not isinstance(change, Hold | Conflict) for change in plan.changes)


def _condition(plan: Plan) -> tuple[Condition, Cause, str]:
    if plan.blocked is not None:
        message = (
            f"{plan.blocked.reason}; nothing is deleted until it is approved: "
            f'POST /api/v1/sync with {{"approve": "{plan.blocked.digest}"}}'
        )
        return Condition.STALLED, Cause.DELETION_BLOCKED, message
    errors = [problem for problem in plan.problems if problem.severity is Severity.ERROR]
    if errors:
        count = "a problem" if len(errors) == 1 else f"{len(errors)} problems"
        message = f"{count} in manifests; their jobs stay as they were, the others are applied"
        return Condition.STALLED, Cause.PROBLEMS, message
    return Condition.READY, Cause.APPLIED, f"revision {plan.revision} is applied"
