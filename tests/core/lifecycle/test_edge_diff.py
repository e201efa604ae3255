"""Which edges a change of a job makes, ends or changes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.bounds import LARGEST_ENTRY
from myscheduler.core.job.after import Requirement
from myscheduler.core.job.job import Source
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.lifecycle.audit import AuditAction, bounded, of_spec
from myscheduler.core.lifecycle.edge_diff import edge_changes
from tests.support.chains import after

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def spec(*edges: str, requires: dict[str, int] | None = None, join: str = "all") -> JobSpec:
    schedule = after(*edges, join=join) if edges else DeclaredCron((("hour", "1"),))
    needed = tuple(Requirement(job, timedelta(hours=hours)) for job, hours in (requires or {}).items())
    return JobSpec("j", "j", schedule, "http://x", requires=needed)


@pytest.mark.parametrize(
    ("before", "later", "changes"),
    [
        pytest.param(None, spec("a"), ["after a None success"], id="created"),
        pytest.param(spec("a", "b:always"), None, ["after a success None", "after b always None"], id="deleted"),
        pytest.param(spec("a"), spec("a:failure"), ["after a success failure"], id="another outcome"),
        pytest.param(spec("a"), spec("b"), ["after a success None", "after b None success"], id="another job"),
        pytest.param(spec("a", "b"), spec("b", "a", join="any"), [], id="order and join"),
        pytest.param(spec("a"), spec(), ["after a success None"], id="a schedule again"),
        pytest.param(spec(), spec(requires={"a": 12}), ["requires a None PT12H"], id="requires"),
        pytest.param(
            spec(requires={"a": 12}), spec(requires={"a": 48}), ["requires a PT12H P2D"], id="within another time"
        ),
        pytest.param(
            spec(requires={"a": 1}), spec("a"), ["requires a PT1H None", "after a None success"], id="another kind"
        ),
        pytest.param(spec(), spec(), [], id="none"),
    ],
)
def test_table(before: JobSpec | None, later: JobSpec | None, changes: list[str]) -> None:
    found = list(edge_changes(before, later))
    assert [f"{one.kind} {one.parent} {one.before} {one.after}" for one in found] == changes
    assert {one.child for one in found} <= {"j"}


def test_an_entry_of_a_manifest_that_creates_a_job_names_its_edges() -> None:
    entry = of_spec(AuditAction.CREATED, None, spec("a"), at=NOW, actor="manifest", source=Source("j.yaml", 1, "r"))
    edge = {"kind": "after", "from": "a", "to": "j", "before": None, "after": "success"}
    assert (entry.detail["edges"], "fields" in entry.detail) == ([edge], False)
    plain = of_spec(AuditAction.CREATED, None, spec(), at=NOW, actor="api")
    assert "edges" not in plain.detail


def test_many_edges_are_bounded() -> None:
    entry = of_spec(AuditAction.CREATED, None, spec(*(f"{number:0200}" for number in range(100))), at=NOW, actor="api")
    edges, more = entry.detail["edges"], entry.detail["more_edges"]
    assert edges
    assert (len(edges) + more, len(json.dumps(edges, separators=(",", ":"))) <= LARGEST_ENTRY + len(edges) + 1) == (
        100,
        True,
    )
    assert bounded(entry.detail) == entry.detail
