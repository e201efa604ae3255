"""What becomes of the slots of a job: decided at once or elsewhere, anew after a wait, and as after a downtime."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.history.execution import Cause
from myscheduler.core.schedule.exclusions import Excluded, exclusions
from tests.support.agendas import (
    DARK,
    HOST,
    MINUTE,
    NOON,
    SECOND,
    agenda,
    at,
    busy,
    claimed,
    minutely,
    once,
    over,
    told,
)


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
