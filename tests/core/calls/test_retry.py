"""Which outcomes are tried again, and after how long."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.retry import longest_run, retry_delay
from myscheduler.core.history.execution import Status, final_status
from myscheduler.core.job.retry import MAX_DELAY_SEC, Retry
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.reason import Reason

SPEC = JobSpec("a", "a", DeclaredCron((("hour", "1"),)), "http://x/run", timeout_sec=5)
NOW = datetime(2026, 7, 6, 9, tzinfo=UTC)
UNREACHED = Outcome(failure=Failure.CONNECT, is_unreached=True)
UNCONNECTED = Outcome(failure=Failure.TIMEOUT, is_unreached=True)
RESET = Outcome(failure=Failure.RESET)
TIMEOUT = Outcome(failure=Failure.TIMEOUT)


def _http(status: int, retry_after: str | None = None) -> Outcome:
    return Outcome(status, Failure.HTTP_ERROR if not 200 <= status < 300 else None, retry_after=retry_after)


def _spec(max_retries: int = 1, backoff: float = 1.0, **retry: Any) -> JobSpec:
    return replace(SPEC, max_retries=max_retries, retry_backoff_sec=backoff, retry=Retry(**retry))


def delay(
    spec: JobSpec, outcome: Outcome, attempt: int = 1, *, elapsed: float = 0, chance: float = 0.5
) -> float | Reason | None:
    return retry_delay(spec, outcome, attempt, elapsed_sec=elapsed, now=NOW, chance=chance)


@pytest.mark.parametrize(
    ("outcome", "retried", "status"),
    [
        pytest.param(_http(200), False, Status.COMPLETED, id="200"),
        pytest.param(_http(204), False, Status.COMPLETED, id="204"),
        pytest.param(_http(302), False, Status.FAILED, id="302"),
        pytest.param(_http(404), False, Status.FAILED, id="404"),
        pytest.param(_http(408), True, Status.FAILED, id="408"),
        pytest.param(_http(429), True, Status.FAILED, id="429"),
        pytest.param(_http(499), False, Status.FAILED, id="499"),
        pytest.param(_http(500), True, Status.FAILED, id="500"),
        pytest.param(_http(503), True, Status.FAILED, id="503"),
        pytest.param(_http(999), True, Status.FAILED, id="999"),
        pytest.param(TIMEOUT, True, Status.FAILED, id="timeout"),
        pytest.param(Outcome(failure=Failure.NO_FILE), True, Status.FAILED, id="no file"),
        pytest.param(UNREACHED, True, Status.FAILED, id="no connection"),
        pytest.param(RESET, True, Status.FAILED, id="reset"),
        pytest.param(Outcome(failure=Failure.TLS, is_unreached=True), False, Status.FAILED, id="TLS"),
        pytest.param(Outcome(failure=Failure.UNREADABLE_ANSWER), False, Status.FAILED, id="unreadable answer"),
        pytest.param(Outcome(failure=Failure.INVALID_REQUEST), False, Status.FAILED, id="invalid request"),
    ],
)
def test_outcome(outcome: Outcome, retried: bool, status: Status) -> None:
    assert delay(_spec(), outcome) == (1.0 if retried else None)
    assert delay(_spec(), outcome, 2) is None
    assert delay(SPEC, outcome) is None
    assert final_status(outcome) == status


@pytest.mark.parametrize(
    ("on", "retried"),
    [
        pytest.param("connect", [UNREACHED, UNCONNECTED], id="connect"),
        pytest.param("timeout", [TIMEOUT], id="timeout"),
        pytest.param("reset", [RESET], id="reset"),
        pytest.param("status", [_http(503)], id="status"),
    ],
)
def test_kinds(on: str, retried: list[Outcome]) -> None:
    outcomes = [UNREACHED, UNCONNECTED, TIMEOUT, RESET, _http(503)]
    assert [one for one in outcomes if delay(_spec(on=(on,)), one) is not None] == retried


def test_statuses() -> None:
    spec = _spec(statuses=((404, 404), (500, 502)))
    assert [one for one in (404, 405, 429, 500, 502, 503) if delay(spec, _http(one)) is not None] == [404, 500, 502]


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [
        pytest.param(1.0, [1, 2, 4, 8, 16], id="doubled"),
        pytest.param(0.0, [0, 0, 0, 0, 0], id="at once"),
        pytest.param(1000.0, [1000, 2000, MAX_DELAY_SEC, MAX_DELAY_SEC, MAX_DELAY_SEC], id="up to an hour"),
    ],
)
def test_delays(backoff: float, delays: list[float]) -> None:
    spec = _spec(100, backoff)
    assert [delay(spec, _http(500), attempt) for attempt in range(1, 6)] == delays
    assert delay(spec, _http(500), 100) == min(backoff * 2**99, MAX_DELAY_SEC)
    assert delay(spec, _http(500), 101) is None


def test_a_shorter_longest_wait() -> None:
    spec = _spec(9, max_delay_sec=5.0)
    assert [delay(spec, _http(500), attempt) for attempt in range(1, 5)] == [1, 2, 4, 5]


def test_no_attempt_begins_after_the_total() -> None:
    spec = _spec(9, max_total_sec=10.0)
    assert delay(spec, _http(500), 2, elapsed=8.0) == 2
    assert delay(spec, _http(500), 2, elapsed=8.1) is None
    assert delay(spec, _http(500), 3, elapsed=20) is None


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.0), (0.25, 1.0), (1.0, 4.0)])
def test_jitter(chance: float, wait: float) -> None:
    assert delay(_spec(9, jitter="full"), _http(500), 3, chance=chance) == wait
    assert delay(_spec(9), _http(500), 3, chance=chance) == 4


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        pytest.param("7", 7, id="seconds"),
        pytest.param("0", 1, id="less than the usual wait"),
        pytest.param("Mon, 06 Jul 2026 09:00:30 GMT", 30, id="date"),
        pytest.param("Monday, 06-Jul-26 09:00:30 GMT", 30, id="old form of a date"),
        pytest.param("Mon, 06 Jul 2026 08:00:00 GMT", 1, id="past date"),
        pytest.param("Mon, 06 Jul 2026 18:00:30 +0900", 30, id="date with an offset"),
        pytest.param("soon", 1, id="words"),
        pytest.param("-5", 1, id="negative"),
        pytest.param("1.5", 1, id="not whole"),
        pytest.param("٣", 1, id="other digits"),
        pytest.param("Mon, 99 Foo 2026 99:00:00", 1, id="no date"),
        pytest.param("Mon, 06 Jul 2026 09:00:30 +9999999", 1, id="offset beyond a day"),
        pytest.param("3600", 3600, id="an hour"),
        pytest.param("3601", Reason.RETRY_AFTER, id="more than an hour"),
        pytest.param("9" * 90, 1, id="a number that is none"),
    ],
)
def test_retry_after(written: str, wait: float | Reason) -> None:
    assert delay(_spec(), _http(429, written)) == wait


def test_retry_after_within_the_bounds_of_the_job() -> None:
    spec = _spec(9, max_delay_sec=60.0, max_total_sec=100.0)
    assert delay(spec, _http(503, "60"), elapsed=40) == 60
    assert delay(spec, _http(503, "61"), elapsed=0) is Reason.RETRY_AFTER
    assert delay(spec, _http(503, "60"), elapsed=41) is Reason.RETRY_AFTER
    assert delay(_spec(0), _http(503, "61")) is None


def test_jitter_never_calls_earlier_than_asked() -> None:
    assert delay(_spec(9, jitter="full"), _http(503, "20"), chance=0.0) == 20


def test_longest_run() -> None:
    assert longest_run(_spec(2)) == 3 * 5 + 1 + 2
    assert longest_run(_spec(100, max_total_sec=60.0)) == 65
