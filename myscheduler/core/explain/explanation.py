"""The answer to the question why a job ran at some time, or why not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from myscheduler.core.explain.schedule_parts import ScheduleParts
from myscheduler.core.history.execution import Record
from myscheduler.core.schedule.timestamps import LocalTime
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.message import Message, all_coded, coded, said


@dataclass(frozen=True, slots=True)
class Finding:
    """A slot, or the slots of one row, and a sentence that says what happened to it."""

    first: datetime
    """The slot, or the first one of the row."""
    sentence: Message
    row: Record | None = None
    """The row of the history; `None` if there is none."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to the question why a job ran, or did not run, at the time `asked`."""

    job_id: str
    timezone: str
    """The job's IANA zone; the times are shown in it."""
    asked: LocalTime
    findings: tuple[Finding, ...]
    """In the order of time; empty if there is no slot at that time."""
    remarks: tuple[Message, ...]
    """Sentences that do not belong to one slot."""
    previous: datetime | None
    """The last slot before that time, by the present schedule."""
    parts: ScheduleParts | None
    """The present schedule in parts; `None` if the job is deleted."""
    upcoming: datetime | None
    """The next run after that time and after now, by the present schedule."""

    @property
    def answer(self) -> Message:
        """All sentences as one text."""
        return said("answer", sentences=[*(one.sentence for one in self.findings), *self.remarks])

    def as_json(self) -> dict[str, Any]:
        def shown(moment: datetime | None) -> str | None:
            return None if moment is None else local_time(moment, self.timezone).isoformat()

        return {
            "job_id": self.job_id,
            "timezone": self.timezone,
            "at": shown(self.asked.first),
            "answer": self.answer,
            "answer_coded": coded(self.answer),
            "slots": [
                {
                    "scheduled_at": shown(one.first),
                    "status": one.row.status if one.row else None,
                    "reason": one.row.reason if one.row else None,
                    "execution_id": one.row.execution_id if one.row else None,
                    "chain_id": one.row.chain_id if one.row else None,
                    "sentence": one.sentence,
                    "sentence_coded": coded(one.sentence),
                }
                for one in self.findings
            ],
            "remarks": list(self.remarks),
            "remarks_coded": all_coded(self.remarks),
            "previous_slot": shown(self.previous),
            "next_run": shown(self.upcoming),
            "schedule_parts": self.parts,
        }
