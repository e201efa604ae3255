"""What becomes of the incidents of a job; the same facts again change nothing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Facts, Step, is_reminder_due, judge
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import USUAL, Thresholds
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from tests.support.parts import ZONE, job

CREATED = datetime(2027, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = job("a", CREATED)
FAILING, LATE = IncidentKind.FAILING, IncidentKind.LATE


def row(hour: int, status: Status, revision: str | None = None, reason: Reason | None = None) -> Past:
    slot = CREATED + hour * HOUR
    end = None if status is Status.RUNNING else slot + timedelta(seconds=2)
    return Past(f"x{hour:03}", slot, Cause.TIMER, status, reason, slot, end, f"error {hour}", revision)


def facts(rows: Iterable[Past], *known: Incident, of: Job | None = JOB, thresholds: Thresholds = USUAL) -> Facts:
    """`rows` are oldest first; the cursor of the job is at the last one."""
    newest = tuple(rows)[::-1]
    if of is not None and newest:
        of = replace(of, cursor=newest[0].slot)
    return Facts(of, newest, {one.kind: one for one in known}, thresholds, "good")


def judged(given_facts: Facts, hour: float, **more: Any) -> tuple[Step, ...]:
    ids = count()
    clock = Clock(CREATED + hour * HOUR, ZONE)
    return judge(given_facts, clock=clock, new_id=lambda _: f"i{next(ids)}", **more)


def incident(kind: IncidentKind = FAILING, **fields: Any) -> Incident:
    given_fields = {"began_at": CREATED + HOUR, "noticed_at": CREATED + HOUR} | fields
    return Incident("i", "a", kind, **given_fields)


class TestFailing:
    def test_it_begins_with_the_first_failure_that_counts(self) -> None:
        rows = [row(1, Status.COMPLETED), row(2, Status.FAILED, "r2"), row(3, Status.FAILED, "r3")]
        (step,) = judged(facts(rows, thresholds=Thresholds(after_failures=2)), 3.1)
        assert step == Begun(
            Incident(
                "i0",
                "a",
                FAILING,
                began_at=rows[1].completed_at or CREATED,
                noticed_at=CREATED + 3.1 * HOUR,
                failures=2,
                first_execution_id="x002",
                last_execution_id="x003",
                error="error 3",
                source_revision="r2",
                good_revision="good",
            )
        )

    def test_further_failures_are_added(self) -> None:
        known = incident(failures=1, first_execution_id="x001", last_execution_id="x001")
        rows = [row(1, Status.FAILED), row(2, Status.FAILED), row(3, Status.SKIPPED), row(4, Status.FAILED)]
        (step,) = judged(facts(rows, known), 4.1)
        assert isinstance(step, Continued)
        assert (step.incident.failures, step.incident.last_execution_id, step.incident.error) == (3, "x004", "error 4")

    def test_it_ends_with_a_success(self) -> None:
        known = incident(failures=1, last_execution_id="x001")
        (step,) = judged(facts([row(1, Status.FAILED), row(2, Status.COMPLETED)], known), 2.1)
        assert isinstance(step, Ended)
        assert (step.incident.end_reason, step.incident.failures) == (EndReason.RECOVERED, 1)
        assert step.incident.ended_at == CREATED + 2.1 * HOUR

    def test_a_failure_and_a_success_since_the_last_look_are_both_noticed(self) -> None:
        known = incident(failures=1, last_execution_id="x001")
        rows = [row(1, Status.FAILED), row(2, Status.FAILED), row(3, Status.COMPLETED)]
        (step,) = judged(facts(rows, known), 3.1)
        assert isinstance(step, Ended)
        assert step.incident.failures == 2

    def test_a_deleted_job_ends_all_its_incidents(self) -> None:
        steps = judged(facts([], incident(), incident(LATE), of=None), 2)
        assert [step.incident.end_reason for step in steps] == [EndReason.DELETED] * 2

    def test_a_job_of_the_same_id_does_not_inherit_them(self) -> None:
        (step,) = judged(facts([], incident(noticed_at=CREATED - HOUR)), 0.5)
        assert isinstance(step, Ended)
        assert step.incident.end_reason is EndReason.DELETED


class TestLate:
    MISSED = (row(1, Status.COMPLETED, "r1"), row(2, Status.MISSED, reason=Reason.DEADLINE))

    def test_it_begins_at_the_deadline(self) -> None:
        (step,) = judged(facts(self.MISSED), 2.5)
        assert isinstance(step, Begun)
        assert (step.incident.kind, step.incident.began_at) == (LATE, CREATED + 2 * HOUR + timedelta(minutes=1))
        assert step.incident.good_revision == "r1"

    def test_nothing_begins_while_slots_are_caught_up(self) -> None:
        assert judged(facts(self.MISSED), 2.5, may_be_late=False) == ()

    def test_it_ends_when_the_job_runs(self) -> None:
        (step,) = judged(facts([*self.MISSED, row(3, Status.COMPLETED)], incident(LATE)), 3.1)
        assert isinstance(step, Ended)
        assert step.incident.end_reason is EndReason.RECOVERED

    def test_a_run_that_fails_ends_it_too_and_begins_another(self) -> None:
        steps = judged(facts([*self.MISSED, row(3, Status.FAILED)], incident(LATE)), 3.1)
        assert [(type(step), step.incident.kind) for step in steps] == [(Begun, FAILING), (Ended, LATE)]

    def test_a_pause_ends_it(self) -> None:
        paused = replace(JOB, pause=Pause("me", CREATED + 2.5 * HOUR))
        (step,) = judged(facts(self.MISSED, incident(LATE), of=paused), 3)
        assert step.incident.end_reason is EndReason.PAUSED

    def test_jobs_that_are_not_watched_are_not_late(self) -> None:
        unwatched = Thresholds(is_late_watched=False)
        assert judged(facts(self.MISSED, thresholds=unwatched), 2.5) == ()
        (step,) = judged(facts(self.MISSED, incident(LATE), thresholds=unwatched), 2.5)
        assert step.incident.end_reason is EndReason.UNWATCHED

    def test_tolerated_failures_do_not_tolerate_lateness(self) -> None:
        (step,) = judged(facts(self.MISSED, thresholds=Thresholds(after_failures=5)), 2.5)
        assert step.incident.kind is LATE


_STATUSES = st.sampled_from([Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.SKIPPED])
_THRESHOLDS = st.one_of(
    st.builds(Thresholds, after_failures=st.integers(1, 4)),
    st.builds(Thresholds, failures=st.integers(1, 3), of=st.integers(3, 5)),
)


@given(st.lists(_STATUSES, max_size=12), _THRESHOLDS)
def test_the_same_facts_again_change_nothing(statuses: list[Status], thresholds: Thresholds) -> None:
    """So a restart at any moment tells nothing twice."""
    rows = [row(hour, status) for hour, status in enumerate(statuses, start=1)]
    hour = len(rows) + 0.001
    steps = judged(facts(rows, thresholds=thresholds), hour)
    known = [step.incident for step in steps]
    assert [one for one in known if not one.is_open] == []
    assert judged(facts(rows, *known, thresholds=thresholds), hour) == ()


@given(st.lists(_STATUSES, max_size=12), _THRESHOLDS, st.data())
def test_a_look_that_was_left_out_makes_no_difference_to_what_is_open(
    statuses: list[Status], thresholds: Thresholds, data: st.DataObject
) -> None:
    rows = [row(hour, status) for hour, status in enumerate(statuses, start=1)]
    looks = sorted({*data.draw(st.sets(st.integers(0, len(rows)))), len(rows)})
    known: dict[IncidentKind, Incident] = {}
    for length in looks:
        for step in judged(facts(rows[:length], *known.values(), thresholds=thresholds), length + 0.001):
            if isinstance(step, Ended):
                del known[step.incident.kind]
            else:
                known[step.incident.kind] = step.incident
    at_once = judged(facts(rows, thresholds=thresholds), len(rows) + 0.001)
    if thresholds.of is not None or any(one is Status.COMPLETED for one in statuses[-1:]):
        assert set(known) == {step.incident.kind for step in at_once}
    else:
        assert set(known) >= {step.incident.kind for step in at_once}


class TestReminders:
    DAY = timedelta(days=1)
    TOLD = incident(told_at=CREATED)

    @pytest.mark.parametrize(
        ("known", "of", "thresholds", "is_due"),
        [
            pytest.param(TOLD, JOB, USUAL, True, id="a day later"),
            pytest.param(TOLD, JOB, Thresholds(remind=timedelta(days=2)), False, id="not that soon"),
            pytest.param(TOLD, JOB, Thresholds(remind=None), False, id="never"),
            pytest.param(incident(), JOB, USUAL, False, id="nobody was told"),
            pytest.param(TOLD, replace(JOB, pause=Pause("me", CREATED)), USUAL, False, id="the job is paused"),
            pytest.param(replace(TOLD, acknowledged_by="me"), JOB, USUAL, False, id="acknowledged"),
            pytest.param(
                replace(TOLD, acknowledged_by="me", acknowledged_until=CREATED + HOUR), JOB, USUAL, True,
                id="no longer acknowledged",
            ),
            pytest.param(
                replace(TOLD, acknowledged_by="me", acknowledged_until=CREATED + 2 * DAY), JOB, USUAL, False,
                id="still acknowledged",
            ),
        ],
    )  # fmt: skip
    def test_when_one_is_due(self, known: Incident, of: Job, thresholds: Thresholds, is_due: bool) -> None:
        assert is_reminder_due(known, of, thresholds, CREATED + self.DAY) is is_due
