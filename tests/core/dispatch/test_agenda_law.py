"""The law that confirmed claims tile the schedule, whatever happens between them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.armed import Armed, Taken
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.job.job import Job
from tests.support.agendas import DARK, MINUTE, NOON, SECOND, agenda, at, minutely, over, told


def _slots(taken: Taken) -> list[datetime]:
    """The slots that a claim of a minutely job deals with."""
    of_gaps = [gap.first + number * MINUTE for gap in taken.claim.unrun for number in range(gap.count)]
    assert all(gap.last == gap.first + (gap.count - 1) * MINUTE for gap in taken.claim.unrun)
    return of_gaps + ([taken.claim.execution.slot] if taken.claim.execution else [])


class Played:
    """An agenda, the cursors as the database would hold them, and what was recorded."""

    def __init__(self, jobs: Sequence[Job], permits: int, *, asks: bool) -> None:
        self.now = NOON
        self.questions: list[Question] = []
        self.agenda = agenda(*jobs, permits=permits, asks=asks)
        self.jobs = {one.job_id: one for one in jobs}
        self.recorded: dict[str, list[datetime]] = {one.job_id: [] for one in jobs}
        self.batch: list[Taken] = []
        self.under_way: list[Taken] = []
        self.story: list[str] = []
        """What was stored, in order."""

    def pass_by(self, number: int) -> None:
        self.now += number * 20 * SECOND

    def wake(self, number: int) -> None:
        self.agenda.wake(sorted(self.jobs)[number % len(self.jobs)], self.now)

    def take(self, number: int) -> None:
        if not self.batch:
            self.batch = self.agenda.take(self.now, number)

    def store(self, _number: int) -> None:
        """What was decided on an older version is refused, as the database does it."""
        for one in self.batch:
            job = self.jobs[one.claim.job_id]
            if one.claim.version != job.version:
                self.agenda.give_up(one)
                continue
            assert one.claim.cursor is not None
            self.agenda.confirm(one)
            self.story += told([one])
            self.recorded[job.job_id] += _slots(one)
            self.jobs[job.job_id] = replace(job, cursor=one.claim.cursor)
            self.under_way += [one] if one.claim.execution else []
            assert sum(other.claim.job_id == job.job_id for other in self.under_way) <= job.spec.max_instances
        self.batch = []

    def undo(self, _number: int) -> None:
        self.agenda.undo(self.batch, self.now)
        self.batch = []

    def end(self, number: int) -> None:
        if self.under_way:
            over(self.agenda, self.under_way.pop(number % len(self.under_way)))

    def decide(self, number: int) -> None:
        """One of the long decisions is made, not always the oldest."""
        self.questions += self.agenda.take_questions()
        if self.questions:
            question = self.questions.pop(number % len(self.questions))
            self.agenda.decided(question, question.answer())

    def held_up(self, number: int) -> None:
        self.agenda.held_up(self.now - number * 20 * SECOND, self.now)

    def change(self, number: int) -> None:
        job = self.jobs[sorted(self.jobs)[number % len(self.jobs)]]
        self.jobs[job.job_id] = replace(job, version=job.version + 1)
        self.agenda.arm(self.jobs[job.job_id], self.now)

    def settle(self) -> None:
        """Until nothing is left to do."""
        self.store(0)
        for job_id in self.jobs:
            self.agenda.wake(job_id, self.now)
        still = 2
        while still:
            self.take(100)
            self.decide(0)
            still = still if self.batch or self.under_way or self.questions else still - 1
            self.store(0)
            self.end(0)


_MOVES: list[Callable[[Played, int], None]] = [
    Played.pass_by, Played.pass_by, Played.wake, Played.wake, Played.take, Played.take,
    Played.store, Played.store, Played.undo, Played.end, Played.change, Played.decide, Played.held_up,
]  # fmt: skip


@given(
    permits=st.integers(1, 4),
    asks=st.booleans(),
    coalesce=st.booleans(),
    max_instances=st.integers(1, 3),
    grace=st.sampled_from([1, 60, 90, 3600]),
    moves=st.lists(st.tuples(st.sampled_from(_MOVES), st.integers(1, 9)), max_size=50),
)
def test_whatever_happens_each_slot_is_recorded_once_and_in_order(
    permits: int,
    asks: bool,
    coalesce: bool,
    max_instances: int,
    grace: int,
    moves: list[tuple[Callable[[Played, int], None], int]],
) -> None:
    fields = {"coalesce": coalesce, "max_instances": max_instances, "misfire_grace_time": grace}
    played = Played(
        [
            minutely("a", **fields, **DARK),
            minutely("b", **fields),
            minutely("c", paused=True),
            minutely("d", coalesce=False, **DARK),
            minutely("e", catchup="none", **DARK),
        ],
        permits,
        asks=asks,
    )
    for move, number in moves:
        move(played, number)
    played.settle()
    due = [at(number) for number in range(1, (played.now - NOON) // MINUTE + 1)]
    assert played.recorded == dict.fromkeys("abcde", due)
    assert (sum(played.agenda._counts._in_flight.values()), played.agenda._lanes._free) == (0, permits)


@given(
    permits=st.integers(1, 3),
    max_instances=st.integers(1, 2),
    grace=st.sampled_from([1, 90, 3600]),
    moves=st.lists(st.tuples(st.sampled_from(_MOVES), st.integers(1, 9)), max_size=60),
)
def test_slots_that_are_decided_together_when_their_turn_comes_are_decided_as_at_each(
    permits: int, max_instances: int, grace: int, moves: list[tuple[Callable[[Played, int], None], int]]
) -> None:
    fields = {"max_instances": max_instances, "misfire_grace_time": grace}
    jobs = [minutely("a", **fields), minutely("b", **fields), minutely("c", coalesce=False), minutely("d")]
    together, at_each = Played(jobs, permits, asks=False), Played(jobs, permits, asks=False)
    for move, number in moves:
        move(together, number)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Armed, "may_decide_later", False)
            move(at_each, number)
        assert together.story == at_each.story
