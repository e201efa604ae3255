"""Claims of slots and of manual runs, each accepted once, and how executions end."""

from dataclasses import replace
from functools import partial

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Finish, Kind, QueuedRun, Status
from myscheduler.core.history.repeats import Kept
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.lifecycle.audit import Cancellation, of_cancellation
from myscheduler.core.reason import Reason
from myscheduler.errors import TriggerConflictError
from tests.support.parts import job
from tests.support.stored import HOUR, NOW, claim, found, history, run, skip, stored

pytestmark = pytest.mark.anyio


class TestClaim:
    async def test_a_claim_is_recorded_and_moves_the_cursor_and_the_count(self, store: Store) -> None:
        new = await stored(store)
        assert await claim(store, run(new, NOW + HOUR)) == [True]
        (row,) = await history(store)
        assert (row.status, row.slot, row.kind, row.attempts) == (Status.RUNNING, NOW + HOUR, Kind.SCHEDULED, 0)
        after = await found(store)
        assert (after.cursor, after.next_slot, after.execution_count) == (NOW + HOUR, NOW + 2 * HOUR, 1)
        assert after.version == new.version

    @pytest.mark.parametrize("shift", [-1, 1])
    async def test_a_decision_on_another_version_changes_nothing(self, store: Store, shift: int) -> None:
        new = await stored(store)
        stale = run(new, NOW + HOUR)
        stale = Claim(
            stale.job_id, stale.version + shift, stale.digest, None, (), stale.execution, stale.cursor, stale.next_slot
        )
        assert await claim(store, stale) == [False]
        assert await history(store) == []
        assert await found(store) == new

    async def test_a_job_that_is_gone_is_refused(self, store: Store) -> None:
        assert await claim(store, run(job("a", NOW), NOW + HOUR)) == [False]
        assert await history(store) == []

    async def test_a_slot_runs_once(self, store: Store) -> None:
        new = await stored(store)
        first, second = run(new, NOW + HOUR), run(new, NOW + HOUR)
        assert await claim(store, first) == [True]
        assert await claim(store, second) == [False]
        assert [row.execution_id for row in await history(store)] == [first.execution and first.execution.execution_id]
        assert (await found(store)).execution_count == 1

    async def test_a_slot_that_is_claimed_twice_in_one_transaction_runs_once(self, store: Store) -> None:
        new = await stored(store)
        assert sorted(await claim(store, run(new, NOW + HOUR), run(new, NOW + HOUR))) == [False, True]
        assert len(await history(store)) == 1
        assert (await found(store)).execution_count == 1

    async def test_a_manual_run_beside_a_slot_of_the_same_moment(self, store: Store) -> None:
        new = await stored(store)
        both = (run(new, NOW + HOUR), run(new, NOW + HOUR, kind=Kind.MANUAL))
        assert await claim(store, *both) == [True, True]
        after = await found(store)
        assert (after.execution_count, after.cursor) == (2, NOW + HOUR)

    async def test_several_steps_of_a_job_move_its_cursor_in_their_order(self, store: Store) -> None:
        new = await stored(store)
        steps = (run(new, NOW + HOUR), skip(new, NOW + 2 * HOUR, NOW + 3 * HOUR, 2), run(new, NOW + 4 * HOUR))
        assert await claim(store, *steps[:2]) == [True, True]
        first = await found(store)
        assert (first.cursor, first.next_slot, first.execution_count) == (NOW + 3 * HOUR, NOW + 4 * HOUR, 1)
        manual = run(new, NOW + 5 * HOUR, kind=Kind.MANUAL)
        assert await claim(store, steps[2], manual) == [True, True]
        last = await found(store)
        assert (last.cursor, last.next_slot, last.execution_count) == (NOW + 4 * HOUR, NOW + 5 * HOUR, 3)

    async def test_a_manual_run_leaves_the_cursor_alone(self, store: Store) -> None:
        new = await stored(store)
        assert await claim(store, run(new, NOW + HOUR, kind=Kind.MANUAL)) == [True]
        after = await found(store)
        assert (after.cursor, after.next_slot, after.execution_count) == (new.cursor, new.next_slot, 1)

    async def test_one_refused_claim_does_not_hinder_the_others(self, store: Store) -> None:
        jobs = [await stored(store, name) for name in "abc"]
        gone = job("gone", NOW)
        claims = [run(one, NOW + HOUR) for one in (jobs[0], gone, jobs[1], jobs[2])]
        assert await claim(store, *claims) == [True, False, True, True]
        assert [len(await history(store, name)) for name in ("a", "b", "c", "gone")] == [1, 1, 1, 0]

    async def test_claims_of_a_commit_whose_answer_was_lost_are_accepted_again_and_change_nothing(
        self, store: Store
    ) -> None:
        a, b, c, d = [await stored(store, name) for name in "abcd"]
        await claim(store, skip(b, NOW + HOUR, NOW + HOUR, 1))
        missed = Unrun(Status.MISSED, Reason.DEADLINE, NOW + HOUR, NOW + 3 * HOUR, 3)
        claims = [
            run(a, NOW + 4 * HOUR, unrun=(missed,)),
            skip(b, NOW + 2 * HOUR, NOW + 3 * HOUR, 2),
            run(c, NOW + HOUR, kind=Kind.MANUAL),
            run(d, NOW + HOUR),
            run(d, NOW + 2 * HOUR),
        ]
        assert await claim(store, *claims) == [True] * 5
        jobs = await store.read(job_rows.all_jobs)
        rows = [await history(store, name) for name in "abcd"]
        assert [[row.slot_count for row in of_job] for of_job in rows] == [[3, 1], [3], [1], [1, 1]]
        assert [one.execution_count for one in jobs] == [1, 0, 1, 2]
        assert await claim(store, *claims) == [True] * 5
        assert await store.read(job_rows.all_jobs) == jobs
        assert [await history(store, name) for name in "abcd"] == rows

    async def test_new_claims_beside_repeated_ones_are_counted(self, store: Store) -> None:
        new = await stored(store)
        old = [run(new, NOW + HOUR), run(new, NOW + 1.5 * HOUR, kind=Kind.MANUAL)]
        await claim(store, *old)
        more = [run(new, NOW + 2 * HOUR), run(new, NOW + 2.5 * HOUR, kind=Kind.MANUAL)]
        assert await claim(store, *old, *more) == [True] * 4
        after = await found(store)
        assert (after.execution_count, after.cursor) == (4, NOW + 2 * HOUR)
        assert len(await history(store)) == 4

    async def test_a_repeated_claim_that_ended_meanwhile_keeps_its_end(self, store: Store) -> None:
        new = await stored(store)
        one = run(new, NOW + HOUR)
        await claim(store, one)
        assert one.execution is not None
        ids = [one.execution.execution_id]
        await store.write(partial(claim_rows.interrupt, execution_ids=ids, reason=Reason.DATABASE, now=NOW))
        (before,) = await history(store)
        assert await claim(store, one) == [True]
        assert await history(store) == [before]

    async def test_a_thousand_at_once(self, store: Store) -> None:
        jobs = [job(f"job-{number}", NOW) for number in range(1000)]
        await store.write(partial(job_rows.insert_jobs, new=jobs))
        assert await claim(store, *[run(one, NOW + HOUR) for one in jobs]) == [True] * 1000
        again = await claim(store, *[run(one, NOW + HOUR) for one in jobs])
        assert again == [False] * 1000
        recent = await store.read(partial(execution_rows.recent, limit=5000))
        assert len({row.job_id for row in recent}) == len(recent) == 1000


