"""Attempts as they are kept in a row, and read with it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.attempts import Attempt, kept, read
from myscheduler.core.history.execution import Cause, Kind, Record, Status
from myscheduler.core.reason import Reason

NOW = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DOWN = Outcome(503, Failure.HTTP_ERROR, "答えは503 answered 503")
LATE = Outcome(None, Failure.TIMEOUT, "no answer within 3 s")
GOOD = Outcome(200, response_size=2, excerpt="ok")


def _attempts(*outcomes: Outcome | None) -> tuple[Attempt, ...]:
    """Ten seconds apart, two seconds each; `None` for one that is in progress."""
    begun = [Attempt(number + 1, NOW + 10 * number * SECOND) for number in range(len(outcomes))]
    return tuple(
        one.ended(outcome, one.started_at + 2 * SECOND) if outcome else one
        for one, outcome in zip(begun, outcomes, strict=True)
    )


def _record(status: Status, attempts: int, outcome: Outcome, detail: str | None = None, **more: Any) -> Record:
    given: dict[str, Any] = {"reason": None, "started_at": NOW, "completed_at": NOW + 2 * SECOND} | more
    return Record(
        execution_id="x", job_id="a", slot=NOW, kind=Kind.SCHEDULED, cause=Cause.TIMER, status=status, last_slot=NOW,
        slot_count=1, requested_by=None, digest=None, source=None, attempts=attempts, response_size=None, excerpt=None,
        http_status=outcome.http_status, error=outcome.error, kept_attempts=detail, **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "status", "outcome"),
    [
        pytest.param(_attempts(DOWN), Status.FAILED, DOWN, id="one"),
        pytest.param(_attempts(LATE, DOWN, GOOD), Status.COMPLETED, GOOD, id="completed at last"),
        pytest.param(_attempts(DOWN, LATE), Status.FAILED, LATE, id="none left"),
        pytest.param(_attempts(DOWN, None), Status.INTERRUPTED, Outcome(error="cancelled by Ada"), id="cut off"),
        pytest.param(
            _attempts(DOWN, LATE), Status.INTERRUPTED, Outcome(error="cancelled by Ada"), id="cut off between"
        ),
        pytest.param(_attempts(DOWN, None), Status.RUNNING, Outcome(), id="left running"),
    ],
)
def test_they_are_read_as_they_were(attempts: tuple[Attempt, ...], status: Status, outcome: Outcome) -> None:
    text = kept(attempts, outcome, is_completed=status is Status.COMPLETED)
    assert text is not None
    assert _record(status, len(attempts), outcome, text).attempts_detail() == attempts


def test_what_the_row_says_is_not_kept_twice() -> None:
    text = kept(_attempts(LATE, DOWN), DOWN, is_completed=False)
    assert text is not None
    assert "503" not in text
    assert read(text)[1].failure is Failure.HTTP_ERROR


@pytest.mark.parametrize(
    ("attempts", "is_completed"),
    [pytest.param(_attempts(GOOD), True, id="completed at once"), pytest.param((), False, id="never sent")],
)
def test_nothing_is_kept_where_the_row_says_all(attempts: tuple[Attempt, ...], is_completed: bool) -> None:
    assert kept(attempts, GOOD, is_completed=is_completed) is None


def test_the_clock_may_be_set_back_during_an_attempt() -> None:
    assert Attempt(1, NOW).ended(GOOD, NOW - SECOND).duration == timedelta()


@pytest.mark.parametrize(
    ("record", "attempts"),
    [
        pytest.param(_record(Status.COMPLETED, 1, GOOD), _attempts(GOOD), id="completed"),
        pytest.param(_record(Status.FAILED, 1, DOWN), _attempts(DOWN), id="failed, of an older version"),
        pytest.param(
            _record(Status.FAILED, 0, Outcome(error="no secret"), reason=Reason.SECRET_MISSING),
            _attempts(Outcome(None, Failure.SECRET_MISSING, "no secret")),
            id="not sent",
        ),
        pytest.param(_record(Status.FAILED, 3, DOWN), (), id="three, of an older version"),
        pytest.param(_record(Status.RUNNING, 0, Outcome(), completed_at=None), (), id="running"),
        pytest.param(_record(Status.INTERRUPTED, 0, Outcome(error="crash"), reason=Reason.CRASH), (), id="crash"),
        pytest.param(_record(Status.SKIPPED, 0, Outcome(), started_at=None, completed_at=None), (), id="skipped"),
    ],
)
def test_a_row_without_kept_attempts(record: Record, attempts: tuple[Attempt, ...]) -> None:
    assert record.attempts_detail() == attempts
