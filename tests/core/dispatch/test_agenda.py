"""What is claimed when: turns, limits, decisions made anew; and the law that confirmed claims tile the schedule."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.dispatch.deciding import Question
from myscheduler.core.history.execution import Cause
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.exclusions import Excluded, exclusions
from tests.support.parts import job

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOST = "127.0.0.1:9"


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def minutely(job_id: str, **fields: Any) -> Job:
    """A job that was made at noon and is due every minute since."""
    return job(job_id, NOON, **({"interval": {"minutes": 1}} | fields))


def once(job_id: str, minutes: float, **fields: Any) -> Job:
    return job(job_id, NOON, run_at=at(minutes).isoformat(), **fields)


def agenda(*jobs: Job, permits: int = 10, now: datetime = NOON, asks: bool = False) -> Agenda:
    ids = count(1)
    made = Agenda(
        zone="UTC", permits=permits, permits_per_host=permits, new_id=lambda _moment: f"id-{next(ids)}", asks=asks
    )
    made.start(NOON)
    for one in jobs:
        made.arm(one, now)
    return made


def told(taken: Sequence[Taken]) -> list[str]:
    """Each claim in a line: `a: skipped coalesced 2: 12:01-12:02, run 12:03`."""

    def gap(gap: Unrun) -> str:
        return f"{gap.status} {gap.reason} {gap.count}: {gap.first:%H:%M}-{gap.last:%H:%M}"

    return [
        f"{one.claim.job_id}: "
        + ", ".join(
            [*map(gap, one.claim.unrun), *([f"run {one.claim.execution.slot:%H:%M}"] if one.claim.execution else [])]
        )
        for one in taken
    ]


def claimed(of: Agenda, now: datetime, at_most: int = 100) -> list[Taken]:
    """What is taken and stored, batch by batch, until nothing is left to take."""
    claimed: list[Taken] = []
    while batch := of.take(now, at_most):
        for one in batch:
            of.confirm(one)
        claimed += batch
    return claimed


def over(of: Agenda, *taken: Taken) -> None:
    """The executions among these are over, and that is recorded."""
    for one in taken:
        if one.claim.execution:
            of.leave(one.host)
            of.over(one.claim.job_id)
            of.end(one.claim.job_id)


def busy(of: Agenda) -> Taken:
    """All permits are held by one job, that is due at noon, as far as a single one is all."""
    of.arm(job("busy", at(-1), run_at=NOON.isoformat()), NOON)
    (holder,) = claimed(of, NOON)
    return holder


class TestTurns:
    def test_claims_come_in_the_order_in_which_they_fell_due(self) -> None:
        jobs = [once("c", 3), once("a", 1), once("b", 2, target_url="http://elsewhere/")]
        assert told(claimed(agenda(*jobs, now=at(3)), at(3))) == ["a: run 12:01", "b: run 12:02", "c: run 12:03"]

    def test_a_claim_says_what_is_stored_with_it(self) -> None:
        one = replace(minutely("a"), version=7)
        (taken,) = agenda(one, now=at(3)).take(at(3.5), 100)
        claim, execution = taken.claim, taken.claim.execution
        assert (taken.job, taken.host) == (one, HOST)
        assert (claim.version, claim.digest, claim.cursor, claim.next_slot) == (7, one.digest, at(3), at(4))
        assert execution is not None
        assert (execution.execution_id, execution.slot, execution.started_at) == ("id-1", at(3), at(3.5))

    def test_slots_from_the_start_on_are_on_time_and_those_before_are_caught_up_on(self) -> None:
        one = agenda(minutely("a"), now=at(1))
        one.start(at(1))
        (late,) = claimed(one, at(1))
        over(one, late)
        one.wake("a", at(2))
        (punctual,) = claimed(one, at(2))
        assert [taken.claim.execution and taken.claim.execution.cause for taken in (late, punctual)] == [
            Cause.CATCH_UP,
            Cause.TIMER,
        ]

    def test_no_more_are_on_their_way_than_there_are_places(self) -> None:
        one = agenda(*(once(name, 1) for name in "abc"), permits=2, now=at(1))
        first = claimed(one, at(1))  # of two permits a host may hold one
        assert told(first) == ["a: run 12:01"]
        one.leave(HOST)
        assert told(claimed(one, at(1))) == ["b: run 12:01"]

    def test_a_host_has_its_places_once_however_it_is_spelled(self) -> None:
        urls = {"a": "http://t.test/", "b": "http://T.test:80/", "c": "http://t.test./x"}
        one = agenda(*(once(name, 1, target_url=url) for name, url in urls.items()), permits=2, now=at(1))
        assert told(claimed(one, at(1))) == ["a: run 12:01"]

    def test_no_more_are_taken_at_once_than_asked_for(self) -> None:
        one = agenda(*(once(name, 1) for name in "abc"), now=at(1))
        assert [told(one.take(at(1), 1)) for _ in range(4)] == [
            ["a: run 12:01"],
            ["b: run 12:01"],
            ["c: run 12:01"],
            [],
        ]

    def test_a_further_attempt_waits_for_its_turn_among_the_jobs(self) -> None:
        one = agenda(permits=1)
        busy(one)
        one.arm(once("a", 2), at(2))
        went: list[str] = []
        one.queue(HOST, at(1), lambda: went.append("again"))
        assert one.take(at(2), 100) == []
        assert went == []
        one.leave(HOST)
        assert told(claimed(one, at(2))) == []
        assert went == ["again"]
        one.leave(HOST)
        assert told(claimed(one, at(2))) == ["a: run 12:02"]

    def test_the_places_of_an_undone_or_refused_batch_come_back(self) -> None:
        one = agenda(minutely("a"), once("b", 1), permits=1, now=at(1))
        one.undo(one.take(at(1), 100), at(1))
        (refused,) = one.take(at(1), 100)
        one.give_up(refused)
        assert len(one.take(at(1), 100)) == 1

    def test_a_job_of_which_nothing_is_due_costs_nothing(self) -> None:
        one = agenda(minutely("a"), minutely("b", paused=True))
        one.wake("a", at(0.5))
        one.wake("nobody", at(5))
        assert one.take(at(0.5), 100) == []
        assert (one._armed["a"].waiting, one._to_record, one._lanes._lanes) == ([], type(one._to_record)(), {})


class TestDecisions:
    def test_as_many_instances_as_the_job_allows(self) -> None:
        one = agenda(minutely("a", max_instances=2, coalesce=False), now=at(4))
        first = claimed(one, at(4))
        assert told(first) == ["a: run 12:01", "a: run 12:02"]
        over(one, first[0])
        assert told(claimed(one, at(4))) == ["a: run 12:03"]

    def test_a_slot_beyond_them_is_skipped(self) -> None:
        one = agenda(minutely("a", max_instances=2))
        for minutes, expected in [(1, "a: run 12:01"), (2, "a: run 12:02"), (3, "a: skipped overlap 1: 12:03-12:03")]:
            one.wake("a", at(minutes))
            assert told(claimed(one, at(minutes))) == [expected]

    def test_an_execution_of_an_earlier_process_counts_as_one(self) -> None:
        one = agenda()
        one.begin("a")
        one.arm(minutely("a"), at(1))
        assert told(claimed(one, at(1))) == ["a: skipped overlap 1: 12:01-12:01"]
        one.over("a")
        one.end("a")
        one.wake("a", at(2))
        assert told(claimed(one, at(2))) == ["a: run 12:02"]

    def test_what_waits_is_due_together_with_what_follows(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a"), NOON)
        for minutes in (1, 2, 3):
            one.wake("a", at(minutes))
            assert one.take(at(minutes), 100) == []
        over(one, holder)
        assert told(claimed(one, at(3))) == ["a: skipped coalesced 2: 12:01-12:02, run 12:03"]

    def test_it_keeps_the_turn_of_its_oldest_slot(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a"), at(1))
        one.arm(once("b", 2), at(2))
        one.wake("a", at(3))
        over(one, holder)
        assert told(claimed(one, at(3))) == ["a: skipped coalesced 2: 12:01-12:02, run 12:03"]

    def test_without_coalesce_each_waits_for_itself(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", coalesce=False, max_instances=5), NOON)
        for minutes in (1, 2):
            one.wake("a", at(minutes))
        over(one, holder)
        for slot in ("12:01", "12:02"):
            (taken,) = claimed(one, at(2))
            assert told([taken]) == [f"a: run {slot}"]
            over(one, taken)

    def test_waking_a_job_twice_changes_nothing(self) -> None:
        one = agenda(minutely("a"))
        for _ in range(2):
            one.wake("a", at(1))
        assert told(claimed(one, at(1))) == ["a: run 12:01"]
        one.wake("a", at(1))
        assert claimed(one, at(1)) == []

    def test_what_runs_nothing_needs_no_place(self) -> None:
        one = agenda(permits=1)
        busy(one)
        one.arm(minutely("a", paused=True), at(2))
        assert told(claimed(one, at(2))) == ["a: skipped paused 2: 12:01-12:02"]

    def test_what_runs_nothing_for_one_reason_is_one_claim_however_long_it_waits(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", coalesce=False, misfire_grace_time=86_400), NOON)
        for minutes in range(1, 101):
            one.wake("a", at(minutes))
        assert len(one._armed["a"].waiting) == 2
        over(one, holder)
        assert told(claimed(one, at(100))) == ["a: run 12:01", "a: skipped overlap 99: 12:02-13:40"]

    def test_a_slot_that_waited_too_long_for_its_turn_is_missed(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", misfire_grace_time=90), NOON)
        for minutes in (1, 2, 3):
            one.wake("a", at(minutes))
        over(one, holder)
        missed = "a: missed deadline 1: 12:01-12:01"
        assert told(claimed(one, at(3))) == [f"{missed}, skipped coalesced 1: 12:02-12:02, run 12:03"]

    @pytest.mark.parametrize(("seconds", "expected"), [(60, "a: run 12:01"), (61, "a: missed deadline 1: 12:01-12:01")])
    def test_grace_includes_its_last_second(self, seconds: int, expected: str) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(once("a", 1, misfire_grace_time=60), at(1))
        over(one, holder)
        now = at(1) + seconds * SECOND
        assert told(one.take(now, 100) or one.take(now, 100)) == [expected]

    def test_what_waited_too_long_is_taken_as_missed_at_once(self) -> None:
        """Who takes until nothing is left has all: nobody else would come to look."""
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(once("a", 1, misfire_grace_time=60), at(1))
        over(one, holder)
        assert told(one.take(at(5), 100)) == ["a: missed deadline 1: 12:01-12:01"]
        assert told(claimed(one, at(5))) == []

    def test_a_place_that_a_missed_slot_did_not_need_goes_to_the_next(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(once("a", 1, misfire_grace_time=60), at(1))
        one.arm(once("b", 2), at(2))
        over(one, holder)
        assert sorted(told(claimed(one, at(5)))) == ["a: missed deadline 1: 12:01-12:01", "b: run 12:02"]


class TestUndo:
    def test_within_grace_it_is_decided_again(self) -> None:
        one = agenda(minutely("a"), now=at(1))
        one.undo(one.take(at(1), 100), at(1))
        assert told(claimed(one, at(1))) == ["a: run 12:01"]

    def test_beyond_grace_it_is_missed(self) -> None:
        one = agenda(minutely("a", misfire_grace_time=60), now=at(1))
        one.undo(one.take(at(1), 100), at(2.5))
        assert told(claimed(one, at(2.5))) == ["a: missed deadline 1: 12:01-12:01, run 12:02"]

    def test_several_slots_of_a_job_in_one_batch(self) -> None:
        one = agenda(minutely("a", coalesce=False, max_instances=2), now=at(3))
        batch = one.take(at(3), 100)
        assert told(batch) == ["a: run 12:01", "a: run 12:02"]
        one.undo(batch, at(3))
        assert told(claimed(one, at(3))) == ["a: run 12:01", "a: run 12:02"]

    def test_it_goes_back_to_the_last_confirmed_batch_and_no_further(self) -> None:
        one = agenda(minutely("a", coalesce=False, max_instances=9), permits=30, now=at(4))
        (first,) = one.take(at(4), 1)
        one.confirm(first)
        second = one.take(at(4), 2)
        one.undo(second, at(4))
        assert told(one.take(at(4), 100)) == ["a: run 12:02", "a: run 12:03", "a: run 12:04"]

    def test_a_slot_that_came_in_between_is_decided_with_it(self) -> None:
        one = agenda(minutely("a"), now=at(1))
        batch = one.take(at(1), 100)
        one.wake("a", at(2))
        one.undo(batch, at(2))
        assert told(claimed(one, at(2))) == ["a: missed database 1: 12:01-12:01, run 12:02"]

    def test_gaps_alone_are_decided_again_too(self) -> None:
        one = agenda(minutely("a", paused=True), now=at(2))
        one.undo(one.take(at(2), 100), at(3))
        assert told(claimed(one, at(3))) == ["a: skipped paused 3: 12:01-12:03"]

    def test_a_job_that_was_removed_meanwhile_is_left_alone(self) -> None:
        one = agenda(minutely("a"), permits=1, now=at(1))
        batch = one.take(at(1), 100)
        one.disarm("a")
        one.undo(batch, at(1))
        assert one.find("a") is None
        assert claimed(one, at(1)) == []
        one.arm(once("b", 1), at(1))
        assert told(claimed(one, at(1))) == ["b: run 12:01"]

    def test_a_slot_ahead_of_a_clock_that_was_set_back_is_decided_again(self) -> None:
        """Its timer has rung and won't ring again."""
        one = agenda(once("a", 1))
        one.wake("a", at(1))
        batch = one.take(at(0.9), 100)
        assert told(batch) == ["a: run 12:01"]
        one.undo(batch, at(0.95))
        assert told(claimed(one, at(0.95))) == ["a: run 12:01"]


