"""The JSON shapes of the source's state and of the audit log."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import Any

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone, PauseView, SourceView, source_view
from myscheduler.core.bounds import MOST_IN_REPORT, MOST_NAMED, MOST_PROBLEMS
from myscheduler.core.findings.problem import worst
from myscheduler.core.gitops.sync_state import FileCondition, FileState, Passed, SyncState
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditEntry
from myscheduler.messages.message import Coded, coded

OF_A_FILE = 5
"""The most problems listed with each file that was not applied; `/sync/files` has more of them."""


class ManifestProblem(TypedDict):
    """What is wrong at a place of a file, and what to do."""

    path: str
    """The path of the file; `manifest.yaml` for a single text."""
    line: int
    column: int
    field: str
    rule: str
    severity: str
    """`error` or `warning`."""
    message: str
    message_coded: Coded


class FileView(TypedDict):
    path: str
    condition: str
    """`applied`, `partial`, `held` or `unreadable`."""
    jobs: int
    """How many of its documents declare a valid job."""
    problems: list[ManifestProblem]
    """The worst ones."""
    problem_count: int


class FileList(TypedDict):
    files: list[FileView]


class SyncConditionView(TypedDict):
    type: str
    """`Ready`, `Reconciling` or `Stalled`."""
    status: bool
    reason: str
    message: str
    message_coded: Coded
    since: str | None


class BlockedDeletionView(TypedDict):
    """A deletion that waits until a person approves exactly this one."""

    digest: str
    """What `POST /sync` takes as `approve`."""
    reason: str
    reason_coded: Coded
    job_ids: list[str]
    """The first 100."""
    job_count: int


class SyncCounts(TypedDict):
    created: int
    updated: int
    deleted: int
    held: int
    drift: int


class FilesView(TypedDict):
    total: int
    not_applied: list[FileView]
    not_applied_count: int


class DriftView(TypedDict):
    """A job of a manifest that operators paused."""

    job_id: str
    source: SourceView | None
    kind: str
    pause: PauseView | None
    overruled: bool
    """Whether the manifest says itself whether the job is paused, so that the pause has no effect."""


class RevisionView(TypedDict):
    """What became of a revision of the source."""

    revision: str
    first_at: str
    last_at: str
    reason: str
    created: int
    updated: int
    deleted: int
    jobs: int
    held: int
    blocked: int
    problems: int


class SyncView(TypedDict):
    source: str
    """The folder of the manifests."""
    condition: str
    reason: str
    """For scripts: `Applied`, `ProblemsInManifests`, `DeletionBlocked`, `SourceUnavailable`, …"""
    message: str
    message_coded: Coded
    conditions: list[SyncConditionView]
    last_attempted_revision: str | None
    last_applied_revision: str | None
    """The last revision that was applied completely."""
    last_attempted_at: str | None
    last_applied_at: str | None
    created: list[str]
    """Ids of jobs; of these and the next three, the first 100. `counts` counts all."""
    updated: list[str]
    deleted: list[str]
    unchanged: int
    held: list[str]
    blocked_deletion: BlockedDeletionView | None
    counts: SyncCounts
    problems: list[ManifestProblem]
    """The worst 100."""
    problem_count: int
    files: FilesView
    drift: list[DriftView] | None
    """Jobs that operators paused; null while the database can't be read."""
    history: list[RevisionView] | None
    """The last revisions, newest first; null while the database can't be read."""


class AuditEntryView(TypedDict):
    at: str
    actor: str
    """The caller of the API; `manifest` if the source changed a job, `clock` if a pause ended by itself."""
    action: str
    job_id: str | None
    """Null for an entry about several jobs, or about none."""
    detail: dict[str, Any]


