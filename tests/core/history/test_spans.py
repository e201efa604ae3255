"""What the spans of an execution say about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.trace import TraceParent, span_id_of
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Status
from myscheduler.core.history.spans import Span, spans_of
from myscheduler.core.job.job import Source
from myscheduler.core.reason import Reason
from tests.support.parts import job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
URL = "https://ada:pw@api.example.com:8443/run?token=abc123&key=${secret:KEY}"
JOB = job("a", NOW, target_url="https://api.example.com/run", method="POST")
EXECUTION = Execution("e", "a", NOW, Kind.SCHEDULED, Cause.TIMER, "d", Source("a.yaml", 1, "git:abc"), NOW + SECOND)
OK = Attempt(1, NOW + SECOND, SECOND, 200)


def spans(
    status: Status, *attempts: Attempt, outcome: Outcome | None = None, reason: Reason | None = None
) -> list[Span]:
    finish = Finish("e", status, NOW + SECOND, NOW + 9 * SECOND, len(attempts), outcome or Outcome(), reason, attempts)
    return list(spans_of(JOB, EXECUTION, finish))


def test_one_that_completes() -> None:
    call, own = spans(Status.COMPLETED, OK)
    assert call == Span(
        "POST",
        span_id_of("e", 1),
        span_id_of("e"),
        is_call=True,
        start=NOW + SECOND,
        end=NOW + 2 * SECOND,
        attributes={
            "http.request.method": "POST",
            "url.full": "https://api.example.com/run",
            "server.address": "api.example.com",
            "server.port": 443,
            "http.response.status_code": 200,
        },
    )
    assert own == Span(
        "job a",
        span_id_of("e"),
        None,
        is_call=False,
        start=NOW + SECOND,
        end=NOW + 9 * SECOND,
        attributes={
            "faas.trigger": "timer",
            "faas.time": "2026-07-01T12:00:00Z",
            "myscheduler.job.id": "a",
            "myscheduler.execution.id": "e",
            "myscheduler.execution.cause": "timer",
            "myscheduler.execution.status": "completed",
            "myscheduler.execution.attempts": 1,
            "myscheduler.source.revision": "git:abc",
        },
    )


@pytest.mark.parametrize(
    ("schedule", "cron"),
    [
        pytest.param({"cron": "30 10 * * mon-fri"}, "30 10 * * mon-fri", id="a crontab line"),
        pytest.param({"cron": {"hour": 2, "minute": 15}}, "15 2 * * *", id="an object that a line can say"),
        pytest.param({"cron": ["0 9 * * *", "0 17 * * fri"]}, "0 9 * * *; 0 17 * * fri", id="several"),
        pytest.param({"cron": "0 0 13 * fri", "day_match": "any"}, "0 0 13 * fri", id="either day"),
        pytest.param({"cron": "0 0 13 * fri", "day_match": "all"}, None, id="both days, which crontab can't say"),
        pytest.param({"cron": ["0 9 * * *", {"hour": 9, "year": 2027}]}, None, id="one that has no line"),
        pytest.param({"cron": "*/10 * * * * *", "seconds": True}, None, id="seconds"),
        pytest.param({"interval": {"minutes": 5}}, None, id="no cron"),
    ],
)
def test_the_cron_schedule_that_started_it(schedule: dict[str, Any], cron: str | None) -> None:
    finish = Finish("e", Status.COMPLETED, NOW, NOW, 1, Outcome(200), None, (OK,))
    scheduled = job("a", NOW, **schedule)
    assert list(spans_of(scheduled, EXECUTION, finish))[-1].attributes.get("faas.cron") == cron
    manual = replace(EXECUTION, kind=Kind.MANUAL, cause=Cause.API)
    assert "faas.cron" not in list(spans_of(scheduled, manual, finish))[-1].attributes


@pytest.mark.parametrize(
    ("status", "attempt", "reason", "types"),
    [
        pytest.param(
            Status.FAILED, Attempt(1, NOW, SECOND, 503, Failure.HTTP_ERROR), None, ("503", "503"), id="an HTTP error"
        ),
        pytest.param(
            Status.FAILED, Attempt(1, NOW, SECOND, None, Failure.TIMEOUT), None, ("timeout", "timeout"), id="too late"
        ),
        pytest.param(
            Status.FAILED,
            Attempt(1, NOW, SECOND, None, Failure.SECRET_MISSING),
            Reason.SECRET_MISSING,
            ("secret-missing", "secret-missing"),
            id="nothing was sent",
        ),
        pytest.param(
            Status.INTERRUPTED, Attempt(1, NOW), Reason.SHUTDOWN, ("shutdown", "shutdown"), id="cut off by a shutdown"
        ),
        pytest.param(Status.COMPLETED, OK, None, (None, None), id="no error"),
    ],
)
def test_types_of_errors(
    status: Status, attempt: Attempt, reason: Reason | None, types: tuple[str | None, str | None]
) -> None:
    call, own = spans(status, attempt, reason=reason)
    assert (call.attributes.get("error.type"), own.attributes.get("error.type")) == types
    assert (call.error is None, own.error is None) == (types[0] is None, types[1] is None)


def test_attempts_of_an_earlier_process_come_with_those_of_this_one() -> None:
    first, second, own = spans(
        Status.COMPLETED, Attempt(1, NOW - SECOND, SECOND, 500, Failure.HTTP_ERROR), replace(OK, number=2)
    )
    assert (first.span_id, second.span_id) == (span_id_of("e", 1), span_id_of("e", 2))
    assert (first.attributes.get("http.request.resend_count"), second.attributes["http.request.resend_count"]) == (
        None,
        1,
    )
    assert own.start == first.start


def test_one_that_goes_on_at_the_next_start_has_none_yet() -> None:
    finish = Finish("e", Status.RUNNING, NOW, None, 1, Outcome(), None, (OK,))
    assert list(spans_of(JOB, EXECUTION, finish)) == []


def test_one_that_was_triggered() -> None:
    triggered = replace(
        EXECUTION, kind=Kind.MANUAL, cause=Cause.API, parent=TraceParent("1" * 32, "2" * 16, is_sampled=True)
    )
    finish = Finish("e", Status.COMPLETED, NOW, NOW, 1, Outcome(200), None, (OK,))
    own = list(spans_of(JOB, triggered, finish))[-1]
    assert (own.parent_id, own.attributes["faas.trigger"]) == ("2" * 16, "http")


def test_credentials_are_masked() -> None:
    failed = Attempt(1, NOW, SECOND, 500, Failure.HTTP_ERROR, "answered: token=abc123")
    finish = Finish("e", Status.FAILED, NOW, NOW, 1, Outcome(500, error="answered: token=abc123"), None, (failed,))
    made: Any = [*spans_of(job("a", NOW, target_url=URL), EXECUTION, finish)]
    assert "abc123" not in str(made)
    assert "ada:pw" not in str(made)
    assert "${secret:KEY}" in str(made)
