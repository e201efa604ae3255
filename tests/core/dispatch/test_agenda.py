"""What is claimed when: turns, places, undone batches, jobs that change, and clocks that are set back."""

from dataclasses import replace

from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.history.execution import Cause
from tests.support.agendas import HOST, NOON, agenda, at, busy, claimed, minutely, once, over, told


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


class TestOverload:
    def test_slots_that_fall_due_behind_one_that_waits_are_coalesced_once_it_is_its_turn(self) -> None:
        one = agenda(minutely("a"), minutely("b"), permits=1, now=at(1))
        (first,) = claimed(one, at(1))
        for minute in (2, 3, 4):
            one.wake("b", at(minute))
        assert told([first]) == ["a: run 12:01"]
        over(one, first)
        assert told(claimed(one, at(4))) == ["b: skipped coalesced 3: 12:01-12:03, run 12:04"]

    def test_a_job_that_is_due_again_and_again_takes_no_turn_of_one_that_waits_longer(self) -> None:
        one = agenda(permits=1)
        holder: Taken | None = busy(one)
        one.arm(minutely("often"), at(1))
        one.arm(once("late", 1.5), at(2))
        for minute in (2, 3, 4):
            one.wake("often", at(minute))
        order: list[str] = []
        while holder is not None:
            over(one, holder)
            holder = next(iter(claimed(one, at(4))), None)
            order += told([holder]) if holder else []
        assert order == ["often: skipped coalesced 3: 12:01-12:03, run 12:04", "late: run 12:01"]
