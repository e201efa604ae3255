"""The result of the reconciler's last pass over the source, as operators and the API see it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.gitops.plan import Adopt, BlockedDeletion, Conflict, Create, Delete, Hold, Plan, Update, job_id_of
from myscheduler.core.manifest.declared import ParsedFile
from myscheduler.messages.message import said


class SyncCondition(StrEnum):
    """Conditions as in Flux. Ready: the source is applied. Stalled: a person has to do something."""

    RECONCILING = "Reconciling"
    READY = "Ready"
    STALLED = "Stalled"


class SyncReason(StrEnum):
    """The reason of a condition, for scripts."""

    STARTING = "Starting"
    APPLIED = "Applied"
    PROBLEMS = "ProblemsInManifests"
    DELETION_BLOCKED = "DeletionBlocked"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    STORE_UNAVAILABLE = "StoreUnavailable"
    INTERNAL_ERROR = "InternalError"


class FileCondition(StrEnum):
    """The result for a file: all of its documents are applied, some, or none, or it can't be read."""

    APPLIED = "applied"
    PARTIAL = "partial"
    HELD = "held"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FileState:
    """One file of the source at the last pass."""

    path: str
    condition: FileCondition
    jobs: int
    """The number of its documents that declare a valid job."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """The result of one revision of the source, over all consecutive passes that saw it."""

    number: int
    """Counts revisions in the order they were seen; one that is seen again later gets a new number."""
    revision: str
    first_at: datetime
    last_at: datetime
    """When its result changed last."""
    reason: SyncReason
    counts: Mapping[str, int]
    """`created`, `updated`, `deleted` over all its passes; `jobs`, `held`, `blocked`, `problems` of the last one."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """The result of the last pass."""

    condition: SyncCondition
    reason: SyncReason
    message: str
    attempted_revision: str | None = None
    applied_revision: str | None = None
    """The last revision that was applied completely; if it differs from the attempted one, something is wrong."""
    attempted_at: datetime | None = None
    applied_at: datetime | None = None
    """When the applied revision was first applied."""
    since: datetime | None = None
    """When the current condition began."""
    problems: tuple[Problem, ...] = ()
    held: frozenset[str] = frozenset()
    blocked: BlockedDeletion | None = None
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unchanged: int = 0
    files: tuple[FileState, ...] = ()

    def conditions(self, *, is_passing: bool) -> Iterator[tuple[SyncCondition, bool]]:
        """Each condition and whether it holds. `is_passing`: a pass is in progress, which changes only Reconciling."""
        yield SyncCondition.READY, self.condition is SyncCondition.READY
        yield SyncCondition.RECONCILING, is_passing or self.condition is SyncCondition.RECONCILING
        yield SyncCondition.STALLED, self.condition is SyncCondition.STALLED


def state_of(plan: Plan, files: tuple[FileState, ...], now: datetime, previous: SyncState) -> SyncState:
    """The state after `plan` was applied; `previous` has the last completely applied revision."""
    ids: dict[type, list[str]] = {}
    for change in plan.changes:
        ids.setdefault(type(change), []).append(job_id_of(change))
    condition, reason, message = _condition(plan)
    is_whole = condition is SyncCondition.READY
    return SyncState(
        condition,
        reason,
        message,
        attempted_revision=plan.revision,
        applied_revision=plan.revision if is_whole else previous.applied_revision,
        attempted_at=now,
        applied_at=now if is_whole and plan.revision != previous.applied_revision else previous.applied_at,
        problems=plan.problems,
        held=frozenset(ids.get(Hold, [])),
        blocked=plan.blocked,
        created=tuple(ids.get(Create, [])),
        updated=tuple(sorted([*ids.get(Update, []), *ids.get(Adopt, [])])),
        deleted=tuple(ids.get(Delete, [])),
        unchanged=plan.unchanged,
        files=files,
        since=since(previous, condition, now),
    )


def since(previous: SyncState, condition: SyncCondition, now: datetime) -> datetime:
    """When `condition` began, if it holds at `now` and `previous` is the state before."""
    return previous.since if previous.since and previous.condition is condition else now


def differs(before: SyncState, after: SyncState) -> bool:
    """Whether a reader would see another result, apart from the times and the counts of the pass."""
    results = [
        (one.condition, one.reason, one.message, one.attempted_revision, one.applied_revision, one.held, one.problems)
        for one in (before, after)
    ]
    return results[0] != results[1]


def file_states(parsed: Iterable[ParsedFile], unreadable: Iterable[str], plan: Plan) -> tuple[FileState, ...]:
    """The result for each file, sorted by path."""
    problems: dict[str, list[Problem]] = {}
    for problem in plan.problems:
        problems.setdefault(problem.path, []).append(problem)
    states = [_file_state(file, tuple(problems.get(file.path, ()))) for file in parsed]
    states += [FileState(path, FileCondition.UNREADABLE, 0, tuple(problems.get(path, ()))) for path in unreadable]
    return tuple(sorted(states, key=lambda state: state.path))


def _file_state(file: ParsedFile, problems: tuple[Problem, ...]) -> FileState:
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    condition = FileCondition.PARTIAL if file.jobs else FileCondition.HELD
    return FileState(file.path, condition if errors else FileCondition.APPLIED, len(file.jobs), problems)


def passed(state: SyncState, before: Passed | None) -> Passed | None:
    """The entry to store for the last pass, or `None` if nothing is new. `before` is the newest stored entry."""
    if state.attempted_revision is None or state.attempted_at is None:
        return None
    done = {"created": len(state.created), "updated": len(state.updated), "deleted": len(state.deleted)}
    left = {
        "jobs": len(state.created) + len(state.updated) + state.unchanged,
        "held": len(state.held),
        "blocked": len(state.blocked.job_ids) if state.blocked else 0,
        "problems": len(state.problems),
    }
    if before is None or before.revision != state.attempted_revision:
        number = before.number + 1 if before else 1
        at = state.attempted_at
        return Passed(number, state.attempted_revision, at, at, state.reason, done | left)
    if not any(done.values()) and before.reason == state.reason and left.items() <= before.counts.items():
        return None
    counts = {name: before.counts.get(name, 0) + count for name, count in done.items()} | left
    return replace(before, last_at=state.attempted_at, reason=state.reason, counts=counts)


def changed_count(plan: Plan) -> int:
    """The number of changes that applying the plan makes."""
    return sum(not isinstance(change, Hold | Conflict) for change in plan.changes)


def _condition(plan: Plan) -> tuple[SyncCondition, SyncReason, str]:
    if plan.blocked is not None:
        message = said("deletion-blocked", why=plan.blocked.reason, digest=plan.blocked.digest)
        return SyncCondition.STALLED, SyncReason.DELETION_BLOCKED, message
    errors = [problem for problem in plan.problems if problem.severity is Severity.ERROR]
    if errors:
        faults = said("a-problem") if len(errors) == 1 else said("problems", count=len(errors))
        return SyncCondition.STALLED, SyncReason.PROBLEMS, said("problems-in-manifests", problems=faults)
    return SyncCondition.READY, SyncReason.APPLIED, said("revision-applied", revision=plan.revision)