class AuditList(TypedDict):
    entries: list[AuditEntryView]
    count: int
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one."""


class SourceLines(TypedDict):
    path: str
    revision: str
    """That of the source from which the lines are."""
    first_line: int
    """The number of the first line of `lines`, from 1."""
    line_count: int
    """How many lines the file has."""
    lines: list[str]


class SyncViews(InZone):
    def sync(
        self,
        state: SyncState,
        source: str,
        *,
        is_passing: bool,
        drifted: list[Job] | None,
        history: list[Passed] | None,
    ) -> dict[str, Any]:
        """`drifted` are jobs of manifests that operators paused, `history` the last revisions, newest first."""
        blocked = state.blocked
        troubled = [file for file in state.files if file.condition is not FileCondition.APPLIED]
        return {
            "source": source,
            "condition": state.condition,
            "reason": state.reason,
            "message": state.message,
            "message_coded": coded(state.message),
            "conditions": [
                {
                    "type": condition,
                    "status": holds,
                    "reason": state.reason,
                    "message": state.message,
                    "message_coded": coded(state.message),
                    "since": self._time(state.since),
                }
                for condition, holds in state.conditions(is_passing=is_passing)
            ],
            "last_attempted_revision": state.attempted_revision,
            "last_applied_revision": state.applied_revision,
            "last_attempted_at": self._time(state.attempted_at),
            "last_applied_at": self._time(state.applied_at),
            "created": list(state.created[:MOST_NAMED]),
            "updated": list(state.updated[:MOST_NAMED]),
            "deleted": list(state.deleted[:MOST_NAMED]),
            "unchanged": state.unchanged,
            "held": nsmallest(MOST_NAMED, state.held),
            "blocked_deletion": {
                "digest": blocked.digest,
                "reason": blocked.reason,
                "reason_coded": coded(blocked.reason),
                "job_ids": list(blocked.job_ids[:MOST_NAMED]),
                "job_count": len(blocked.job_ids),
            }
            if blocked
            else None,
            "counts": {
                "created": len(state.created),
                "updated": len(state.updated),
                "deleted": len(state.deleted),
                "held": len(state.held),
                "drift": len(drifted or ()),
            },
            "problems": [problem.as_json() for problem in worst([*state.problems], MOST_PROBLEMS)],
            "problem_count": len(state.problems),
            "files": {
                "total": len(state.files),
                "not_applied": [self.file(file, most=OF_A_FILE) for file in troubled[:MOST_PROBLEMS]],
                "not_applied_count": len(troubled),
            },
            "drift": None if drifted is None else [self._drift(job) for job in drifted[:MOST_NAMED]],
            "history": None if history is None else [self._passed(one) for one in history],
        }

    def files(self, files: Sequence[FileState]) -> list[dict[str, Any]]:
        """All files; their problems are listed in the order of the files, up to `MOST_IN_REPORT` in all."""
        views, left = [], MOST_IN_REPORT
        for file in files:
            views.append(self.file(file, most=min(MOST_PROBLEMS, left)))
            left -= len(views[-1]["problems"])
        return views

    @staticmethod
    def file(file: FileState, *, most: int) -> dict[str, Any]:
        """A file with its `most` worst problems."""
        problems = [problem.as_json() for problem in worst([*file.problems], most)]
        return {
            "path": file.path,
            "condition": file.condition,
            "jobs": file.jobs,
            "problems": problems,
            "problem_count": len(file.problems),
        }

    def entry(self, entry: AuditEntry) -> dict[str, Any]:
        return {
            "at": self._moment(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "job_id": entry.job_id,
            "detail": entry.detail,
        }

    def _drift(self, job: Job) -> dict[str, Any]:
        return {
            "job_id": job.job_id,
            "source": source_view(job.source),
            "kind": "paused",
            "pause": self.pause(job.pause),
            "overruled": job.spec.paused is not None,  # the manifest says itself whether it is paused
        }

    def _passed(self, one: Passed) -> dict[str, Any]:
        return {
            "revision": one.revision,
            "first_at": self._moment(one.first_at),
            "last_at": self._moment(one.last_at),
            "reason": one.reason,
            **one.counts,
        }
