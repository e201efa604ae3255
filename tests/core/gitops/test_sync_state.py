"""What is remembered of revisions, and what the state says of files and conditions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.gitops.plan import BlockedDeletion, make_plan
from myscheduler.core.gitops.sync_state import Passed, SyncCondition, SyncReason, SyncState, file_states, passed, since
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import Snapshot, SourceFile, UnreadableFile

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
APPLIED = SyncState(
    SyncCondition.READY,
    SyncReason.APPLIED,
    "",
    attempted_revision="r1",
    attempted_at=NOW,
    created=("a", "b"),
    unchanged=2,
)
JOB = "job_id: {}\ncron: '0 1 * * *'\ntarget_url: http://127.0.0.1:9/\n"


def test_a_first_revision_is_the_first() -> None:
    news = passed(APPLIED, None)
    assert news is not None
    assert (news.number, news.revision, news.first_at, news.last_at, news.reason) == (
        1,
        "r1",
        NOW,
        NOW,
        SyncReason.APPLIED,
    )
    assert news.counts == {
        "created": 2, "updated": 0, "deleted": 0, "jobs": 4, "held": 0, "blocked": 0, "problems": 0,
    }  # fmt: skip


def _first() -> Passed:
    news = passed(APPLIED, None)
    assert news is not None
    return news


@pytest.mark.parametrize(
    ("changes", "number", "counts"),
    [
        pytest.param({"created": (), "unchanged": 4}, None, {}, id="a pass that changes nothing is no news"),
        pytest.param({"created": ("c",), "unchanged": 4}, 1, {"created": 3, "jobs": 5}, id="it did more"),
        pytest.param(
            {"created": (), "unchanged": 4, "reason": SyncReason.PROBLEMS}, 1, {"created": 2}, id="another reason"
        ),
        pytest.param(
            {"created": (), "unchanged": 4, "blocked": BlockedDeletion(("a", "b"), "d", "many")},
            1,
            {"blocked": 2},
            id="now blocked",
        ),
        pytest.param({"attempted_revision": "r2", "created": ()}, 2, {"created": 0}, id="another revision"),
        pytest.param({"attempted_revision": None}, None, {}, id="nothing was read"),
    ],
)
def test_a_further_pass(changes: dict[str, object], number: int | None, counts: dict[str, int]) -> None:
    later = replace(APPLIED, attempted_at=NOW + SECOND, **changes)  # type: ignore[arg-type] # a table of fields
    news = passed(later, _first())
    assert (news and news.number) == number
    if news is not None:
        assert counts.items() <= news.counts.items()
        assert news.last_at == NOW + SECOND
        assert news.first_at == (NOW if number == 1 else NOW + SECOND)


def test_files_are_applied_partial_held_or_unreadable() -> None:
    texts = {
        "good.yaml": JOB.format("a"),
        "half.yaml": JOB.format("b") + "---\njob_id: c\n",
        "bad.yaml": "job_id: [\n",
        "twice.yaml": JOB.format("d") + "---\n" + JOB.format("d"),
        "warned.yaml": JOB.format("e") + "headers: {X-MyScheduler-Job-Id: x}\n",
        "empty.yaml": "",
    }
    files = [SourceFile.of(path, text.encode()) for path, text in texts.items()]
    snapshot = Snapshot.of(files, [UnreadableFile("dark.yaml", "permission denied")])
    parsed: list[ParsedFile] = [parse_file(file, zone="UTC") for file in snapshot.files]
    plan = make_plan(combine(parsed, snapshot), {})
    states = file_states(parsed, (file.path for file in snapshot.unreadable), plan)
    assert {state.path: (state.condition, state.jobs, len(state.problems)) for state in states} == {
        "bad.yaml": ("held", 0, 1),
        "dark.yaml": ("unreadable", 0, 1),
        "empty.yaml": ("applied", 0, 0),
        "good.yaml": ("applied", 1, 0),
        "half.yaml": ("partial", 1, 1),
        "twice.yaml": ("partial", 2, 2),
        "warned.yaml": ("applied", 1, 1),
    }
    assert [state.path for state in states] == sorted(state.path for state in states)


@pytest.mark.parametrize("is_passing", [False, True])
@pytest.mark.parametrize("condition", list(SyncCondition))
def test_conditions(condition: SyncCondition, is_passing: bool) -> None:
    holding = {name for name, holds in replace(APPLIED, condition=condition).conditions(is_passing=is_passing) if holds}
    assert holding == {condition} | ({SyncCondition.RECONCILING} if is_passing else set())


def test_a_condition_lasts_until_it_is_another() -> None:
    stalled = replace(APPLIED, condition=SyncCondition.STALLED, since=NOW - SECOND)
    assert since(stalled, SyncCondition.STALLED, NOW) == NOW - SECOND
    assert since(stalled, SyncCondition.READY, NOW) == NOW
    assert since(replace(stalled, since=None), SyncCondition.STALLED, NOW) == NOW
