"""A run of a chain as a graph, where it has more jobs than an answer may have."""

import pytest

from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.runs import run_of
from myscheduler.core.history.execution import Cause, Kind, Link, Record, Status
from tests.support.chains import NOW, ROOT, after

CHILDREN = [f"j{number}" for number in range(1, 10)]
GRAPH = Graph({one: after(ROOT) for one in CHILDREN})


def _row(job_id: str) -> Record:
    of_chain = Link(ROOT, ROOT, None) if job_id != ROOT else None
    kind, cause = (Kind.CHAINED, Cause.CHAIN) if of_chain else (Kind.SCHEDULED, Cause.TIMER)
    status = Status.COMPLETED if of_chain else Status.RUNNING
    return Record(
        job_id, job_id, NOW, kind, cause, status, None, NOW, 1, None, None, None, NOW, NOW, 1, 200, 0, None,
        None, link=of_chain,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        pytest.param([ROOT, *CHILDREN[5:]], [ROOT, *CHILDREN[5:]], id="all that are read"),
        pytest.param([ROOT, *CHILDREN[:2:-1]], [ROOT, *CHILDREN[3:7]], id="too many of them"),
        pytest.param([ROOT, "j9"], [ROOT, "j1", "j2", "j3", "j9"], id="and others in order"),
    ],
)
def test_jobs_that_have_run_come_first(rows: list[str], shown: list[str]) -> None:
    run = run_of(ROOT, [_row(one) for one in rows], GRAPH, most=5)
    assert [node.job_id for node in run.nodes] == shown
    assert [node.job_id for node in run.nodes if node.record] == [one for one in shown if one in rows]
    assert run.left_out == 10 - 5
