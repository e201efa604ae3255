"""What a policy lets jobs run after: how deep chains may be, and within which label links have to stay."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from myscheduler.core.job.after import Requirement
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.policy.caps import Cap, ChainCap, caps_of
from myscheduler.core.policy.linking import policy_faults
from myscheduler.core.policy.policy import NO_POLICY, Policy
from tests.support.chains import after

Jobs = Mapping[str, JobSpec]
TWO_DEEP = ChainCap(2, "policy.yaml:1", None, "policy.yaml:1")
OF_TEAM = ChainCap(None, "policy.yaml:1", "team", "policy.yaml:2")


def one(job_id: str, *parents: str, team: str = "", requires: str = "") -> JobSpec:
    schedule = after(*parents, join="any") if parents else DeclaredCron((("hour", "1"),))
    needed = (Requirement(requires, timedelta(hours=1)),) if requires else ()
    return JobSpec(job_id, job_id, schedule, "http://x", labels={"team": team} if team else {}, requires=needed)


def jobs(*specs: JobSpec) -> dict[str, JobSpec]:
    return {spec.job_id: spec for spec in specs}


def faults(before: Jobs, after: Jobs, cap: ChainCap, job_ids: frozenset[str] | None = None) -> list[tuple[str, str]]:
    changed = {job_id for job_id, spec in after.items() if before.get(job_id) != spec}
    found = policy_faults(before, after, changed, [Cap(None, "", job_ids, cap)])
    return [(fault.job_id, ".".join(map(str, fault.loc))) for fault in found]


LINE = jobs(one("a"), one("b", "a"), one("c", "b"))
DEEP = {**LINE, "d": one("d", "c")}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param({}, LINE, [], id="at the limit"),
        pytest.param({}, DEEP, ["d"], id="one too deep"),
        pytest.param(LINE, DEEP, ["d"], id="one more"),
        pytest.param(DEEP, DEEP, [], id="what runs already is left alone"),
        pytest.param(DEEP, DEEP | {"d": one("d", "c", team="x")}, [], id="a change of something else"),
        pytest.param(LINE, LINE | jobs(one("z"), one("a", "z")), ["a"], id="one above goes deeper"),
        pytest.param(LINE, LINE | jobs(one("z"), one("a", "z"), one("b")), [], id="one above and one that leaves"),
        pytest.param(DEEP, DEEP | {"d": one("d", "b")}, [], id="less deep"),
    ],
)
def test_depth(before: Jobs, after: Jobs, found: list[str]) -> None:
    assert faults(before, after, TWO_DEEP) == [(job_id, "after") for job_id in found]


A, B = one("a", team="x"), one("b", "a", team="x")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param({}, jobs(A, B), [], id="the same value"),
        pytest.param({}, jobs(A, one("b", "a", team="y")), [("b", "after.0.job")], id="another value"),
        pytest.param({}, jobs(A, one("b", "a")), [("b", "after.0.job")], id="missing on the job"),
        pytest.param({}, jobs(one("a"), B), [("b", "after.0.job")], id="missing on the one before"),
        pytest.param({}, jobs(one("a"), one("b", "a")), [("b", "after.0.job")], id="missing on both"),
        pytest.param({}, jobs(A, one("b", "x", team="y")), [], id="a job that there is not"),
        pytest.param(
            {}, jobs(A, one("c", team="y"), one("b", "a", "c", team="x")), [("b", "after.1.job")], id="one of two"
        ),
        pytest.param({}, jobs(A, one("b", team="y", requires="a")), [("b", "requires.0.job")], id="requires"),
        pytest.param(jobs(A, B), jobs(one("a", team="y"), B), [("a", "labels.team")], id="the one before changes"),
        pytest.param(jobs(A, B), jobs(A, one("b", "a", team="y")), [("b", "after.0.job")], id="the job changes"),
        pytest.param(jobs(A, one("b", "a")), jobs(A, one("b", "a")), [], id="what runs already is left alone"),
        pytest.param(jobs(A, one("b", "a")), jobs(A, one("b", "a:failure")), [], id="only the condition changes"),
        pytest.param(jobs(A, one("b", "a")), jobs(A, B), [], id="it is mended"),
    ],
)
def test_label(before: Jobs, after: Jobs, found: list[tuple[str, str]]) -> None:
    assert faults(before, after, OF_TEAM) == found


def test_the_policy_of_a_config_map_is_about_its_jobs() -> None:
    jobs_after = jobs(A, one("b", "a", team="y"), one("c", "b", team="x"))
    assert faults({}, jobs_after, OF_TEAM, frozenset("c")) == [("c", "after.0.job")]


def test_what_it_says() -> None:
    cap = ChainCap(1, "policy.yaml:1", "team", "policy.yaml:2")
    after_it = jobs(A, B, one("c", "b"))
    assert [fault.message for fault in policy_faults({}, after_it, after_it.keys(), [Cap(None, "", None, cap)])] == [
        "'c' is 2 jobs below the beginning of its chain, more than the 1 that policy.yaml:1 allows: shorten the chain",
        (
            "'c' would be linked to 'b', and policy.yaml:2 allows that only within one value of the label team: "
            "they have '' and 'x'"
        ),
    ]


def test_caps_of_policies() -> None:
    assert caps_of([NO_POLICY]) == ()
    (cap,) = caps_of([Policy(max_chain_depth=3, lines={"max_chain_depth": 7})])
    assert (cap.most, cap.chains) == (None, ChainCap(3, "policy.yaml:7", None, "policy.yaml:1"))
