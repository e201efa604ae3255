"""Compares the desired state with the stored jobs: the plan of changes, which is both applied and printed."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from myscheduler.core.findings.problem import Problem
from myscheduler.core.job.job import Owner
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from myscheduler.core.source.strays import no_manifest_any_more
from myscheduler.messages.message import said

PRUNE_BUDGET_JOBS = 5
PRUNE_BUDGET_SHARE = 0.3
"""One pass may delete this number of manifest jobs, or this share of them, whichever is more. A larger deletion needs
the approval of a person, and so does that of any job with `protect: true`. Comparable guards: octoDNS's
`delete_pcent_threshold`, Argo CD's `allowEmpty`."""

SHOWN = 5
"""The most jobs named in one sentence."""


@dataclass(frozen=True, slots=True)
class Known:
    """The attributes of a stored job that a plan needs."""

    job_id: str
    owner: Owner
    digest: str
    version: int
    path: str | None
    line: int | None
    is_protected: bool = False
    """Its manifest has `protect: true`: a person has to approve its deletion."""


@dataclass(frozen=True, slots=True)
class Create:
    declared: DeclaredJob


@dataclass(frozen=True, slots=True)
class Update:
    declared: DeclaredJob
    known: Known


@dataclass(frozen=True, slots=True)
class Adopt:
    """A manifest takes over a job of the API, which keeps its history, pause and phase."""

    declared: DeclaredJob
    known: Known


@dataclass(frozen=True, slots=True)
class Move:
    """The same job is declared at another location; nothing else changes."""

    declared: DeclaredJob
    known: Known


@dataclass(frozen=True, slots=True)
class Delete:
    known: Known


@dataclass(frozen=True, slots=True)
class Hold:
    """The job keeps its last good spec, because its manifest is invalid."""

    known: Known


@dataclass(frozen=True, slots=True)
class Conflict:
    """A manifest without `adopt: true` names a job that belongs to the API; that job stays as it is."""

    declared: DeclaredJob
    known: Known


Change = Create | Update | Adopt | Move | Delete | Hold | Conflict
News = Create | Update | Adopt
"""Changes that bring a new spec."""