class TestEnds:
    async def test_finish_writes_what_came_of_it(self, store: Store) -> None:
        new = await stored(store)
        one, two = run(new, NOW + HOUR), run(new, NOW + 2 * HOUR)
        await claim(store, one, two)
        assert one.execution is not None
        outcome = Outcome(503, Failure.HTTP_ERROR, "it said 503", 4, "oops")
        end = Finish(one.execution.execution_id, Status.FAILED, NOW + 1.05 * HOUR, NOW + 1.1 * HOUR, 3, outcome)
        await store.write(partial(claim_rows.finish, finishes=[end]))
        first, second = await history(store)
        assert (first.started_at, second.started_at) == (NOW + 1.05 * HOUR, two.execution and two.execution.started_at)
        assert (first.status, first.attempts, first.http_status, first.response_size) == (Status.FAILED, 3, 503, 4)
        assert (first.error, first.excerpt, first.completed_at) == ("it said 503", "oops", NOW + 1.1 * HOUR)
        assert (second.status, second.completed_at) == (Status.RUNNING, None)

    async def test_the_attempts_and_what_it_repeats_are_read_as_they_were_written(self, store: Store) -> None:
        new = await stored(store)
        one = run(new, NOW + HOUR, kind=Kind.MANUAL)
        assert one.execution is not None
        execution = replace(one.execution, rerun_of="earlier", requested_by="Ada")
        await claim(store, replace(one, execution=execution))
        down = Outcome(503, Failure.HTTP_ERROR, "it said 503")
        attempts = (Attempt(1, NOW).ended(down, NOW + HOUR / 2), Attempt(2, NOW + HOUR).ended(Outcome(200), NOW + HOUR))
        at = execution.started_at
        end = Finish(execution.execution_id, Status.COMPLETED, at, NOW + HOUR, 2, Outcome(200), None, attempts)
        await store.write(partial(claim_rows.finish, finishes=[end]))
        (row,) = await history(store)
        assert row.attempts_detail() == attempts
        assert row.execution() == execution

    async def test_one_that_was_cancelled_is_audited_and_its_request_answered_with_its_end(self, store: Store) -> None:
        one = run(await stored(store), NOW + HOUR)
        await claim(store, one)
        assert one.execution is not None
        end = Finish(one.execution.execution_id, Status.INTERRUPTED, NOW, NOW + HOUR, 1, Outcome(), Reason.CANCELLED)
        entry = of_cancellation(end.execution_id, "a", at=NOW + HOUR, actor="Ada", reason=None)
        cancelled = Cancellation(entry, Kept("k", "f", NOW + HOUR, {"status": "cancelled"}))
        await store.write(partial(claim_rows.finish, finishes=[end], cancelled=[cancelled]))
        assert (await store.read(partial(audit_rows.page, job_id="a", limit=5))).entries == [entry]
        assert await store.read(partial(key_rows.find, key="k", since=NOW)) == cancelled.kept

    async def test_a_queued_run_that_was_cancelled_is_in_the_history_and_queued_no_more(self, store: Store) -> None:
        await stored(store)
        waiting = QueuedRun("a", new_execution_id(NOW), NOW, "Ada", rerun_of="earlier")
        await store.write(partial(queued_rows.add, run=waiting, kept=None))
        assert await store.read(queued_rows.read) == [waiting]
        entry = of_cancellation(waiting.execution_id, "a", at=NOW + HOUR, actor="Bob", reason="no")
        work = partial(queued_rows.cancel, run=waiting, cancelled=Cancellation(entry), error="by Bob", now=NOW + HOUR)
        await store.write(work)
        await store.write(work)  # the answer of the first commit was lost
        assert await store.read(queued_rows.read) == []
        (row,) = await history(store)
        assert (row.status, row.reason, row.error) == (Status.SKIPPED, Reason.CANCELLED, "by Bob")
        assert (row.rerun_of, row.requested_by, row.completed_at) == ("earlier", "Ada", NOW + HOUR)

    async def test_a_job_has_one_queued_run(self, store: Store) -> None:
        await stored(store)
        first, second = (QueuedRun("a", new_execution_id(NOW), NOW, name) for name in ("Ada", "Bob"))
        await store.write(partial(queued_rows.add, run=first, kept=None))
        kept = Kept("k", "f", NOW, {"status": "queued"})
        with pytest.raises(TriggerConflictError, match=f"{first.execution_id}, requested by Ada, is about to start"):
            await store.write(partial(queued_rows.add, run=second, kept=kept))
        assert await store.read(queued_rows.read) == [first]
        assert await store.read(partial(key_rows.find, key="k", since=NOW)) is None

    async def test_finishing_nothing_is_fine(self, store: Store) -> None:
        await store.write(partial(claim_rows.finish, finishes=[]))

    async def test_what_is_running_is_interrupted_and_nothing_else(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + hours * HOUR) for hours in (1, 2, 3)]
        await claim(store, *claims)
        assert claims[0].execution is not None
        end = Finish(claims[0].execution.execution_id, Status.COMPLETED, NOW, NOW + 1.1 * HOUR, 1, Outcome(200))
        await store.write(partial(claim_rows.finish, finishes=[end]))
        ids = [row.execution_id for row in await store.read(execution_rows.running)]
        assert ids == [one.execution.execution_id for one in claims[1:] if one.execution]
        close = partial(claim_rows.interrupt, execution_ids=ids, reason=Reason.CRASH, now=NOW + 9 * HOUR)
        await store.write(close)
        assert await store.read(execution_rows.running) == []
        rows = [(row.status, row.reason) for row in await history(store)]
        assert rows == [
            (Status.COMPLETED, None),
            (Status.INTERRUPTED, Reason.CRASH),
            (Status.INTERRUPTED, Reason.CRASH),
        ]

    async def test_a_further_attempt_is_counted_on_those_named(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + hours * HOUR) for hours in (1, 2)]
        await claim(store, *claims)
        ids = [one.execution.execution_id for one in claims if one.execution]
        for _ in range(2):
            await store.write(partial(claim_rows.count_attempt, execution_ids=ids[1:]))
        assert [(row.attempts, row.status) for row in await history(store)] == [
            (0, Status.RUNNING),
            (2, Status.RUNNING),
        ]

    async def test_what_was_running_can_be_executed_again_as_it_was_claimed(self, store: Store) -> None:
        new = await stored(store)
        claims = [run(new, NOW + HOUR), run(new, NOW + HOUR, kind=Kind.MANUAL)]
        await claim(store, *claims)
        rows = await store.read(execution_rows.running)
        assert [row.execution() for row in sorted(rows, key=lambda row: row.kind, reverse=True)] == [
            one.execution for one in claims
        ]

    async def test_a_job_names_the_latest_execution_that_was_sent(self, store: Store) -> None:
        new = await stored(store)
        sent = run(new, NOW + HOUR)
        await claim(store, sent, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1))
        assert sent.execution is not None
        assert (await found(store)).last_execution_id == sent.execution.execution_id
        rows = await store.read(partial(execution_rows.by_ids, execution_ids=[sent.execution.execution_id, "unknown"]))
        assert [row.execution() for row in rows] == [sent.execution]
