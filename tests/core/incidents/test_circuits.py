"""What becomes of the incidents of targets and hosts; the same facts again change nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.calls.breaker import Circuit
from myscheduler.core.incidents.certificates import judge_certificate
from myscheduler.core.incidents.circuits import Standing, judge_circuit
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Step

NOW = datetime(2027, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPEN = Standing(Circuit.OPEN, NOW - HOUR, 5, "answered 503")
CLOSED = Standing(Circuit.CLOSED)
WORKS = Standing(Circuit.CLOSED, is_alive=True)
CIRCUIT = Incident(
    "i", "billing", IncidentKind.CIRCUIT, began_at=NOW - HOUR, noticed_at=NOW, failures=5, error="answered 503"
)
CERTIFICATE = Incident(
    "i", "api.example.com", IncidentKind.CERTIFICATE, began_at=NOW - 4 * DAY, noticed_at=NOW - 4 * DAY
)


def of_circuit(known: Incident | None, standing: Standing | None, *, is_called: bool = True) -> list[Step]:
    found = judge_circuit("billing", known, standing, is_called=is_called, now=NOW, new_id=lambda _: "i")
    return list(found)


def of_certificate(known: Incident | None, days: float | None, *, is_called: bool = True, now: datetime = NOW) -> Any:
    """`days` are those that the certificate has left, if it was seen."""
    soonest = None if days is None else NOW + days * DAY
    return list(
        judge_certificate("api.example.com", known, soonest, is_called=is_called, now=now, new_id=lambda _: "i")
    )


def test_it_begins_when_the_circuit_opens_and_ends_when_it_closes() -> None:
    assert of_circuit(None, OPEN) == [Begun(CIRCUIT)]
    assert of_circuit(CIRCUIT, OPEN) == []
    assert of_circuit(CIRCUIT, WORKS) == [Ended(replace(CIRCUIT, ended_at=NOW, end_reason=EndReason.RECOVERED))]


@pytest.mark.parametrize("standing", [None, CLOSED, WORKS, Standing(None)])
def test_without_an_open_circuit_none_begins(standing: Standing | None) -> None:
    assert of_circuit(None, standing) == []


def test_half_open_does_not_end_it_and_later_failures_are_counted() -> None:
    assert of_circuit(CIRCUIT, replace(OPEN, circuit=Circuit.HALF_OPEN)) == []
    more = replace(OPEN, failures=6, why="the connection to x was reset")
    assert of_circuit(CIRCUIT, more) == [Continued(replace(CIRCUIT, failures=6, error=more.why))]
    assert of_circuit(CIRCUIT, replace(OPEN, failures=1)) == []  # the service was restarted


def test_after_a_restart_it_goes_on_until_a_call_succeeds() -> None:
    assert of_circuit(CIRCUIT, CLOSED) == []
    assert [type(one) for one in of_circuit(CIRCUIT, WORKS)] == [Ended]


@pytest.mark.parametrize(
    ("standing", "is_called", "why"),
    [
        pytest.param(None, True, EndReason.REMOVED, id="not declared"),
        pytest.param(Standing(None), True, EndReason.UNWATCHED, id="without a breaker"),
        pytest.param(CLOSED, False, EndReason.UNWATCHED, id="no job calls it"),
    ],
)
def test_it_ends_with_what_it_is_about(standing: Standing | None, is_called: bool, why: EndReason) -> None:
    (step,) = of_circuit(CIRCUIT, standing, is_called=is_called)
    assert step.incident.end_reason is why


def test_a_certificate_under_fourteen_days_begins_one_and_a_newer_one_ends_it() -> None:
    assert of_certificate(None, 14) == []
    (step,) = of_certificate(None, 10)
    assert step == Begun(replace(CERTIFICATE, noticed_at=NOW))
    assert step.incident.expires_at == NOW + 10 * DAY
    assert of_certificate(CERTIFICATE, 10) == []
    (step,) = of_certificate(CERTIFICATE, 90)
    assert step.incident.end_reason is EndReason.RECOVERED


def test_a_newer_one_that_expires_soon_as_well_ends_nothing() -> None:
    (step,) = of_certificate(CERTIFICATE, 12)
    assert isinstance(step, Continued)
    assert step.incident.expires_at == NOW + 12 * DAY


@pytest.mark.parametrize("is_called", [True, False])
def test_one_that_was_not_seen_since_the_start_goes_on(is_called: bool) -> None:
    assert of_certificate(CERTIFICATE, None, is_called=is_called) == []


def test_one_that_nobody_calls_ends_with_the_certificate() -> None:
    later = NOW + 10 * DAY
    assert of_certificate(CERTIFICATE, None, now=later) == []
    (step,) = of_certificate(CERTIFICATE, None, is_called=False, now=later)
    assert step.incident.end_reason is EndReason.UNWATCHED
