"""Keeps timers for the slots of all jobs, and has slots decided when they are due."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
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
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.census import Census
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.flights import REPLACED, Flights
from myscheduler.service.dispatch.ping_keys import PingKeys
from myscheduler.service.dispatch.requiring import Requiring
from myscheduler.service.dispatch.retry_waits import RetryWaits
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.triggers import Triggers

RELOAD_AT_ONCE = 200
"""The most jobs that `reload` reads and decides in one go, before the event loop runs other tasks."""
DECIDE_SEC = 0.05
"""Seconds for which long decisions are made before newer, possibly simpler ones are sorted in."""

log = logging.getLogger(__name__)


class Arming:
    """Keeps the agenda and the timers equal to the stored jobs, and has due slots decided.

    The catalog calls `arm`, the timers `wake`, the clock watch `clock_was_set`, and the claim loop `reload`, all on the
    event loop. Short decisions are made in these calls; `run` makes the long ones in a thread. Nothing is claimed here:
    decided slots wait in the agenda, and the claim loop is woken.

    A timer only has slots checked and carries no decision, so one that rings late, twice or without need does no harm.
    """

    def __init__(
        self,
        store: Store,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        census: Census,
        tallies: Tallies,
        ping_keys: PingKeys,
        waits: RetryWaits,
        changes: Changes,
        chains: Chains,
        requiring: Requiring,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`wake` wakes the claim loop."""
        self._store = store
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._census = census
        self._tallies = tallies
        self._ping_keys = ping_keys
        self._waits = waits
        self._changes = changes
        self._chains = chains
        self._requiring = requiring
        self._wake_claims = wake
        self._now = now
        self._timers = Timers(self.wake, asyncio.get_running_loop())
        self._pulse = PulseThread(now)
        self._outdated: set[str] = set()
        """Jobs that `reload` has to read from the database and arm again."""
        self._has_questions = asyncio.Event()

    def start(self) -> None:
        """Start the timers and the pulse: from now on slots are on time."""
        self._agenda.start(self._now())
        self._pulse.start()
        self._timers.start()

    async def stop(self) -> None:
        """End the threads of the timers and the pulse."""
        self._pulse.stop()
        await self._requiring.stop()
        await asyncio.to_thread(self._timers.stop)

    # --- what changed ---------------------------------------------------------------------------------------------

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over `changed` jobs as they are stored now, and forget `removed` ones; decide on slots already due."""
        for job_id in removed:
            self._agenda.disarm(job_id)
            self._triggers.forget(job_id)
        now = self._now()
        self.report_standstill(now)
        current = [job for job in changed if not self._is_older(job)]
        self._timers.arm([(job.job_id, self._agenda.arm(job, now), max(now, job.cursor)) for job in current], removed)
        self._census.arm(current, removed)
        self._tallies.forget(removed)
        self._ping_keys.arm(current, removed)
        touched = [*(job.job_id for job in current), *removed]
        self._waits.review(touched)
        self._chains.arm(current, removed)
        self._requiring.review()
        self._changes.of_catalog(touched)
        if changed or removed:
            log.debug("jobs armed", extra={"jobs": len(current), "removed": len(removed)})
        self.follow()
        self._wake_claims()

    def wake(self, due: Sequence[Due]) -> None:
        """Decide on the due slots of these jobs; called by the timers."""
        now = self._now()
        self.report_standstill(now)
        for job_id, slot in due:
            if slot - now > ON_TIME:  # the clock was set back since the timer rang, so the timer has to be set again
                self._outdated.add(job_id)
            else:
                self._agenda.wake(job_id, max(now, slot))
        self.follow()
        self._wake_claims()

    def clock_was_set(self) -> None:
        """Decide again on slots that are in the future after the clock was set, and have the timers read the clock."""
        now = self._now()
        self._outdated.update(self._agenda.rewind(now))
        self._triggers.rewind(now)
        self._timers.look()
        self._wake_claims()

    def outdate(self, job_id: str) -> None:
        """Have the next `reload` arm the job again, because a claim was refused: the job has changed."""
        self._outdated.add(job_id)

    async def reload(self) -> None:
        """Read outdated jobs from the database and arm them again. Raises `StoreUnavailableError`."""
        while self._outdated:
            job_ids = list(islice(self._outdated, RELOAD_AT_ONCE))
            found = await self._store.read(partial(job_rows.find_jobs, job_ids=job_ids))
            self._outdated.difference_update(job_ids)
            self.arm(list(found.values()), [job_id for job_id in job_ids if job_id not in found])

    def _is_older(self, job: Job) -> bool:
        """Whether a newer version of the job is already armed."""
        known = self._agenda.find(job.job_id)
        return known is not None and known.version > job.version

    async def next_slots(self) -> Iterator[tuple[datetime, str]]:
        """The next slot in the future of each job that has one, and the job, the soonest first."""
        return await self._timers.next_slots()

    # --- before and after each decision ---------------------------------------------------------------------------

    def report_standstill(self, now: datetime) -> None:
        """Report a standstill of the process to the agenda, because slots may have fallen due in it.

        To be called before each decision.
        """
        pause = self._pulse.take(now)
        if pause is not None:
            self._agenda.held_up(pause.since, min(pause.until, now))

    def follow(self) -> None:
        """Act on decisions: make room where a new slot needs it, and wake `run` if long decisions are to be made."""
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
        """Make long decisions in a thread, the simplest first, until cancelled."""
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
    """The answers to the first questions, as many as `DECIDE_SEC` allows, but at least one."""
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
