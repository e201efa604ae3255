"""Plans: each kind of change, the guards of a deletion, and laws."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.gitops.plan import (
    PRUNE_BUDGET_JOBS,
    Conflict,
    Create,
    Delete,
    Hold,
    Known,
    Move,
    Plan,
    Update,
    job_id_of,
    make_plan,
)
from myscheduler.core.job.job import Owner
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.manifest.declared import DeclaredJob, Desired


def _declared(job_id: str, digest: str = "1", path: str = "a.yaml", line: int = 1) -> DeclaredJob:
    spec = JobSpec(job_id, job_id, DeclaredCron((("hour", "1"),)), "http://x")
    return DeclaredJob(spec.job_id, digest, path, line, spec)


def _known(job_id: str, digest: str = "1", path: str = "a.yaml", owner: Owner = Owner.MANIFEST) -> Known:
    return Known(job_id, owner, digest, 1, path if owner is Owner.MANIFEST else None, 1)


def _desired(*jobs: DeclaredJob, ids: frozenset[str] = frozenset(), paths: frozenset[str] = frozenset()) -> Desired:
    return Desired("r", {job.job_id: job for job in jobs}, (), ids, paths)


def _stored(*known: Known) -> dict[str, Known]:
    return {each.job_id: each for each in known}


@pytest.mark.parametrize(
    ("desired", "stored", "kinds", "unchanged"),
    [
        pytest.param(_desired(_declared("x")), _stored(), {"x": Create}, 0, id="create"),
        pytest.param(_desired(_declared("x")), _stored(_known("x")), {}, 1, id="unchanged"),
        pytest.param(_desired(_declared("x", "2")), _stored(_known("x")), {"x": Update}, 0, id="update"),
        pytest.param(
            _desired(_declared("x", "2", "b.yaml")), _stored(_known("x")), {"x": Update}, 0, id="moved and changed"
        ),
        pytest.param(_desired(_declared("x", path="b.yaml")), _stored(_known("x")), {"x": Move}, 1, id="other file"),
        pytest.param(_desired(_declared("x", line=2)), _stored(_known("x")), {"x": Move}, 1, id="other line"),
        pytest.param(_desired(_declared("y")), _stored(_known("x"), _known("y")), {"x": Delete}, 1, id="delete"),
        pytest.param(_desired(ids=frozenset("x")), _stored(_known("x")), {"x": Hold}, 0, id="hold by id"),
        pytest.param(_desired(paths=frozenset(["a.yaml"])), _stored(_known("x")), {"x": Hold}, 0, id="hold by file"),
        pytest.param(
            _desired(paths=frozenset(["t/"])),
            _stored(_known("x", path="t/s/a.yaml")),
            {"x": Hold},
            0,
            id="hold by folder",
        ),
        pytest.param(
            _desired(_declared("x", path="b.yaml"), paths=frozenset(["a.yaml"])),
            _stored(_known("x")),
            {"x": Move},
            1,
            id="moved away from a broken file",
        ),
        pytest.param(
            _desired(_declared("x")), _stored(_known("x", owner=Owner.API)), {"x": Conflict}, 0, id="conflict"
        ),
        pytest.param(_desired(), _stored(_known("x", owner=Owner.API)), {}, 0, id="API jobs are nobody's business"),
        pytest.param(_desired(ids=frozenset("x")), _stored(), {}, 0, id="nothing to hold"),
    ],
)
def test_change(desired: Desired, stored: dict[str, Known], kinds: dict[str, type], unchanged: int) -> None:
    plan = make_plan(desired, stored)
    assert {job_id_of(change): type(change) for change in plan.changes} == kinds
    assert (plan.unchanged, plan.blocked) == (unchanged, None)


def test_conflict_is_a_problem() -> None:
    plan = make_plan(_desired(_declared("x", line=3)), _stored(_known("x", owner=Owner.API)))
    (problem,) = plan.problems
    assert str(problem) == (
        "a.yaml:3:1: error: job_id: a job 'x' was created through the API and stays as it is: write adopt: true to "
        "take it over, delete it there, or choose another id [owned-by-api]"
    )


def _many(count: int) -> dict[str, Known]:
    return _stored(*(_known(f"{n:03}") for n in range(count)))


@pytest.mark.parametrize(
    ("total", "gone", "reason"),
    [
        pytest.param(1, 1, "the source reads as empty, which would delete its only job", id="empty, one job"),
        pytest.param(40, 40, "the source reads as empty, which would delete all 40 of its jobs", id="empty"),
        pytest.param(6, 5, None, id="five may go"),
        pytest.param(7, 6, "6 of 7 jobs would be deleted, more than the budget of 5 jobs or 30%", id="six may not"),
        pytest.param(20, 6, None, id="30 %"),
        pytest.param(20, 7, "7 of 20 jobs would be deleted, more than the budget of 5 jobs or 30%", id="over 30 %"),
    ],
)
def test_budget(total: int, gone: int, reason: str | None) -> None:
    stored = _many(total) | _stored(_known("api", owner=Owner.API))
    desired = _desired(*(_declared(f"{n:03}") for n in range(gone, total)), *[_declared("new")] * (total > gone))
    plan = make_plan(desired, stored)
    assert (plan.blocked.reason if plan.blocked else None) == reason
    deleted = sum(isinstance(change, Delete) for change in plan.changes)
    assert deleted == (0 if reason else gone)
    assert any(isinstance(change, Create) for change in plan.changes) is (total > gone)


@pytest.mark.parametrize(
    ("nameless", "is_blocked"),
    [
        pytest.param([], False, id="all can be read"),
        pytest.param(["a.yaml"], False, id="a file of known jobs: those are held"),
        pytest.param(["new.yaml"], True, id="a file that is new"),
        pytest.param(["t/"], False, id="a folder of known jobs"),
        pytest.param(["u/"], True, id="a folder that is new"),
    ],
)
def test_what_is_new_and_can_not_be_read_may_be_what_is_gone(nameless: list[str], is_blocked: bool) -> None:
    """A file that was renamed and broken in one commit."""
    stored = _stored(_known("x", path="gone.yaml"), _known("y"), _known("z", path="t/z.yaml"))
    paths = frozenset(nameless)
    desired = replace(_desired(_declared("y"), _declared("new"), paths=paths), nameless_paths=paths)
    plan = make_plan(desired, stored)
    assert (plan.blocked is not None) is is_blocked
    if plan.blocked is not None:
        assert "may declare any job, and 'x'" in plan.blocked.reason
        assert any(isinstance(change, Create) for change in plan.changes), "the rest is applied"


def test_nothing_is_deleted_where_no_manifest_can_be_used() -> None:
    plan = make_plan(_desired(ids=frozenset("x")), _stored(_known("x"), _known("y", path="b.yaml")))
    assert plan.blocked is not None
    assert plan.blocked.reason == "no manifest of the source can be used, and 'y' would be deleted"


def test_approval_fits_exactly_one_deletion() -> None:
    stored = _many(8)
    blocked = make_plan(_desired(), stored).blocked
    assert blocked is not None
    assert blocked.job_ids == tuple(sorted(stored))
    approved = make_plan(_desired(), stored, approved=blocked.digest)
    assert approved.blocked is None
    assert [type(change) for change in approved.changes] == [Delete] * 8
    others = [_many(9), _many(7), stored | {"000": replace(stored["000"], digest="2")}]
    assert all(make_plan(_desired(), other, approved=blocked.digest).blocked for other in others)
    assert make_plan(_desired(), stored, approved="").blocked == blocked


_IDS = st.sampled_from("abcdefghij")
_JOBS = st.builds(_declared, _IDS, st.sampled_from("12"), st.sampled_from(["a.yaml", "b.yaml", "t/c.yaml"]), st.just(1))
_DESIRED = st.builds(
    lambda jobs, ids, paths: replace(
        _desired(*jobs, ids=ids, paths=paths), jobs={job.job_id: job for job in jobs if job.job_id not in ids}
    ),
    st.lists(_JOBS, max_size=10),
    st.frozensets(_IDS, max_size=3),
    st.frozensets(st.sampled_from(["a.yaml", "b.yaml", "t/"]), max_size=1),
)
_STORED = st.lists(
    st.builds(_known, _IDS, st.sampled_from("12"), st.sampled_from(["a.yaml", "t/c.yaml"]), st.sampled_from(Owner))
).map(lambda known: _stored(*known))


def _apply(plan: Plan, stored: dict[str, Known]) -> dict[str, Known]:
    result = dict(stored)
    for change in plan.changes:
        match change:
            case Create(declared) | Update(declared) | Move(declared):
                job_id = declared.job_id
                result[job_id] = Known(job_id, Owner.MANIFEST, declared.digest, 1, declared.path, declared.line)
            case Delete(known):
                del result[known.job_id]
            case Hold() | Conflict():
                pass
    return result


@given(_DESIRED, _STORED)
def test_laws(desired: Desired, stored: dict[str, Known]) -> None:
    plan = make_plan(desired, stored)
    if plan.blocked:
        kept = _apply(plan, stored)
        assert kept.keys() >= stored.keys()
        assert not desired.jobs or len(plan.blocked.job_ids) > PRUNE_BUDGET_JOBS
        plan = make_plan(desired, stored, approved=plan.blocked.digest)
        assert plan.blocked is None
    applied = _apply(plan, stored)

    foreign = {job_id: known for job_id, known in stored.items() if known.owner is Owner.API}
    held = {
        job_id: known
        for job_id, known in stored.items()
        if job_id not in foreign and job_id not in desired.jobs and desired.holds(job_id, known.path or "")
    }
    declared = {
        job_id: Known(job_id, Owner.MANIFEST, job.digest, 1, job.path, job.line)
        for job_id, job in desired.jobs.items()
        if job_id not in foreign
    }
    assert applied == declared | held | foreign

    again = make_plan(desired, applied)
    assert all(isinstance(change, Hold | Conflict) for change in again.changes)
    assert again.blocked is None
    assert again.unchanged == len(declared)
    assert [job_id_of(change) for change in plan.changes] == sorted(job_id_of(change) for change in plan.changes)
