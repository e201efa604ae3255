"""What is due: jobs as they are stored, the timers that ring for their slots, and the decisions that follow."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from myscheduler.adapters.pulse import PulseThread
from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.timers.timers import Due, Timers
from myscheduler.core.dispatch.admission import ON_TIME, Step
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.deciding import Question, weight_of
from myscheduler.core.history.execution import Kind
from myscheduler.core.job.job import Job
from myscheduler.service.dispatch.flights import REPLACED, Flights
from myscheduler.service.dispatch.triggers import Triggers

RELOAD_AT_ONCE = 200
"""How many jobs are decided anew before others have their time."""
DECIDE_SEC = 0.05
"""How long decisions are made before those that came meanwhile have a chance to be simpler."""

log = logging.getLogger(__name__)


class Arming:
    """Keeps the agenda and the timers equal to the stored jobs, and has due slots decided.

    The catalog calls `arm`, the timers' thread `wake`, whoever watches the clock `clock_was_set`, and the claim loop
    `reload`, each on the event loop. Short decisions are made there and then; `run` makes the long ones in a thread.
    Nothing is claimed here: what is decided waits in the agenda, and the claim loop is woken.

    A timer only says "look": it carries no decision, so one that rings late, twice or for nothing does no harm.
    """

    def __init__(
        self,
        store: Store,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`wake` has the claim loop look again."""
        self._store = store
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._wake_claims = wake
        self._now = now
        self._timers = Timers(self.wake, asyncio.get_running_loop())
        self._pulse = PulseThread(now)
        self._outdated: set[str] = set()
        """Jobs that are to be armed anew, as they are stored."""
        self._has_questions = asyncio.Event()

    def start(self) -> None:
        """Let time pass: from now on slots are on time."""
        self._agenda.start(self._now())
        self._pulse.start()
        self._timers.start()

    async def stop(self) -> None:
        """End the threads; nothing rings any more."""
        self._pulse.stop()
        await asyncio.to_thread(self._timers.stop)

    # --- what changed ---------------------------------------------------------------------------------------------

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over jobs as they are stored now, and forget removed ones. What is due already is decided at once."""
        for job_id in removed:
            self._agenda.disarm(job_id)
            self._triggers.forget(job_id)
        now = self._now()
        self.look_back(now)
        current = [job for job in changed if not self._is_older(job)]
        self._timers.arm([(job.job_id, self._agenda.arm(job, now), max(now, job.cursor)) for job in current], removed)
        if changed or removed:
            log.debug("jobs armed", extra={"jobs": len(current), "removed": len(removed)})
        self.follow()
        self._wake_claims()

    def wake(self, due: Sequence[Due]) -> None:
        """The timers' call: these jobs have slots due."""
        now = self._now()
        self.look_back(now)
        for job_id, slot in due:
            if slot - now > ON_TIME:  # the clock was set back since the timer rang, so it has to be set again
                self._outdated.add(job_id)
            else:
                self._agenda.wake(job_id, max(now, slot))
        self.follow()
        self._wake_claims()

    def clock_was_set(self) -> None:
        """Decide anew what was decided for a time that has not come, and let the timers look at the clock again."""
        now = self._now()
        self._outdated.update(self._agenda.rewind(now))
        self._triggers.rewind(now)
        self._timers.look()
        self._wake_claims()

    def outdate(self, job_id: str) -> None:
        """A claim of the job was refused, because it changed: the next `reload` arms it anew."""
        self._outdated.add(job_id)

    async def reload(self) -> None:
        """Decide on what is outdated anew, as it is stored. Raises `StoreUnavailableError`."""
        while self._outdated:
            job_ids = list(islice(self._outdated, RELOAD_AT_ONCE))
            found = await self._store.read(partial(job_rows.find_jobs, job_ids=job_ids))
            self._outdated.difference_update(job_ids)
            self.arm(list(found.values()), [job_id for job_id in job_ids if job_id not in found])

    def _is_older(self, job: Job) -> bool:
        """The job changed once more while it was on its way here."""
        known = self._agenda.find(job.job_id)
        return known is not None and known.version > job.version

    # --- before and after each decision ---------------------------------------------------------------------------

    def look_back(self, now: datetime) -> None:
        """Before a decision: tell the agenda when the process was held up, so that slots fell due that nobody ran."""
        pause = self._pulse.take(now)
        if pause is not None:
            self._agenda.held_up(pause.since, min(pause.until, now))

    def follow(self) -> None:
        """After decisions: make room for what they want, and hand on those that are still to be made."""
        self._make_room()
        if self._agenda.has_questions:
            self._has_questions.set()

    def _make_room(self) -> None:
        """Cut off the oldest execution of jobs that say `overlap: replace` and have a newer slot due."""
        for job_id in self._agenda.take_crowded():
            for flight in self._flights.of_job(job_id):
                execution = flight.execution
                is_left = execution.kind is Kind.SCHEDULED and flight.cut_off is None
                if is_left and self._flights.end(execution.execution_id, REPLACED):
                    break

    # --- decisions that take long ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Make long decisions beside the event loop, the simplest first; until cancelled."""
        while True:
            await self._has_questions.wait()
            self._has_questions.clear()
            waiting: list[Question] = []
            while waiting := sorted([*waiting, *self._agenda.take_questions()], key=weight_of):
                answers = await asyncio.to_thread(_answer_some, waiting)
                for question, steps in answers:
                    self._agenda.decided(question, steps)
                waiting = waiting[len(answers) :]
                self.follow()
                self._wake_claims()


def _answer_some(questions: Sequence[Question]) -> list[tuple[Question, Sequence[Step]]]:
    """The answers to the first of them, as far as one comes in time."""
    answers: list[tuple[Question, Sequence[Step]]] = []
    end = time.monotonic() + DECIDE_SEC
    while len(answers) < len(questions) and (not answers or time.monotonic() < end):
        question = questions[len(answers)]
        try:
            answers.append((question, question.answer()))
        except Exception:
            log.exception("a bug kept slots from being decided", extra={"job_id": question.spec.job_id})
            answers.append((question, ()))  # its next slot tries again
    return answers
