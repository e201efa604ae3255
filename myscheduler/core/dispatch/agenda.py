"""The agenda: what is due and not yet claimed.

It holds the armed jobs with their schedules, the decisions on their slots, and the order in which they are claimed.
All of it is in memory only: after a restart everything is decided again from the stored cursors.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.dispatch.admission import ON_TIME, Step, cause_of
from myscheduler.core.dispatch.armed import Armed, Taken
from myscheduler.core.dispatch.claim import Claim, scheduled
from myscheduler.core.dispatch.counts import Counts
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.dispatch.joining import append
from myscheduler.core.dispatch.lanes import Lanes
from myscheduler.core.dispatch.requirements import Requirements
from myscheduler.core.dispatch.throttles import Throttles
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Schedule


class Agenda:
    """Takes a slot of a job from due to claimed, and counts executions and permits.

    A slot is decided (`arm`, `wake`), waits for its turn in the lane of its host, and is taken to be claimed (`take`).
    A claim that is taken ends with `confirm` (it is stored), `give_up` (it is refused) or `undo` (nothing is stored).
    Each execution begun ends with `over` and `end`; each permit of an attempt is returned with `leave`.

    For each job, three cursors move forward in order: `claimed` <= `taken` <= `decided` (see `Armed`).
    """

    def __init__(
        self,
        *,
        zone: str,
        permits: int,
        permits_per_host: int,
        new_id: Callable[[datetime], str],
        throttles: Throttles | None = None,
        asks: bool = False,
    ) -> None:
        """`permits` is how many scheduled attempts may be in flight at once, over all hosts; `new_id` makes an
        execution id; `throttles` hold calls of shared targets back.

        With `asks`, decisions that may take long are not made here but returned by `take_questions`, so that `arm` and
        `wake` return quickly.
        """
        self._zone = zone
        self._asks = asks
        self._questions: list[Question] = []
        self._new_id = new_id
        self._armed: dict[str, Armed] = {}
        self._lanes: Lanes[Armed | Callable[[], None]] = Lanes(permits, permits_per_host, throttles)
        self._to_record: deque[Armed] = deque()
        """Jobs whose first waiting step runs no slot, so it needs no permit."""
        self._counts = Counts()
        self.requirements = Requirements()
        self.is_database_well = True
        """Whether the database works, so that claims are likely to be stored."""
        self._crowded: set[str] = set()
        """Jobs with `overlap: replace` that have a slot due and no room for it."""
        self._started_at: datetime | None = None
        """When the service began to run due slots, or resumed after a standstill; slots before it are overdue."""
        self._is_closed = False
        self.on_room: Callable[[str], None] = lambda _: None
        """Called with the id of a job that may have room for another execution."""

    @property
    def armed(self) -> Mapping[str, Armed]:
        return self._armed

    def find(self, job_id: str) -> Job | None:
        armed = self._armed.get(job_id)
        return armed.job if armed else None

    def jobs(self) -> list[tuple[Job, str]]:
        """All jobs with the keys of their hosts."""
        return [(armed.job, armed.host) for armed in self._armed.values()]

    def start(self, now: datetime) -> None:
        """Start running slots: those after `now` are on time, those before are caught up on."""
        self._started_at = now

    def held_up(self, since: datetime, until: datetime) -> None:
        """Handle a standstill: slots after `since` and up to `until` are decided as after a downtime.

        Steps decided for slots up to `since` stay as they are and keep their turn.
        """
        if self._started_at is None:
            return
        self._started_at = max(self._started_at, until)
        for armed in self._armed.values():
            if (undone := armed.hold_up(since)) is not None:
                self._decide(armed, max(until, undone))

    def rewind(self, now: datetime) -> list[str]:
        """Forget decisions on slots after `now`, because the clock may have been set back.

        Returns the ids of the jobs that had such decisions, stored or not; the caller has to arm them again from the
        database.
        """
        if self._started_at is not None:
            self._started_at = min(self._started_at, now)
        ahead = [armed for armed in self._armed.values() if armed.asked_until - now > ON_TIME]
        for armed in ahead:
            armed.undecide()
        return [armed.job.job_id for armed in ahead]

    def close(self) -> None:
        """Offer nothing more to claim; executions in flight may still retry."""
        self._is_closed = True
        self._to_record.clear()

    # --- decisions ------------------------------------------------------------------------------------------------

    def arm(self, job: Job, now: datetime) -> Schedule:
        """Add or replace a job as it is stored now, and decide on its due slots. Returns its schedule."""
        schedule = compile_schedule(job.spec, zone=self._zone, created_at=job.created_at)
        before, catch_up = self._armed.get(job.job_id), job.catch_up
        if before is not None and before.job.version == job.version:
            catch_up = catch_up or before.catch_up  # not stored, so a job read from the database lacks it
        armed = Armed(job, schedule, host_key(job.spec.target_url), job.cursor, job.cursor, job.cursor, catch_up)
        self._armed[job.job_id] = armed
        self.requirements.declare(job.job_id, job.spec.requires)
        if job.next_slot is None or job.next_slot <= now:  # else nothing is due, as for most jobs
            self._decide(armed, now)
        return schedule

    def disarm(self, job_id: str) -> None:
        self._armed.pop(job_id, None)
        self.requirements.forget(job_id)

    def completed(self, times: Mapping[str, datetime]) -> None:
        """Note when jobs completed that others require: slots that wait for them may run."""
        for job_id in self.requirements.completed(times):
            self._offer(self._armed[job_id])

    def wake(self, job_id: str, now: datetime) -> None:
        """Decide on the slots of the job up to `now`; does nothing for a job that is not armed."""
        armed = self._armed.get(job_id)
        if armed is not None:
            self._decide(armed, now)

    def _decide(self, armed: Armed, now: datetime) -> None:
        is_free = self.is_database_well and not self._counts.in_flight(armed.job.job_id)
        if armed.open is not None or (is_free and armed.may_decide_later):
            armed.wanted = max(armed.wanted or now, now)
            return
        self._decide_anew(armed, now)

    def _decide_anew(self, armed: Armed, now: datetime) -> None:
        is_held = self._waits_for_database(armed)
        if armed.waiting and (armed.catch_up or armed.job.spec.catch_up) == "last":
            # a slot that still waits for its turn or for the database is due together with the newer ones
            now = max(now, armed.asked_until)
            armed.undecide()
        self._ask(armed, now, is_held=is_held)

    def _catch_up_on(self, armed: Armed) -> None:
        """Decide on the slots that fell due while the first one waited for its turn, in its place in the lane."""
        if armed.wanted is not None and armed.open is None:
            armed.is_offered = True  # what is decided now takes the place that it had
            self._decide_anew(armed, armed.wanted)
            armed.is_offered = False

    def _waits_for_database(self, armed: Armed) -> bool:
        """Whether the database is what keeps the job's slots from being sent."""
        has_ended = armed.waiting and self._counts.ended(armed.job.job_id) and any(one.run for one in armed.waiting)
        return not self.is_database_well or bool(self._counts.claimed(armed.job.job_id) or has_ended)

    def _ask(self, armed: Armed, now: datetime, *, is_held: bool) -> None:
        job_id = armed.job.job_id
        unsent = self._counts.claimed(job_id) + sum([step.run is not None for step in armed.waiting])
        running, overdue_until = self._counts.running(job_id) + unsent, self._started_at or now
        found = armed.decide(now, running, unsent, overdue_until=overdue_until, is_held=is_held, asks=self._asks)
        if isinstance(found, Question):
            self._questions.append(found)
        else:
            self._accept(armed, found)

    @property
    def has_questions(self) -> bool:
        return bool(self._questions)

    def take_questions(self) -> list[Question]:
        """Remove and return the long decisions to make; pass each answer to `decided`."""
        questions, self._questions = self._questions, []
        return questions

    def decided(self, question: Question, steps: Iterable[Step]) -> None:
        """Accept the answer to a question; it is dropped when the question is no longer current for its job."""
        armed = self._armed.get(question.spec.job_id)
        if armed is None or armed.open is not question:
            return
        until, armed.open, armed.wanted = armed.wanted, None, None
        self._accept(armed, steps)
        if until is not None and until > question.now:
            # continue from the new cursor: starting over would never end for a job that is always due
            self._ask(armed, until, is_held=self._waits_for_database(armed))

    def _accept(self, armed: Armed, steps: Iterable[Step]) -> None:
        for step in steps:
            append(armed.waiting, step)
            armed.decided = step.cursor
        self._offer(armed)

    def _offer(self, armed: Armed) -> None:
        """Queue the job's first waiting step for its turn, if the job has room for another execution.

        Only one step of a job is queued at a time.
        """
        if armed.is_offered or not armed.waiting or self._is_closed:
            return
        first = armed.waiting[0]
        if first.run is None:
            self._to_record.append(armed)
        elif armed.job.spec.requires and self.requirements.wait(armed.job.spec, first.run):
            return
        elif self._counts.have_room(armed.job):
            self._lanes.put(armed.lane, first.run, armed)
        else:
            if armed.job.spec.overlap == "replace":
                self._crowded.add(armed.job.job_id)
            return
        armed.is_offered = True

    def may_begin(self, job_id: str, asked_at: datetime | None = None) -> bool:
        """Whether the job has room for a manual run requested at `asked_at`; slots due before that go first."""
        armed = self._armed.get(job_id)
        if armed is None or self._is_closed or not self._counts.have_room(armed.job):
            return False
        first = armed.waiting[0].run if armed.waiting else None
        return asked_at is None or first is None or first > asked_at

    def take_crowded(self) -> set[str]:
        """Remove and return the ids of jobs whose oldest execution has to make room for a newer slot."""
        crowded, self._crowded = self._crowded, set()
        return crowded

    # --- claims ---------------------------------------------------------------------------------------------------

    def take(self, now: datetime, at_most: int) -> list[Taken]:
        """Remove and return what to claim next, while there are permits; slots due longest come first.

        Pass each to `confirm`, `give_up` or `undo`. Attempts that are queued (see `queue`) get their permits here, too.
        """
        taken: list[Taken] = []
        is_new = True
        while is_new and len(taken) < at_most:
            self._take_turns(taken, now, at_most)
            self._skip_blocked(now)
            is_new = self._take_records(taken, now, at_most)
        return taken

    def _take_turns(self, taken: list[Taken], now: datetime, at_most: int) -> None:
        for one in self._lanes.take(now):
            if not isinstance(one, Armed):
                one()
                continue
            chosen = self._take(one, now) if self._is_current(one) else None
            if chosen is None or chosen.claim.execution is None:
                self._lanes.leave(one.lane)
            if chosen is not None:
                taken.append(chosen)
            if len(taken) >= at_most:
                return

    def _skip_blocked(self, now: datetime) -> None:
        """Have the slots recorded as skipped that wait behind an open circuit, or for another job in vain."""
        for one in self._lanes.take_blocked(now, lambda one: isinstance(one, Armed)):
            if isinstance(one, Armed) and self._is_current(one):
                self._catch_up_on(one)
                one.skip(Reason.CIRCUIT_OPEN)
                self._offer(one)
        for job_id in self.requirements.overdue(now):
            armed = self._armed.get(job_id)
            if armed is not None and not armed.is_offered:
                self._catch_up_on(armed)
                armed.skip(Reason.REQUIREMENT)
                self._offer(armed)

    def _take_records(self, taken: list[Taken], now: datetime, at_most: int) -> bool:
        """Take steps that run no slot. Returns whether a job was queued for a permit instead."""
        is_new = False
        while self._to_record and len(taken) < at_most:
            armed = self._to_record.popleft()
            if not self._is_current(armed):
                continue
            if armed.waiting[0].run is None:
                taken.append(self._claim(armed, now))
            else:
                self._offer(armed)
                is_new = True
        return is_new

    def _is_current(self, armed: Armed) -> bool:
        """Whether the job is still armed as it was when it was offered. Clears `is_offered`."""
        armed.is_offered = False
        return self._armed.get(armed.job.job_id) is armed and bool(armed.waiting) and not self._is_closed

    def _take(self, armed: Armed, now: datetime) -> Taken | None:
        if armed.waiting[0].run is not None and not self._counts.have_room(armed.job):  # a manual run came first
            return None
        self._catch_up_on(armed)
        run = armed.waiting[0].run
        if run is not None and now - run > armed.grace:
            until = max(now, armed.asked_until)
            armed.undecide()  # waited too long for its turn
            self._decide(armed, until)
            return None
        return self._claim(armed, now)

    def _claim(self, armed: Armed, now: datetime) -> Taken:
        job, step = armed.job, armed.waiting.pop(0)
        armed.taken = step.cursor
        execution = None
        if step.run is not None:
            self._counts.claim(job.job_id)
            execution = scheduled(job, step.run, cause_of(step.run, self._started_at, now), self._new_id(now), now)
        if not armed.waiting and armed.open is None:
            armed.catch_up = None
        self._offer(armed)
        upcoming = armed.next_after(step.cursor)
        claim = Claim(job.job_id, job.version, job.digest, job.source, step.unrun, execution, step.cursor, upcoming)
        return Taken(claim, job, armed.host)

    def confirm(self, taken: Taken) -> None:
        """Note that the claim is stored."""
        if taken.claim.execution is not None:
            self._counts.answered(taken.claim.job_id)
        armed = self._armed.get(taken.claim.job_id)
        if armed is not None and armed.job is taken.job and taken.claim.cursor is not None:
            armed.claimed = taken.claim.cursor

    def undo(self, batch: Sequence[Taken], now: datetime) -> None:
        """Note that none of the claims is stored: return their permits and decide again on their slots."""
        for one in batch:
            self.give_up(one)
        for job_id in {one.claim.job_id for one in batch}:
            armed = self._armed.get(job_id)
            if armed is not None:
                until = max(now, armed.asked_until)  # the clock may have been set back since
                armed.taken = armed.claimed
                armed.undecide()
                self._ask(armed, until, is_held=True)

    def give_up(self, taken: Taken) -> None:
        """Note that the claim was refused, so its execution is not sent: return its permit."""
        if taken.claim.execution is not None:
            self._lanes.leave(taken.lane)
            self._counts.answered(taken.claim.job_id)
            self._free(taken.claim.job_id)

    # --- executions -----------------------------------------------------------------------------------------------

    def begin(self, job_id: str) -> None:
        """Count an execution that did not come from `take`: a manual run, or one claimed by an earlier process."""
        self._counts.begin(job_id)

    def withdraw(self, job_id: str) -> None:
        """Undo `begin`: the execution is not sent after all."""
        self._free(job_id)

    def over(self, job_id: str) -> None:
        """Note that an execution has ended. The job may run again once `end` is called."""
        self._counts.over(job_id)

    def end(self, job_id: str) -> None:
        """Note that the end of an execution is recorded: the job may run again."""
        self._counts.recorded(job_id)
        self._free(job_id)

    def _free(self, job_id: str) -> None:
        self._counts.free(job_id)
        armed = self._armed.get(job_id)
        if armed is not None:
            self._offer(armed)
        self.on_room(job_id)

    def leave(self, lane: str) -> bool:
        """Return the permit of an attempt. Returns whether `take` may have more now."""
        return self._lanes.leave(lane)

    def queue(self, lane: str, due: datetime, go: Callable[[], None]) -> None:
        """Wait for a permit for a further attempt of an execution; `take` calls `go` once there is one."""
        self._lanes.put(lane, due, go)

    def held_until(self, now: datetime) -> datetime | None:
        """When `take` may have more although nothing falls due or ends, as a throttled lane may go on; else `None`."""
        return min((one for one in (self._lanes.next_at(now), self.requirements.next_at()) if one), default=None)

    def load(self, lane: str) -> tuple[int, int]:
        """How many permits the lane holds, and how many slots and attempts wait for their turn in it."""
        return self._lanes.load(lane)
