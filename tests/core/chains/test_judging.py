"""Whether a job runs, once the jobs that it runs after have ended."""

import pytest

from myscheduler.core.chains.judging import RUNS, End, judge
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.reason import Reason
from tests.support.chains import after

ENDS = {
    "completed": End("c", Status.COMPLETED, {"rows": 3}),
    "empty": End("e", Status.COMPLETED, {"rows": 0}),
    "silent": End("t", Status.COMPLETED),
    "failed": End("f", Status.FAILED),
    "interrupted": End("i", Status.INTERRUPTED),
    "skipped": End("s", Status.SKIPPED),
    "missed": End("m", Status.MISSED),
    "running": End("r", Status.RUNNING),
}
"""By the name of the job; `open` has no end and may get one, `never` may not."""


def judged(declared: DeclaredAfter) -> Reason | str | None:
    return judge(declared, ENDS, lambda job_id: job_id == "open")


OUTCOMES = ["completed", "failed", "interrupted", "skipped", "missed", "never", "running", "open"]
TABLE = {
    "success": [RUNS, Reason.UPSTREAM_OUTCOME, Reason.UPSTREAM_OUTCOME],
    "failure": [Reason.UPSTREAM_OUTCOME, RUNS, RUNS],
    "always": [RUNS, RUNS, RUNS],
}


@pytest.mark.parametrize("if_skipped", ["skip", "run"])
@pytest.mark.parametrize("on", TABLE)
def test_every_outcome_meets_every_kind_of_edge(on: str, if_skipped: str) -> None:
    found = [judged(after(f"{outcome}:{on}", if_skipped=if_skipped)) for outcome in OUTCOMES]
    not_run = RUNS if if_skipped == "run" else Reason.UPSTREAM_SKIPPED
    assert found == [*TABLE[on], not_run, not_run, not_run, None, None]


@pytest.mark.parametrize(
    ("declared", "verdict"),
    [
        pytest.param(after("completed", "failed:failure"), RUNS, id="all: each as it should"),
        pytest.param(after("completed", "running"), None, id="all: one is still running"),
        pytest.param(after("completed", "open"), None, id="all: one may still come"),
        pytest.param(after("failed", "running"), Reason.UPSTREAM_OUTCOME, id="all: over as soon as one is otherwise"),
        pytest.param(after("skipped", "open"), Reason.UPSTREAM_SKIPPED, id="all: over as soon as one did not run"),
        pytest.param(after("skipped", "failed"), Reason.UPSTREAM_OUTCOME, id="all: an outcome says more than a skip"),
        pytest.param(after("completed", "skipped", if_skipped="run"), RUNS, id="all: a skip does not matter"),
        pytest.param(after("failed", "completed", join="any"), RUNS, id="any: one is enough"),
        pytest.param(after("completed", "running", join="any"), RUNS, id="any: the first is enough"),
        pytest.param(after("failed", "running", join="any"), None, id="any: the other may"),
        pytest.param(after("failed", "never", join="any"), Reason.UPSTREAM_OUTCOME, id="any: none"),
        pytest.param(after("skipped", "never", join="any"), Reason.UPSTREAM_SKIPPED, id="any: none ran"),
        pytest.param(after("skipped", "failed", join="any", if_skipped="run"), RUNS, id="any: a skip is enough"),
        pytest.param(after("completed", when="completed"), RUNS, id="when: it holds"),
        pytest.param(after("empty", when="empty"), Reason.CONDITION, id="when: it does not"),
        pytest.param(after("silent", when="silent"), Reason.CONDITION, id="when: nothing was handed on"),
        pytest.param(after("failed:always", when="failed"), Reason.CONDITION, id="when: a failure hands nothing on"),
        pytest.param(after("skipped", when="skipped", if_skipped="run"), Reason.CONDITION, id="when: it did not run"),
        pytest.param(after("failed", when="failed"), Reason.UPSTREAM_OUTCOME, id="when: asked only if it would run"),
        pytest.param(after("completed", "running", join="any", when="running"), None, id="when: any waits for its job"),
        pytest.param(after("completed", "failed", join="any", when="failed"), Reason.CONDITION, id="when: any, ended"),
        pytest.param(after("completed", "never", join="any", when="never"), Reason.CONDITION, id="when: any, never"),
    ],
)
def test_joins_and_conditions(declared: DeclaredAfter, verdict: Reason | str | None) -> None:
    assert judged(declared) == verdict