@dataclass(frozen=True, slots=True)
class BlockedDeletion:
    """Deletions that wait for approval. None of them happens until a person approves exactly these, by digest."""

    job_ids: tuple[str, ...]
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of one pass, not applied yet."""

    revision: str
    changes: tuple[Change, ...]
    """Sorted by job id."""
    unchanged: int
    problems: tuple[Problem, ...]
    blocked: BlockedDeletion | None = None

    @property
    def has_news(self) -> bool:
        """Whether any job gets a new spec."""
        return any(isinstance(change, News) for change in self.changes)

    @property
    def unread_paths(self) -> frozenset[str]:
        """Files that have to be parsed before the plan can be applied: only their outlines are available."""
        return frozenset(
            change.declared.path for change in self.changes if isinstance(change, News) and change.declared.spec is None
        )


def make_plan(desired: Desired, stored: Mapping[str, Known], *, approved: str | None = None) -> Plan:
    """Compare the source with the stored jobs. `approved` is the digest of the deletion that a person approved."""
    changes = [*_declared_changes(desired, stored), *_undeclared_changes(desired, stored)]
    deletions = [change for change in changes if isinstance(change, Delete)]
    blocked = _block(deletions, desired, stored)
    if blocked is not None and blocked.digest == approved:
        blocked = None
    if blocked is not None:
        changes = [change for change in changes if not isinstance(change, Delete)]
    changes.sort(key=job_id_of)
    conflicts = [_conflict_problem(change) for change in changes if isinstance(change, Conflict)]
    muted = _muted(changes, desired)
    kept = [one for one in desired.problems if one.rule != "not-a-manifest" or one.path not in muted]
    return Plan(
        revision=desired.revision,
        changes=tuple(changes),
        unchanged=len(desired.jobs) - sum(isinstance(change, Create | Update | Adopt | Conflict) for change in changes),
        problems=tuple(sorted([*kept, *muted.values(), *conflicts])),
        blocked=blocked,
    )


def sharing_texts(stored: Mapping[str, Known], desired: Desired, before: Mapping[str, Known]) -> dict[str, Known]:
    """The stored jobs; those that are new since `before` share their strings with their declarations.

    This halves the memory they take.
    """
    return dict(
        (job_id, known) if before.get(job_id) is known else _with_texts(known, desired.jobs.get(job_id))
        for job_id, known in stored.items()
    )


def _with_texts(known: Known, declared: DeclaredJob | None) -> tuple[str, Known]:
    if declared is None or (declared.known_digest, declared.path) != (known.digest, known.path):
        return known.job_id, known
    job_id = declared.job_id
    return job_id, replace(known, job_id=job_id, digest=declared.known_digest, path=declared.path)


def job_id_of(change: Change) -> str:
    if isinstance(change, Create):
        return change.declared.job_id
    return change.known.job_id


def held_back(plan: Plan, job_ids: Iterable[str]) -> Plan:
    """The plan without the changes of these jobs: a new one is not created, a stored one stays as it is."""
    held = frozenset(job_ids)
    changes = (_hold(change) if job_id_of(change) in held else change for change in plan.changes)
    return replace(plan, changes=tuple(change for change in changes if change is not None))


def _hold(change: Change) -> Change | None:
    return None if isinstance(change, Create) else Hold(change.known)


def _declared_changes(desired: Desired, stored: Mapping[str, Known]) -> Iterator[Change]:
    for job_id, declared in desired.jobs.items():
        known = stored.get(job_id)
        if known is None:
            yield Create(declared)
        elif known.owner is Owner.API:
            yield Adopt(declared, known) if declared.adopts else Conflict(declared, known)
        elif known.digest != declared.digest:
            yield Update(declared, known)
        elif (known.path, known.line) != (declared.path, declared.line):
            yield Move(declared, known)


def _undeclared_changes(desired: Desired, stored: Mapping[str, Known]) -> Iterator[Change]:
    for job_id, known in stored.items():
        if known.owner is Owner.MANIFEST and job_id not in desired.jobs:
            yield Hold(known) if desired.holds(job_id, known.path or "") else Delete(known)


def _muted(changes: list[Change], desired: Desired) -> dict[str, Problem]:
    """By path, the problem of each file that is no longer a manifest, and whose jobs are therefore held."""
    held: dict[str, list[str]] = {}
    for change in changes:
        path = desired.mute_paths.get(change.known.path or "") if isinstance(change, Hold) else None
        if path is not None:
            held.setdefault(path, []).append(job_id_of(change))
    return {path: no_manifest_any_more(path, _listed(sorted(job_ids))) for path, job_ids in held.items()}


def _block(deletions: list[Delete], desired: Desired, stored: Mapping[str, Known]) -> BlockedDeletion | None:
    if not deletions:
        return None
    own = [known for known in stored.values() if known.owner is Owner.MANIFEST]
    total = len(own)
    if desired.is_empty:
        what = said("all-of-its-jobs", total=total) if total > 1 else said("its-only-job")
        reason = said("source-empty", what=what)
    elif not desired.jobs:
        reason = said("no-manifest-usable", listed=_listed(_ids(deletions)))
    elif strangers := desired.strangers({known.path or "" for known in own}):
        reason = said("strangers-unreadable", strangers=", ".join(strangers[:SHOWN]), listed=_listed(_ids(deletions)))
    elif len(deletions) > max(PRUNE_BUDGET_JOBS, PRUNE_BUDGET_SHARE * total):
        reason = said(
            "over-budget", count=len(deletions), total=total, jobs=PRUNE_BUDGET_JOBS, share=PRUNE_BUDGET_SHARE
        )
    elif protected := [deletion for deletion in deletions if deletion.known.is_protected]:
        reason = said("protected-deleted", listed=_listed(_ids(protected)))
    else:
        return None
    return BlockedDeletion(tuple(_ids(deletions)), deletion_digest(deletions), reason)


def _ids(deletions: list[Delete]) -> list[str]:
    return sorted(deletion.known.job_id for deletion in deletions)


def _listed(job_ids: list[str]) -> str:
    shown = ", ".join(map(repr, job_ids[:SHOWN]))
    return shown + (f" and {len(job_ids) - SHOWN} more" if len(job_ids) > SHOWN else "")


def deletion_digest(deletions: list[Delete]) -> str:
    """A hash of these jobs and their specs, so that an approval is valid for no other deletion."""
    named = sorted(f"{deletion.known.job_id}\0{deletion.known.digest}" for deletion in deletions)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]


def _conflict_problem(conflict: Conflict) -> Problem:
    declared = conflict.declared
    message = said("job-of-the-api", job_id=declared.job_id)
    return Problem(declared.path, declared.line, 1, "job_id", "owned-by-api", message)
