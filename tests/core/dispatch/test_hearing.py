"""What a ping says, and what becomes of the execution that waits for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.dispatch.hearing import LOG_BYTES, Signal, deadline_of, end_of, goes_on, heard, overdue
from myscheduler.core.history.execution import Cause, Execution, Kind, Status
from myscheduler.core.job.ping import Ping, hash_of
from myscheduler.core.reason import Reason
from tests.support.parts import job

SLOT = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PING = Ping("0" * 64, 10 * MINUTE)


@pytest.mark.parametrize(
    ("action", "signal", "code"),
    [
        ("", Signal.SUCCESS, None),
        ("start", Signal.START, None),
        ("fail", Signal.FAIL, None),
        ("log", Signal.LOG, None),
        ("0", Signal.SUCCESS, 0),
        ("1", Signal.FAIL, 1),
        ("255", Signal.FAIL, 255),
    ],
)
def test_actions(action: str, signal: Signal, code: int | None) -> None:
    ping = heard(action)
    assert ping is not None
    assert (ping.signal, ping.exit_code) == (signal, code)


@pytest.mark.parametrize("action", ["success", "Start", "256", "-1", "1.0", "٣", "0001"])
def test_there_are_no_other_actions(action: str) -> None:
    assert heard(action) is None


def test_the_end_of_a_log_is_kept() -> None:
    ping = heard("2", b"\0" + b"a" * LOG_BYTES + "終\n\n".encode(), 99_999)
    assert ping is not None
    ending = end_of(ping, "earlier")
    assert (ending.status, ending.outcome.response_size) == (Status.FAILED, 99_999)
    assert ending.outcome.excerpt is not None
    assert ending.outcome.excerpt.endswith("a終\n\n")
    assert len(ending.outcome.excerpt.encode()) == LOG_BYTES
    assert str(ending.outcome.error).startswith("a ping reported the exit code 2 (aaaa")


def test_a_ping_without_a_body_has_what_was_told_before() -> None:
    ping = heard("fail")
    assert ping is not None
    outcome = end_of(ping, "one\ndisk\tfull\n").outcome
    assert (outcome.excerpt, outcome.error) == ("one\ndisk\tfull\n", "a ping reported a failure (disk full)")
    assert end_of(ping, None).outcome.error == "a ping reported a failure"


def test_silence_is_missed_and_a_start_without_an_end_is_a_failure() -> None:
    silent = overdue(PING, has_begun=False, log=None)
    begun = overdue(PING, has_begun=True, log="half\n")
    assert (silent.status, silent.reason, silent.outcome.error) == (
        Status.MISSED,
        Reason.NO_PING,
        "no ping arrived within 600 s",
    )
    assert (begun.status, begun.reason, begun.outcome.excerpt) == (Status.FAILED, Reason.NO_PING, "half\n")


def test_the_grace_counts_from_the_slot_and_once_it_began_from_the_start() -> None:
    one = replace(job("a", SLOT - MINUTE), created_at=datetime(2020, 1, 1, tzinfo=UTC))
    one = replace(one, spec=replace(one.spec, ping=PING))
    execution = Execution(
        "0198bde9-0000-7000-8000-000000000000", "a", SLOT, Kind.SCHEDULED, Cause.TIMER, "", None, SLOT
    )
    begun = replace(execution, started_at=SLOT + 9 * MINUTE)
    assert deadline_of(PING, begun, has_begun=False) == SLOT + 10 * MINUTE
    assert deadline_of(PING, begun, has_begun=True) == SLOT + 19 * MINUTE
    later = SLOT + 11 * MINUTE
    assert [goes_on(one, begun, later, has_begun=has_begun) for has_begun in (False, True)] == [False, True]
    assert not goes_on(replace(one, created_at=later), begun, SLOT, has_begun=True)
    assert not goes_on(replace(one, spec=replace(one.spec, ping=None)), begun, SLOT, has_begun=True)


def test_keys_that_can_be_guessed_are_none() -> None:
    assert hash_of("0f5c8d7e-5a7e-4a1c-9f1e-6d2b8c3a4e5f") is not None
    assert [hash_of(key) for key in ("", "backup", "a" * 21, "a" * 65, "a" * 30 + "é", "a" * 30 + "/")] == [None] * 6
