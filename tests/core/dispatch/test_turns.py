"""Whether an execution that another one's end has started may begin."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.dispatch.turns import status_of, why_not_begun
from myscheduler.core.history.execution import Cause, Execution, Kind, Link, Status
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.reason import Reason
from tests.support.parts import job

NOW = datetime(2026, 12, 1, 12, 0, 0, 250_000, tzinfo=UTC)
"""A Tuesday; in Tokyo it is nine in the evening."""
MADE = NOW - timedelta(days=1)
SECOND = timedelta(seconds=1)


def declared(**fields: object) -> Job:
    return job("b", MADE, after=[{"job": "a"}], **fields)


JOB = declared(misfire_grace_time=60)


def started(ago: timedelta = SECOND, until: datetime | None = None) -> Execution:
    """It belongs to a chain whose slot is three hours old."""
    link = Link("chain", "parent", until)
    slot = NOW - timedelta(hours=3)
    return Execution(new_execution_id(NOW), "b", slot, Kind.CHAINED, Cause.CHAIN, "", None, NOW - ago, link=link)


def paused(until: datetime | None) -> Job:
    return replace(JOB, pause=Pause(by="me", at=NOW, reason=None, until=until))


def window(first: str, last: str) -> Job:
    return declared(blackout=[{"cron": first, "duration": last}])


@pytest.mark.parametrize(
    ("present", "execution", "reason"),
    [
        pytest.param(lambda: JOB, started(), None, id="at once"),
        pytest.param(lambda: None, started(), Reason.DELETED, id="deleted"),
        pytest.param(lambda: replace(JOB, created_at=NOW + SECOND), started(), Reason.DELETED, id="another job"),
        pytest.param(lambda: replace(JOB, digest="other"), started(), None, id="edited"),
        pytest.param(lambda: paused(None), started(), Reason.PAUSED, id="paused"),
        pytest.param(lambda: paused(NOW), started(), None, id="a pause that is over"),
        pytest.param(lambda: JOB, started(60 * SECOND), None, id="as late as its grace allows"),
        pytest.param(lambda: JOB, started(60.001 * SECOND), Reason.DEADLINE, id="later than that"),
        pytest.param(lambda: JOB, started(until=NOW + SECOND), None, id="before the chain times out"),
        pytest.param(lambda: JOB, started(until=NOW), Reason.CHAIN_TIMEOUT, id="when the chain times out"),
        pytest.param(lambda: paused(None), started(until=NOW), Reason.CHAIN_TIMEOUT, id="a time out comes first"),
        pytest.param(lambda: declared(end_at=(NOW + SECOND).isoformat()), started(), None, id="before end_at"),
        pytest.param(lambda: declared(end_at=(NOW - SECOND).isoformat()), started(), Reason.EXPIRED, id="after end_at"),
        pytest.param(lambda: window("0 21 * * *", "PT1H"), started(), Reason.BLACKOUT, id="in a blackout"),
        pytest.param(lambda: window("0 12 * * *", "PT1H"), started(), None, id="in a blackout of another zone"),
        pytest.param(lambda: declared(jitter_sec=None), started(timedelta(0)), None, id="without limits"),
    ],
)
def test_table(present: Callable[[], Job | None], execution: Execution, reason: Reason | None) -> None:
    assert why_not_begun(present(), execution, NOW, zone="Asia/Tokyo") is reason


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.DEADLINE, Status.MISSED),
        (Reason.EXPIRED, Status.MISSED),
        (Reason.PAUSED, Status.SKIPPED),
        (Reason.BLACKOUT, Status.SKIPPED),
        (Reason.OVERLAP, Status.SKIPPED),
        (Reason.CHAIN_TIMEOUT, Status.SKIPPED),
        (Reason.DELETED, Status.SKIPPED),
    ],
)
def test_what_does_not_begin_is_missed_or_skipped(reason: Reason, status: Status) -> None:
    assert status_of(reason) is status
