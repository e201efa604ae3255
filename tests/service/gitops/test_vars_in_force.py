"""`vars.yaml` over real files: what jobs are with its variables, and what a broken file changes (nothing)."""

from pathlib import Path

import pytest

from myscheduler.core.gitops.sync_state import SyncCondition, SyncState
from myscheduler.core.source.snapshot import VARS
from myscheduler.service.gitops.files_in_force import variables_in_force
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio

JOB = """\
job_id: a
interval: PT1H
target_url: "{{ vars.base_url }}/run"
body: {n: "{{ vars.n | default(1) }}"}
"""
PLAIN = "job_id: b\ninterval: PT1H\ntarget_url: https://other.example/run\n"


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in state.problems]


async def url(parts: Parts, job_id: str = "a") -> str:
    return (await parts.jobs())[job_id].spec.target_url


async def test_a_changed_variable_changes_the_jobs_that_use_it(parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest("b.yaml", PLAIN)
    parts.manifest(VARS, "base_url: https://one.example\n")
    assert rules(await parts.sync()) == []
    before = await parts.jobs()
    assert (await url(parts), before["a"].spec.body) == ("https://one.example/run", {"n": 1})
    parts.manifest(VARS, "base_url: https://two.example/v2\nn: 5\n")
    state = await parts.sync()
    after = await parts.jobs()
    assert (state.updated, await url(parts), after["a"].spec.body) == (("a",), "https://two.example/v2/run", {"n": 5})
    assert after["b"] == before["b"]


@pytest.mark.parametrize(
    "text", ["a: [", "- a", "Base: x", "base_url: [1]", "base_url: ${secret:X}", "base_url: null", "job_id: x"]
)
async def test_a_broken_file_changes_nothing(parts: Parts, text: str) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest(VARS, "base_url: https://one.example\n")
    await parts.sync()
    parts.manifest(VARS, text)
    state = await parts.sync()
    assert (VARS, "vars-kept") in rules(state)
    assert (await url(parts), state.held) == ("https://one.example/run", frozenset())
    later = variables_in_force(parts.store, {})
    await later.recall()
    assert dict(later.rules.known) == {"base_url": "https://one.example"}


async def test_without_a_valid_file_jobs_that_use_it_wait(parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest("b.yaml", PLAIN)
    parts.manifest(VARS, "base_url: [1]\n")
    state = await parts.sync()
    assert {("a.yaml", "unknown-variable"), (VARS, "invalid-vars"), (VARS, "vars-unknown")} == set(rules(state))
    assert list(await parts.jobs()) == ["b"]
    parts.manifest(VARS, "base_url: https://one.example\n")
    state = await parts.sync()
    assert (state.condition, sorted(await parts.jobs())) == (SyncCondition.READY, ["a", "b"])


async def test_a_job_whose_variable_is_gone_keeps_its_last_good_spec(parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest(VARS, "base_url: https://one.example\n")
    await parts.sync()
    parts.manifest(VARS, "{}\n")
    state = await parts.sync()
    assert (rules(state), state.held) == ([("a.yaml", "unknown-variable")], frozenset({"a"}))
    assert await url(parts) == "https://one.example/run"


async def test_the_environment_wins_and_is_noticed_at_the_next_start(tmp_path: Path) -> None:
    environment = {"MYSCHEDULER_VAR_BASE_URL": "https://prod.example"}
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", JOB)
        parts.manifest(VARS, "base_url: https://one.example\nn: 7\n")
        await parts.sync()
        assert await url(parts) == "https://one.example/run"
    async with opened(tmp_path, environment=environment) as parts:
        await parts.sync()
        job = (await parts.jobs())["a"]
        assert (job.spec.target_url, job.spec.body) == ("https://prod.example/run", {"n": 7})
    async with opened(tmp_path, environment=environment) as parts:
        assert (await parts.sync()).updated == ()


async def test_policy_judges_the_host_that_a_variable_gives(parts: Parts) -> None:
    parts.manifest("policy.yaml", "allow_hosts: ['one.example']\n")
    parts.manifest("a.yaml", JOB)
    parts.manifest(VARS, "base_url: https://one.example\n")
    assert rules(await parts.sync()) == []
    parts.manifest(VARS, "base_url: https://one.example.com@evil.test\n")
    state = await parts.sync()
    assert (rules(state), await url(parts)) == ([("a.yaml", "policy-host")], "https://one.example/run")


async def test_jobs_of_the_api_get_the_values_of_their_creation(parts: Parts) -> None:
    parts.manifest(VARS, "base_url: https://one.example\n")
    await parts.sync()
    body = {"job_id": "c", "interval": "PT1H", "target_url": "{{ vars.base_url }}/{{ scheduled_at | date('%d') }}"}
    async with client(parts) as api:
        assert (await api.post("/api/v1/jobs", json=body)).status_code == 200
        parts.manifest(VARS, "base_url: https://two.example\n")
        await parts.sync()
        assert await url(parts, "c") == "https://one.example/{{ scheduled_at | date('%d') }}"
        replaced = await api.put("/api/v1/jobs/c", json=body)
        assert (replaced.status_code, await url(parts, "c")) == (
            200,
            "https://two.example/{{ scheduled_at | date('%d') }}",
        )
        faulty = await api.post("/api/v1/jobs", json=body | {"job_id": "d", "body": "{{ vars.none }}"})
        assert [(one["field"], one["rule"]) for one in faulty.json()["errors"]] == [("body", "unknown-variable")]
        checked = await api.post("/api/v1/validate", json={"files": {"a.yaml": JOB, VARS: "base: 1\n"}})
        assert [(one["line"], one["column"]) for one in checked.json()["problems"]] == [(3, 17)]
        planned = await api.post("/api/v1/plan", json={"manifest": JOB})
        (change,) = planned.json()["changes"]
        assert "https://two.example/run" in str(change)
