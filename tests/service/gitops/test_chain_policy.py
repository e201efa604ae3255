"""`max_chain_depth` and `chains_within_label` in every place that enforces the policy."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from myscheduler.core.gitops.sync_state import SyncState
from tests.support.api import JOBS, assert_problem
from tests.support.parts import Parts, client, manifest, opened

pytestmark = pytest.mark.anyio

POLICY = "max_chain_depth: 1\nchains_within_label: team\n"


def job(job_id: str, *parents: str, team: str = "x") -> str:
    schedule = f"after: [{', '.join(f'{{job: {one}}}' for one in parents)}]\n" if parents else "cron: '0 2 * * *'\n"
    return manifest(job_id, f"labels: {{team: {team}}}\n", schedule=schedule)


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(one.path, one.rule) for one in state.problems]


@pytest.fixture
async def ruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path) as parts:
        parts.manifest("policy.yaml", POLICY)
        parts.manifest("a.yaml", job("a"))
        parts.manifest("b.yaml", job("b", "a"))
        assert rules(await parts.sync()) == []
        yield parts


async def test_the_source(ruled: Parts) -> None:
    before = await ruled.jobs()
    ruled.manifest("b.yaml", job("b", "a", team="y"))
    ruled.manifest("c.yaml", job("c", "b"))
    ruled.manifest("d.yaml", job("d", "a", team="y"))
    ruled.manifest("e.yaml", job("e", "a"))
    for _ in range(2):  # what is held is found again
        state = await ruled.sync()
        found = [("b.yaml", "policy-chain-label"), ("c.yaml", "policy-chain-depth"), ("d.yaml", "policy-chain-label")]
        # while b was to change, c differed from it, too
        assert [one for one in rules(state) if one != ("c.yaml", "policy-chain-label")] == found
        stored = await ruled.jobs()
        assert sorted(stored) == ["a", "b", "e"]
        assert (stored["b"], state.held) == (before["b"], frozenset("b"))


async def test_what_runs_already_is_left_alone(ruled: Parts) -> None:
    ruled.manifest("policy.yaml", "{}\n")
    ruled.manifest("c.yaml", job("c", "b", team="y"))
    await ruled.sync()
    ruled.manifest("policy.yaml", POLICY)
    state = await ruled.sync()
    assert (rules(state), state.held) == ([], frozenset())
    ruled.manifest("c.yaml", job("c", "b", team="y") + "max_retries: 1\n")
    assert ((await ruled.sync()).updated, (await ruled.jobs())["c"].spec.max_retries) == (("c",), 1)


async def test_validate_and_plan(ruled: Parts) -> None:
    ruled.manifest("c.yaml", job("c", "b", team="y"))
    found = CliRunner().invoke(main, ["validate", "jobs.d"]).stdout.splitlines()
    assert found == [
        (
            "jobs.d/c.yaml:3:8: error: after: 'c' is 2 jobs below the beginning of its chain, more than the 1 that "
            "jobs.d/policy.yaml:1 allows: shorten the chain [policy-chain-depth]"
        ),
        (
            "jobs.d/c.yaml:3:15: error: after.0.job: 'c' would be linked to 'b', and jobs.d/policy.yaml:2 allows that "
            "only within one value of the label team: they have 'y' and 'x' [policy-chain-label]"
        ),
        "3 jobs, 2 errors",
    ]
    arguments = ["plan", "--database-url", "sqlite:///jobs.db", "--format", "json"]
    planned = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert planned["changes"] == []
    assert [one["rule"] for one in planned["problems"]] == ["policy-chain-depth", "policy-chain-label"]


@pytest.fixture
async def api(ruled: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(ruled) as one:
        yield one


async def test_the_api(api: httpx.AsyncClient) -> None:
    def body(job_id: str, *parents: str, team: str = "x") -> dict[str, Any]:
        linked: dict[str, Any] = {"after": [{"job": one} for one in parents]} if parents else {"cron": "0 1 * * *"}
        return {"job_id": job_id, "target_url": "https://example.com/", "labels": {"team": team}} | linked

    needed = {"job": "a", "within": "PT1H"}
    for refused, rule, field in (
        (body("n", "b"), "policy-chain-depth", "after"),
        (body("n", "a", team="y"), "policy-chain-label", "after.0.job"),
        (body("n", team="y") | {"requires": [needed]}, "policy-chain-label", "requires.0.job"),
    ):
        problem = assert_problem(await api.post(JOBS, json=refused), 422)
        assert [(one["rule"], one["field"]) for one in problem["errors"]] == [(rule, field)]
    assert (await api.post(JOBS, json=body("n", "a"))).is_success
    problem = assert_problem(await api.put(f"{JOBS}/n", json=body("n", "a", team="y")), 422)
    assert "policy.yaml:2 allows that only within one value" in str(problem)
    assert (await api.post(JOBS, json=body("p"))).is_success
    assert (await api.post(JOBS, json=body("q", "p"))).is_success
    problem = assert_problem(await api.put(f"{JOBS}/p", json=body("p", team="y")), 422)
    assert [(one["rule"], one["field"]) for one in problem["errors"]] == [("policy-chain-label", "labels.team")]
    problem = assert_problem(await api.put(f"{JOBS}/p", json=body("p", "a")), 422)
    assert [(one["rule"], one["field"]) for one in problem["errors"]] == [("policy-chain-depth", "after")]
