"""When a job is late: it neither ran in time, nor is there a row that says why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents.deadlines import (
    deadline_of,
    first_deadline,
    grace_of,
    late_since,
    missed_first,
    usual_duration,
)
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.reason import Reason
from tests.support.parts import ZONE, job

CREATED = datetime(2027, 3, 1, 0, 30, tzinfo=UTC)  # a Monday, half past nine in Tokyo
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NINE = {"cron": "0 9 * * *", "timezone": "Asia/Tokyo"}
SLOT = datetime(2027, 3, 2, tzinfo=UTC)  # nine o'clock in Tokyo


def daily(**fields: Any) -> Job:
    return job("a", CREATED, **NINE, **fields)


def row(slot: datetime, status: Status, reason: Reason | None = None, **more: Any) -> Past:
    fields: dict[str, Any] = {"cause": Cause.TIMER, "started_at": slot, "completed_at": None, "error": None}
    return Past("x", slot, status=status, reason=reason, revision=None, **(fields | more))


MISSED = row(SLOT, Status.MISSED, Reason.DEADLINE)


def late(of: Job, now: datetime, *rows: Past, grace: timedelta = MINUTE) -> datetime | None:
    schedule = compile_schedule(of.spec, zone=ZONE, created_at=of.created_at)
    return late_since(of, schedule, rows, grace, now=now)


class TestLateness:
    def test_a_job_that_has_not_begun_by_its_deadline(self) -> None:
        assert late(daily(), SLOT + MINUTE) == SLOT + MINUTE

    def test_not_before_its_deadline(self) -> None:
        assert late(daily(), SLOT + MINUTE - timedelta(microseconds=1)) is None

    def test_a_run_that_does_not_end(self) -> None:
        done = replace(daily(), cursor=SLOT)
        running = row(SLOT, Status.RUNNING)
        assert late(done, SLOT + 59 * timedelta(seconds=1), running) is None
        assert late(done, SLOT + 2 * MINUTE, running) == SLOT + MINUTE

    def test_a_run_that_is_caught_up_has_its_time_from_its_start_on(self) -> None:
        done = replace(daily(), cursor=SLOT)
        running = row(SLOT, Status.RUNNING, cause=Cause.CATCH_UP, started_at=SLOT + HOUR)
        assert late(done, SLOT + HOUR + MINUTE / 2, running) is None
        assert late(done, SLOT + HOUR + 2 * MINUTE, running) == SLOT + HOUR + MINUTE

    def test_a_manual_run_is_never_late(self) -> None:
        assert late(replace(daily(), cursor=SLOT), SLOT + HOUR, row(SLOT, Status.RUNNING, cause=Cause.API)) is None

    @pytest.mark.parametrize("reason", [Reason.DEADLINE, Reason.DATABASE, Reason.BACKLOG])
    def test_a_slot_that_we_missed(self, reason: Reason) -> None:
        assert late(replace(daily(), cursor=SLOT), SLOT + HOUR, row(SLOT, Status.MISSED, reason)) == SLOT + MINUTE

    @pytest.mark.parametrize("reason", [Reason.EDITED, Reason.EXPIRED, Reason.CATCH_UP])
    def test_a_slot_that_was_missed_on_purpose(self, reason: Reason) -> None:
        assert late(replace(daily(), cursor=SLOT), SLOT + HOUR, row(SLOT, Status.MISSED, reason)) is None

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.RUNNING])
    def test_a_run_after_a_missed_slot_settles_it(self, status: Status) -> None:
        missed, later = row(SLOT, Status.MISSED, Reason.DEADLINE), row(SLOT + timedelta(days=1), status)
        assert late(replace(daily(), cursor=later.slot), later.slot, later, missed) is None

    def test_a_skipped_slot_after_a_missed_one_does_not(self) -> None:
        missed = row(SLOT, Status.MISSED, Reason.DEADLINE)
        skipped = row(SLOT + timedelta(days=1), Status.SKIPPED, Reason.HOLIDAY)
        assert late(replace(daily(), cursor=skipped.slot), skipped.slot, skipped, missed) == SLOT + MINUTE

    def test_a_paused_job_is_not(self) -> None:
        paused = replace(daily(), pause=Pause("me", CREATED))
        assert late(paused, SLOT + HOUR, row(SLOT, Status.MISSED, Reason.DEADLINE)) is None

    def test_after_a_pause_that_is_over_the_slots_after_it_count(self) -> None:
        paused = replace(daily(), pause=Pause("me", CREATED, until=SLOT + HOUR))
        assert late(paused, SLOT + 2 * HOUR) is None
        assert late(paused, SLOT + timedelta(days=1, hours=1)) == SLOT + timedelta(days=1) + MINUTE

    def test_left_out_slots_do_not_count(self) -> None:
        blackout = {"blackout": [{"from": "2027-03-02T08:00:00+09:00", "to": "2027-03-02T10:00:00+09:00"}]}
        assert late(daily(**blackout), SLOT + HOUR) is None
        assert late(daily(**blackout), SLOT + timedelta(days=1, hours=1)) == SLOT + timedelta(days=1) + MINUTE


class TestDeadline:
    def test_it_is_the_grace_after_the_next_slot(self) -> None:
        schedule = compile_schedule(daily().spec, zone=ZONE, created_at=CREATED)
        assert deadline_of(daily(), schedule, MINUTE) == SLOT + MINUTE

    def test_a_job_that_is_paused_without_end_has_none(self) -> None:
        paused = replace(daily(), pause=Pause("me", CREATED))
        schedule = compile_schedule(paused.spec, zone=ZONE, created_at=CREATED)
        assert deadline_of(paused, schedule, MINUTE) is None

    @pytest.mark.parametrize(
        ("rows", "missed"),
        [
            pytest.param([], None, id="no history"),
            pytest.param([row(SLOT + HOUR, Status.MISSED, Reason.BACKLOG), MISSED], MISSED, id="the earliest"),
            pytest.param([MISSED, row(CREATED, Status.COMPLETED)], MISSED, id="after a run"),
            pytest.param([row(SLOT + HOUR, Status.FAILED), MISSED], None, id="before a run"),
            pytest.param([row(SLOT, Status.MISSED, Reason.CATCH_UP)], None, id="on purpose"),
        ],
    )
    def test_of_what_is_past_only_the_first_missed_slot_counts(self, rows: list[Past], missed: Past | None) -> None:
        assert missed_first(daily(), rows) == missed
        schedule = compile_schedule(daily().spec, zone=ZONE, created_at=CREATED)
        ahead = replace(daily(), cursor=SLOT + HOUR)
        left = [missed] if missed else []
        found = first_deadline(ahead, schedule, rows, MINUTE, now=SLOT)
        assert found == first_deadline(ahead, schedule, left, MINUTE, now=SLOT)
        assert found == (SLOT if missed else SLOT + timedelta(days=1)) + MINUTE

    def test_while_a_job_is_paused_only_what_follows_counts(self) -> None:
        paused = replace(daily(), pause=Pause("me", CREATED, until=SLOT + HOUR))
        schedule = compile_schedule(paused.spec, zone=ZONE, created_at=CREATED)
        rows = [row(SLOT, Status.RUNNING)]
        next_one = SLOT + timedelta(days=1) + MINUTE
        assert first_deadline(paused, schedule, rows, MINUTE, now=SLOT) == next_one
        assert first_deadline(paused, schedule, rows, MINUTE, now=SLOT + HOUR) == SLOT + MINUTE


class TestGrace:
    def done(self, *seconds: float) -> list[Past]:
        return [row(SLOT, Status.COMPLETED, completed_at=SLOT + timedelta(seconds=one)) for one in seconds]

    @pytest.mark.parametrize(
        ("fields", "seconds", "grace"),
        [
            pytest.param({}, (1,), 60, id="at least a minute"),
            pytest.param({}, (100, 100), 300, id="three times as long as usual"),
            pytest.param({}, (*(10,) * 95, *(500,) * 5), 60, id="rare long ones do not count"),
            pytest.param({"timeout_sec": 500}, (), 500, id="without history, the timeout"),
            pytest.param({"timeout_sec": 500}, (1,), 60, id="with history, no timeout"),
            pytest.param(
                {"timeout_sec": 100, "max_retries": 2, "retry_backoff_sec": 10}, (1,), 330, id="time for all retries"
            ),
        ],
    )
    def test_what_nobody_declared_is_derived(
        self, fields: dict[str, Any], seconds: tuple[float, ...], grace: float
    ) -> None:
        usual = usual_duration(self.done(*seconds))
        assert grace_of(daily(**fields), Thresholds(), usual) == timedelta(seconds=grace)

    def test_what_is_declared_applies(self) -> None:
        thresholds = Thresholds(late_after=timedelta(seconds=10))
        assert grace_of(daily(), thresholds, timedelta(seconds=100)) == timedelta(seconds=10)
