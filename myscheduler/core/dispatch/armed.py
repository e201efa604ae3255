"""A job in the agenda, and a claim taken from it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from myscheduler.core.dispatch.admission import Step
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.quick import quick
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.exclusions import may_leave_out
from myscheduler.core.schedule.slots import Schedule, next_after

MOST_COALESCED = 8
"""The most slots that are coalesced one by one; more are counted by `admit`."""


def lane_of(spec: JobSpec, host: str) -> str:
    """The lane in which calls of the job wait: that of its shared target, or else that of its host."""
    return host if spec.target is None else target_lane(spec.target)


def target_lane(target: str) -> str:
    """The lane of a shared target. No host begins with `@`."""
    return f"@{target}"


@dataclass(slots=True)
class Armed:
    """A job in the agenda with its schedule, and how far its slots are claimed, taken and decided.

    Always `claimed` <= `taken` <= `decided`. Steps move the cursor from `taken` to `decided` while they are `waiting`.
    """

    job: Job
    schedule: Schedule
    host: str
    claimed: datetime
    """The cursor as stored in the database."""
    taken: datetime
    """The cursor once the claims taken so far are stored."""
    decided: datetime
    """The cursor once the waiting steps are taken and stored, too."""
    catch_up: CatchUp | None = None
    """The catch-up requested when the job was resumed; reset once all steps decided with it are taken."""
    waiting: list[Step] = field(default_factory=list)
    """Decided, not yet taken; oldest first."""
    is_offered: bool = False
    """Whether the first waiting step is queued, either in the lane of its host or to be recorded only."""
    open: Question | None = None
    """The long decision being made outside the agenda; at most one at a time."""
    wanted: datetime | None = None
    """The time up to which to decide after `open` is answered, or when the first waiting step is taken."""
    lane: str = field(init=False)
    grace: timedelta = field(init=False)
    """The misfire grace of the job."""
    _may_leave_out: bool = field(init=False)
    _known_next: tuple[datetime, datetime | None] | None = None
    """A time, and the first slot after it."""

    def __post_init__(self) -> None:
        spec = self.job.spec
        self.lane, self.grace = lane_of(spec, self.host), timedelta(seconds=spec.misfire_grace_time)
        self._may_leave_out = may_leave_out(self.schedule)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first slot after `moment`. The last answer is kept: each is asked for three times."""
        if self._known_next is None or self._known_next[0] != moment:
            self._known_next = moment, next_after(self.schedule, moment)
        return self._known_next[1]

    def quick_step(self, now: datetime, running: int, *, overdue_until: datetime, is_held: bool) -> Step | None:
        """The step for the due slots if nothing keeps the last of them from running, and no limit could leave one out:
        nearly always. `None` if that is not certain without `admit`, which would decide the same (a law shows it).

        Nearly always there is one slot; where the service can't keep up, a few, which are coalesced.
        """
        spec, paused_until = self.job.spec, self.job.paused_until
        if self._may_leave_out or (paused_until is not None and self.decided < paused_until):
            return None
        slot = self.next_after(self.decided)
        if slot is None or slot > now or now - slot > self.grace:
            return None
        if slot <= overdue_until and (self.catch_up or spec.catch_up) == "none":
            return None
        if spec.overlap != "allow" and running >= spec.max_instances:
            return None
        following = self.next_after(slot)
        if following is None or following > now:
            return Step((), slot, slot)
        if is_held or (self.catch_up or spec.catch_up) == "all":
            return None
        return self._coalesced(slot, following, now)

    def _coalesced(self, first: datetime, second: datetime, now: datetime) -> Step | None:
        """The step that runs the last slot up to `now`, and leaves out those before it; `None` if they are many."""
        before, last = first, second
        for count in range(1, MOST_COALESCED + 1):
            following = self.next_after(last)
            if following is None or following > now:
                left_out = Unrun(Status.SKIPPED, Reason.COALESCED, first, before, count, self.schedule)
                return Step((left_out,), last, last)
            before, last = last, following
        return None

    @property
    def may_decide_later(self) -> bool:
        """Whether slots that fall due now may be decided when the slot is taken that waits for its turn.

        They are coalesced with it then, once for all of them: where the service can't keep up, a decision at each would
        take the time in which slots could be sent. Only decisions that are quick and run a slot may be put off.
        """
        first = self.waiting[0] if self.is_offered and self.waiting else None
        is_last = (self.catch_up or self.job.spec.catch_up) == "last"
        return first is not None and first.run is not None and is_last and not self._may_leave_out

    def decide(
        self, now: datetime, running: int, unsent: int, *, overdue_until: datetime, is_held: bool, asks: bool
    ) -> tuple[Step, ...] | Question:
        """Decide on the slots up to `now` (see `admit`). With `asks`, a long decision is not made but returned."""
        step = self.quick_step(now, running, overdue_until=overdue_until, is_held=is_held)
        if step is not None:
            return (step,)
        question = Question(
            self.job.spec,
            self.schedule,
            paused_until=self.job.paused_until,
            running=running,
            cursor=self.decided,
            now=now,
            overdue_until=overdue_until,
            catch_up=self.catch_up,
            unsent=unsent,
            waits_for_database=is_held,
        )
        if not (asks and question.is_long):
            return question.answer()
        self.open = question
        return question

    def undecide(self) -> None:
        """Forget what is decided and not taken yet."""
        self.waiting.clear()
        self.decided, self.open, self.wanted = self.taken, None, None

    def hold_up(self, since: datetime) -> datetime | None:
        """Forget what is decided for slots after `since`, if they are not caught up on after a standstill. Returns the
        time up to which slots are to be decided again; `None` if none are.
        """
        until = self.asked_until
        is_undone = bool(self.waiting or self.open) and until > since
        if not is_undone or (self.catch_up or self.job.spec.catch_up) != "none":
            return None
        kept = [step for step in self.waiting if step.cursor <= since]
        self.undecide()
        self.waiting[:] = kept
        self.decided = kept[-1].cursor if kept else self.taken
        return until

    def skip(self, reason: Reason) -> None:
        """Have the first waiting slot, if there is one, recorded as skipped."""
        step = self.waiting[0] if self.waiting else None
        if step is not None and step.run is not None:
            skipped = Unrun(Status.SKIPPED, reason, step.run, step.run, 1, self.schedule)
            self.waiting[0] = Step((*step.unrun, skipped), None, step.cursor)

    @property
    def asked_until(self) -> datetime:
        """The time up to which slots are decided, or will be once the open decisions are made."""
        found = (self.decided, self.open.now if self.open else None, self.wanted)
        return max(one for one in found if one is not None)


@quick
@dataclass(frozen=True, slots=True)
class Taken:
    """A claim taken from the agenda, to be stored in the database."""

    claim: Claim
    job: Job
    host: str

    @property
    def lane(self) -> str:
        return lane_of(self.job.spec, self.host)
