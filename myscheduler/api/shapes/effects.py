"""How the effects of pausing or deleting jobs are shown."""

from collections.abc import Sequence
from typing import Literal

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.core.chains.effects import Affected, effects_notes
from myscheduler.messages.message import Coded, all_coded

MOST = 500
"""The most jobs in one answer."""


class Effect(TypedDict):
    """What becomes of a job: it is `skipped`, it `runs` nevertheless, or nothing starts it any more (`never`)."""

    job_id: str
    effect: Literal["skipped", "runs", "never"]


class Effects(TypedDict):
    effects: list[Effect]
    """Jobs that run after those that are acted on, none before one that it runs after; the first 500."""
    effects_left_out: int
    notes: list[str]
    """The same in sentences."""
    notes_coded: list[Coded]


class JobEffects(Effects):
    job_id: str
    action: Literal["pause", "delete"]


def effects_view(affected: Sequence[Affected]) -> Effects:
    """The jobs that are affected, up to a limit, and all of them in sentences."""
    notes = effects_notes(affected)
    return {
        "effects": [{"job_id": one.job_id, "effect": one.effect.value} for one in affected[:MOST]],
        "effects_left_out": max(0, len(affected) - MOST),
        "notes": notes,
        "notes_coded": all_coded(notes),
    }