class TestDatabaseInTheWay:
    """What the database keeps from being sent did not overlap with anything."""

    def test_slots_that_fall_due_while_a_claim_waits_to_be_stored(self) -> None:
        one = agenda(minutely("a"), now=at(1))
        (first,) = one.take(at(1), 100)
        for minutes in (2, 3):
            one.wake("a", at(minutes))
        assert told(one.take(at(3), 100)) == ["a: missed database 2: 12:02-12:03"]
        one.confirm(first)
        one.wake("a", at(4))
        assert told(one.take(at(4), 100)) == ["a: skipped overlap 1: 12:04-12:04"]

    def test_an_execution_that_is_under_way_overlaps_all_the_same(self) -> None:
        one = agenda(minutely("a", max_instances=2, coalesce=False), now=at(1))
        claimed(one, at(1))
        one.wake("a", at(2))
        one.take(at(2), 100)
        one.wake("a", at(3))
        assert told(one.take(at(3), 100)) == ["a: missed database 1: 12:03-12:03"]
        one = agenda(minutely("a", max_instances=2, coalesce=False), now=at(1))
        claimed(one, at(1))
        one.wake("a", at(2))
        claimed(one, at(2))
        one.wake("a", at(3))
        one.is_database_well = False
        assert told(one.take(at(3), 100)) == ["a: skipped overlap 1: 12:03-12:03"]

    @pytest.mark.parametrize("coalesce", [True, False])
    def test_a_slot_waits_until_the_end_before_it_is_recorded(self, coalesce: bool) -> None:
        one = agenda(minutely("a", coalesce=coalesce), now=at(1))
        claimed(one, at(1))
        one.leave(HOST)
        one.over("a")
        one.wake("a", at(2))
        assert one.take(at(2), 100) == []
        one.end("a")
        assert told(claimed(one, at(2))) == ["a: run 12:02"]

    @pytest.mark.parametrize(
        ("coalesce", "expected"),
        [
            (True, ["a: missed database 2: 12:02-12:03, run 12:04"]),
            (False, ["a: run 12:02", "a: missed database 2: 12:03-12:04"]),
        ],
    )
    def test_slots_that_fall_due_while_an_end_waits_to_be_recorded(self, coalesce: bool, expected: list[str]) -> None:
        one = agenda(minutely("a", coalesce=coalesce), now=at(1))
        claimed(one, at(1))
        one.leave(HOST)
        one.over("a")
        for minutes in (2, 3, 4):
            one.wake("a", at(minutes))
        one.end("a")
        assert told(claimed(one, at(4))) == expected

    @pytest.mark.parametrize("coalesce", [True, False])
    def test_slots_that_fall_due_while_nothing_can_be_claimed(self, coalesce: bool) -> None:
        one = agenda(minutely("a", coalesce=coalesce), now=at(1))
        one.undo(one.take(at(1), 100), at(1))
        one.is_database_well = False
        for minutes in (2, 3):
            one.wake("a", at(minutes))
        one.is_database_well = True
        gone = "a: missed database 2: 12:01-12:02, run 12:03"
        assert told(claimed(one, at(3))) == (
            [gone] if coalesce else ["a: run 12:01", "a: missed database 2: 12:02-12:03"]
        )

    def test_what_waits_for_its_turn_does_not_wait_for_the_database(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", coalesce=False), at(1))
        one.wake("a", at(2))
        over(one, holder)
        assert told(claimed(one, at(2))) == ["a: run 12:01", "a: skipped overlap 1: 12:02-12:02"]


class TestChanges:
    def test_a_changed_job_drops_what_waited(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        before = minutely("a")
        one.arm(before, at(1))
        one.arm(replace(before, version=before.version + 1, cursor=at(1)), at(1))
        over(one, holder)
        assert claimed(one, at(1)) == []
        one.wake("a", at(2))
        (taken,) = claimed(one, at(2))
        assert (told([taken]), taken.claim.version) == (["a: run 12:02"], before.version + 1)

    def test_a_claim_of_the_job_before_its_change_does_not_move_the_new_cursor(self) -> None:
        before = minutely("a", max_instances=2)
        one = agenda(before, now=at(3))
        (stale,) = one.take(at(3), 100)
        one.arm(replace(before, version=before.version + 1), at(3))
        one.confirm(stale)
        batch = one.take(at(3), 100)
        one.undo(batch, at(3))
        assert told(claimed(one, at(3))) == ["a: missed database 2: 12:01-12:02, run 12:03"]

    def test_a_removed_job_drops_what_waited(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a"), at(1))
        one.disarm("a")
        over(one, holder)
        assert claimed(one, at(1)) == []
        assert one.find("a") is None

    def test_a_job_that_moves_to_another_host_gives_its_place_back_where_it_had_it(self) -> None:
        before = once("a", 1)
        one = agenda(before, permits=1, now=at(1))
        (taken,) = claimed(one, at(1))
        one.arm(once("a", 2, target_url="http://elsewhere/"), at(1))
        over(one, taken)
        one.wake("a", at(2))
        assert [one.host for one in claimed(one, at(2))] == ["elsewhere"]


class TestClose:
    def test_nothing_more_is_taken(self) -> None:
        one = agenda(minutely("a"), minutely("b", paused=True), now=at(1))
        one.close()
        one.wake("a", at(2))
        one.wake("b", at(2))
        assert one.take(at(2), 100) == []

    def test_further_attempts_still_go_on(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a"), at(1))
        went: list[str] = []
        one.queue(HOST, NOON, lambda: went.append("again"))
        one.queue(HOST, at(2), lambda: went.append("later"))
        one.close()
        over(one, holder)
        assert one.take(at(1), 100) == []
        assert went == ["again"]
        one.leave(HOST)
        assert one.take(at(1), 100) == []
        assert went == ["again", "later"]


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


DARK = {"blackout": [{"cron": f"{minute}-59/7 * * * *", "duration": "PT40S"} for minute in range(5)]}
"""More than is decided at once."""

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
    assert (played.agenda._in_flight.total(), played.agenda._lanes._free) == (0, permits)


class TestClockSetBack:
    def test_what_waits_for_a_time_that_has_not_come_is_forgotten(self) -> None:
        one = agenda(minutely("a", overlap="queue"), now=at(1))
        (running,) = claimed(one, at(1))
        one.wake("a", at(600))
        assert one.rewind(at(2)) == ["a"]
        over(one, running)
        assert claimed(one, at(2)) == []
        one.wake("a", at(2))
        assert told(claimed(one, at(2))) == ["a: run 12:02"]

    def test_what_is_stored_already_is_told_too(self) -> None:
        one = agenda(minutely("a"), minutely("b"), now=at(1))
        claimed(one, at(1))
        assert one.rewind(at(0.5)) == []
        assert one.rewind(at(-1)) == ["a", "b"]

    def test_slots_after_it_are_on_time(self) -> None:
        one = agenda(minutely("a", catchup="none"))
        one.start(at(600))
        one.rewind(at(0.5))
        one.wake("a", at(1))
        (taken,) = claimed(one, at(1))
        assert taken.claim.execution is not None
        assert taken.claim.execution.cause is Cause.TIMER


class TestQuestions:
    """Long decisions, which are made elsewhere."""

    def test_arming_and_waking_only_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looked = list[object]()

        def look(*asked: Any) -> Iterator[Excluded]:
            looked.append(asked)
            return exclusions(*asked)

        monkeypatch.setattr("myscheduler.core.history.unrun.exclusions", look)
        of = agenda(minutely("a", **DARK), now=at(600), asks=True)
        of.wake("a", at(601))
        assert (of.has_questions, claimed(of, at(601)), looked) == (True, [], [])
        (question,) = of.take_questions()
        of.decided(question, question.answer())
        assert looked

    def test_what_falls_due_meanwhile_is_decided_next(self) -> None:
        of = agenda(minutely("a", blackout=[{"cron": "0 0 * * *", "duration": "PT1H"}]), now=at(3), asks=True)
        (question,) = of.take_questions()
        of.wake("a", at(4))
        assert not of.has_questions
        of.decided(question, question.answer())
        assert told(claimed(of, at(4))) == [
            "a: skipped coalesced 2: 12:01-12:02, run 12:03",
            "a: skipped overlap 1: 12:04-12:04",
        ]

    def test_an_answer_for_a_job_that_changed_is_dropped(self) -> None:
        one = minutely("a", **DARK)
        of = agenda(one, now=at(3), asks=True)
        (question,) = of.take_questions()
        of.arm(replace(one, version=one.version + 1, cursor=at(3)), at(3))
        of.decided(question, question.answer())
        assert claimed(of, at(3)) == []

    def test_few_blackouts_and_one_slot_are_decided_at_once(self) -> None:
        of = agenda(minutely("a", blackout=[{"cron": "0 0 * * *", "duration": "PT1H"}]), now=at(1), asks=True)
        assert (of.has_questions, told(claimed(of, at(1)))) == (False, ["a: run 12:01"])


def test_a_slot_behind_a_mere_record_wants_a_place_once_that_is_taken() -> None:
    dark = [{"from": at(2).isoformat(), "to": at(3).isoformat()}]
    one = agenda(minutely("a", overlap="replace", catchup="none", blackout=dark), now=at(1))
    claimed(one, at(1))
    one.wake("a", at(2))
    one.wake("a", at(3))
    assert one.take_crowded() == set()
    (record,) = claimed(one, at(3))
    assert record.claim.execution is None
    assert one.take_crowded() == {"a"}


def test_a_job_that_is_read_again_keeps_the_wish_to_catch_up() -> None:
    one = agenda(replace(minutely("a"), catch_up="all"), now=at(3))
    one.arm(minutely("a"), at(3))
    (first,) = claimed(one, at(3))
    assert told([first]) == ["a: run 12:01"]
    over(one, first)
    one.arm(replace(minutely("a"), version=minutely("a").version + 1, cursor=at(1)), at(3))
    assert told(claimed(one, at(3))) == ["a: skipped coalesced 1: 12:02-12:02, run 12:03"]


class TestHeldUp:
    """What falls due while the service can't run it is decided as after a downtime."""

    def test_none_runs_nothing_of_the_pause_and_all_that_follows(self) -> None:
        one = agenda(minutely("a", catchup="none"))
        one.held_up(at(0.5), at(3.5))
        one.wake("a", at(3.5))
        assert told(claimed(one, at(3.5))) == ["a: missed catchup 3: 12:01-12:03"]
        one.wake("a", at(4))
        assert told(claimed(one, at(4))) == ["a: run 12:04"]

    @pytest.mark.parametrize(
        ("catch_up", "run"),
        [
            pytest.param("last", ["a: skipped coalesced 2: 12:01-12:02, run 12:03"], id="last"),
            pytest.param("all", ["a: run 12:01", "a: run 12:02", "a: run 12:03"], id="all"),
        ],
    )
    def test_others_catch_up(self, catch_up: str, run: list[str]) -> None:
        one = agenda(minutely("a", catchup=catch_up, overlap="allow"))
        one.held_up(at(0.5), at(3.5))
        one.wake("a", at(3.5))
        caught_up = claimed(one, at(3.5))
        assert told(caught_up) == run
        assert {taken.claim.execution.cause for taken in caught_up if taken.claim.execution} == {Cause.CATCH_UP}

    def test_a_slot_that_waits_its_turn_is_no_downtime(self) -> None:
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", catchup="none"), at(1))
        one.held_up(at(1.5), at(3.5))
        one.wake("a", at(3.5))
        over(one, holder)
        taken = claimed(one, at(3.5))
        assert told(taken) == ["a: run 12:01", "a: missed catchup 2: 12:02-12:03"]

    def test_a_slot_that_waits_its_turn_for_long_runs(self) -> None:
        """Also where its job is read anew meanwhile: the service was there all the time."""
        one = agenda(permits=1)
        holder = busy(one)
        waiting = minutely("a", catchup="none", interval={"hours": 1}, anchor=at(-59).isoformat())
        one.arm(waiting, at(1))
        one.arm(replace(waiting, version=waiting.version + 1), at(9))
        over(one, holder)
        assert told(claimed(one, at(9))) == ["a: run 12:01"]

    def test_what_was_decided_during_the_pause_is_decided_anew(self) -> None:
        """As while the database was away: nothing could be claimed, though it was all decided."""
        one = agenda(permits=1)
        holder = busy(one)
        one.arm(minutely("a", catchup="none", overlap="allow"), at(1))
        one.wake("a", at(2))
        one.wake("a", at(3))
        one.held_up(at(1.5), at(3.5))
        over(one, holder)
        assert told(claimed(one, at(3.5))) == ["a: run 12:01", "a: missed catchup 2: 12:02-12:03"]

    @given(
        st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=12),
        st.sampled_from(["none", "last", "all"]),
    )
    def test_each_slot_is_told_once_and_none_runs_that_fell_into_a_pause(
        self, steps: list[tuple[int, bool]], catch_up: str
    ) -> None:
        one = agenda(minutely("a", catchup=catch_up, overlap="allow"), permits=1_000)
        minute, seen = 0, []
        slept: set[int] = set()
        for minutes, is_pause in steps:
            before, minute = minute, minute + minutes
            if is_pause:
                slept.update(range(before + 1, minute + 1))
                one.held_up(at(before + 0.5), at(minute + 0.25))
            one.wake("a", at(minute + 0.25))
            taken = claimed(one, at(minute + 0.25))
            seen += [number for claim in taken for number in _minutes(claim)]
            ran = {_minute(claim.claim.execution.slot) for claim in taken if claim.claim.execution}
            assert catch_up != "none" or not (ran & slept)
        assert seen == list(range(1, minute + 1))


def _minute(moment: datetime) -> int:
    return (moment - NOON) // MINUTE


def _minutes(taken: Taken) -> list[int]:
    """The slots that a claim tells of, in their order."""
    gaps = [_minute(gap.first) + n for gap in taken.claim.unrun for n in range(gap.count)]
    return [*gaps, *([_minute(taken.claim.execution.slot)] if taken.claim.execution else [])]
