"""What is asked for with a manual run, and what is answered."""

import asyncio
from dataclasses import dataclass
from typing import Any

from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.history.execution import QueuedRun
from myscheduler.core.history.repeats import RequestKey


@dataclass(frozen=True, slots=True)
class Triggered:
    """The result of a request for a manual run."""

    execution_id: str
    is_queued: bool = False
    waits_for: tuple[str, ...] = ()
    """For a queued run, the executions of the job in progress, of which one has to end before the run is sent."""
    rerun_of: str | None = None
    """The execution that the run repeats."""

    def as_json(self, job_id: str) -> dict[str, Any]:
        """The JSON object that the API answers with."""
        status = "queued" if self.is_queued else "triggered"
        answer: dict[str, Any] = {"job_id": job_id, "status": status, "execution_id": self.execution_id}
        if self.is_queued:
            answer["waits_for"] = list(self.waits_for)
        if self.rerun_of is not None:
            answer["rerun_of"] = self.rerun_of
        return answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants a manual run, and of what."""

    job_id: str
    by: str
    rerun_of: str | None = None
    key: RequestKey | None = None
    parent: TraceParent | None = None
    queued: QueuedRun | None = None
    """The queued run, if it was one."""
    is_alone: bool = False
    """Whether nothing runs after it."""
    upstream_chain_id: str | None = None
    """As in `Execution`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A manual run to be claimed, with a future for the request that waits for it."""

    taken: Taken
    accepted: asyncio.Future[bool]
    """Resolves to whether it was claimed; cancelled when the caller has stopped waiting."""
