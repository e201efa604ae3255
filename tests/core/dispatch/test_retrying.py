"""Whether an execution that waits may still make its next attempt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.dispatch.retrying import why_not_retried
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.reason import Reason
from tests.support.parts import job

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MADE = NOW - timedelta(hours=1)
JOB = job("a", MADE, retry={"max_attempts": 3, "max_total_sec": 600})


def execution(kind: Kind = Kind.SCHEDULED, started_at: datetime = NOW) -> Execution:
    return Execution(new_execution_id(NOW), "a", NOW, kind, Cause.TIMER, JOB.digest, None, started_at)


def paused(of: Job, until: datetime | None) -> Job:
    return replace(of, pause=Pause(by="me", at=NOW, reason=None, until=until))


@pytest.mark.parametrize(
    ("present", "of", "reason"),
    [
        pytest.param(lambda: JOB, execution(), None, id="as it was"),
        pytest.param(lambda: None, execution(), Reason.DELETED, id="deleted"),
        pytest.param(
            lambda: replace(JOB, created_at=NOW + timedelta(seconds=1)), execution(), Reason.DELETED, id="another job"
        ),
        pytest.param(lambda: replace(JOB, digest="other"), execution(), Reason.EDITED, id="edited"),
        pytest.param(lambda: paused(JOB, None), execution(), Reason.PAUSED, id="paused"),
        pytest.param(lambda: paused(JOB, NOW), execution(), None, id="a pause that is over"),
        pytest.param(lambda: paused(JOB, None), execution(Kind.MANUAL), None, id="a manual run of a paused job"),
        pytest.param(
            lambda: JOB, execution(started_at=NOW - timedelta(seconds=600)), None, id="as late as max_total_sec allows"
        ),
        pytest.param(
            lambda: JOB, execution(started_at=NOW - timedelta(seconds=601)), Reason.DEADLINE, id="after max_total_sec"
        ),
    ],
)
def test_table(present: Callable[[], Job | None], of: Execution, reason: Reason | None) -> None:
    assert why_not_retried(present(), of, NOW) is reason
