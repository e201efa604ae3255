"""The JSON shapes of bulk operations."""

from collections.abc import Iterable
from typing import Literal

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.effects import Effects
from myscheduler.messages.message import Coded, coded_or_none
from myscheduler.service.catalog.bulk import Outcome, counts

Action = Literal["pause", "resume", "trigger"]


class BulkJob(TypedDict):
    """What became of a job: `done`, `skipped` because there was nothing to do, or `refused`."""

    job_id: str
    result: Literal["done", "skipped", "refused"]
    detail: str | None
    """Why it was skipped or refused."""
    detail_coded: Coded | None
    execution_id: str | None
    """The run of a job that was triggered."""


class BulkAnswer(TypedDict):
    action: Action
    dry_run: bool
    """If true, nothing was done, and the results are those that are expected."""
    selected: int
    done: int
    skipped: int
    refused: int
    jobs: list[BulkJob]
    """Sorted by id."""
    effects: Effects | None
    """Of a dry run of a pause: what it means for the jobs that run after these."""


def bulk_answer(
    action: Action, outcomes: Iterable[Outcome], *, dry_run: bool, effects: Effects | None = None
) -> BulkAnswer:
    rows = sorted(outcomes, key=lambda one: one.job_id)
    count = counts(rows)
    return {
        "action": action,
        "dry_run": dry_run,
        "selected": len(rows),
        "done": count["done"],
        "skipped": count["skipped"],
        "refused": count["refused"],
        "jobs": [
            {
                "job_id": one.job_id,
                "result": one.result.value,
                "detail": one.detail,
                "detail_coded": coded_or_none(one.detail),
                "execution_id": one.execution_id,
            }
            for one in rows
        ],
        "effects": effects,
    }
