"""A policy over real files: what the reconciler and the API let through, and what a broken policy changes (nothing)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason, SyncState
from myscheduler.core.policy.grants import Grants
from tests.support.api import JOBS
from tests.support.parts import ZONE, MovableClock, Parts, client, manifest, opened

pytestmark = pytest.mark.anyio

FEW_RETRIES = "max_retries: 1\n"
NIGHT = "cron: '0 2 * * *'\n"
NOON = "cron: '30 12 * * *'\n"


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(parts) as one:
        yield one


def body(job_id: str, **fields: Any) -> dict[str, Any]:
    return {"job_id": job_id, "target_url": "https://example.com/", "interval": {"hours": 1}} | fields


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in state.problems]


async def test_what_breaks_the_policy_is_not_applied_and_the_rest_is(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    before = await parts.jobs()
    parts.manifest("policy.yaml", FEW_RETRIES)
    parts.manifest("a.yaml", manifest("a", "max_retries: 2\n"))
    parts.manifest("b.yaml", manifest("b", "max_retries: 1\n"))
    parts.manifest("c.yaml", manifest("c", "max_retries: 9\n---\n") + manifest("d"))
    state = await parts.sync()
    assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.PROBLEMS)
    assert rules(state) == [("a.yaml", "policy-retries"), ("c.yaml", "policy-retries")]
    assert "2 is more than the 1 that policy.yaml:1 allows" in state.problems[0].message
    assert (state.held, state.created, state.updated, state.deleted) == (frozenset("a"), ("d",), ("b",), ())
    assert (await parts.jobs())["a"] == before["a"]
    parts.manifest("a.yaml", manifest("a", "max_retries: 1\n"))
    assert (await parts.sync()).updated == ("a",)


async def test_a_stricter_policy_judges_every_file_and_stops_no_job(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a", "max_retries: 5\n"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    await parts.sync()  # of both files only the outlines are left
    before = await parts.jobs()
    parts.manifest("policy.yaml", FEW_RETRIES)
    state = await parts.sync()
    assert (rules(state), state.held, state.unchanged) == ([("a.yaml", "policy-retries")], frozenset("a"), 1)
    assert await parts.jobs() == before
    parts.manifest("policy.yaml", "max_retries: 5\n")
    state = await parts.sync()
    assert (state.condition, state.held, state.unchanged) == (SyncCondition.READY, frozenset(), 2)


async def test_the_rules_hold_over_a_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("policy.yaml", FEW_RETRIES)
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()
    async with opened(tmp_path) as parts:
        parts.manifest("b.yaml", manifest("b", "max_retries: 2\n"))
        assert rules(await parts.sync()) == [("b.yaml", "policy-retries")]


def broken(parts: Parts) -> None:
    parts.manifest("policy.yaml", "max_retires: 1\n")


def no_yaml(parts: Parts) -> None:
    parts.manifest("policy.yaml", "max_retries: [\n")


def empty(parts: Parts) -> None:
    parts.manifest("policy.yaml", "")


def dangling(parts: Parts) -> None:
    (parts.jobs_dir / "policy.yaml").unlink(missing_ok=True)
    (parts.jobs_dir / "policy.yaml").symlink_to("gone")


def folder(parts: Parts) -> None:
    (parts.jobs_dir / "policy.yaml").unlink(missing_ok=True)
    (parts.jobs_dir / "policy.yaml").mkdir()


UNUSABLE = [broken, no_yaml, empty, dangling, folder]


@pytest.mark.parametrize("is_new_process", [False, True])
@pytest.mark.parametrize("spoil", UNUSABLE)
async def test_a_policy_that_cannot_be_used_lifts_no_rule(tmp_path: Path, spoil: Any, is_new_process: bool) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("policy.yaml", FEW_RETRIES)
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()
        spoil(parts)
        if not is_new_process:
            await _refuses_too_many_retries(parts)
    if is_new_process:
        async with opened(tmp_path) as parts:
            await _refuses_too_many_retries(parts)


async def _refuses_too_many_retries(parts: Parts) -> None:
    parts.manifest("b.yaml", manifest("b", "max_retries: 2\n"))
    parts.manifest("c.yaml", manifest("c", "max_retries: 1\n"))
    state = await parts.sync()
    assert state.condition is SyncCondition.STALLED
    assert ("policy.yaml", "policy-kept") in rules(state)
    assert ("b.yaml", "policy-retries") in rules(state)
    assert (state.created, state.held) == (("c",), frozenset())
    async with client(parts) as api:
        assert (await api.post(JOBS, json=body("x", max_retries=2))).status_code == 422
        assert (await api.post(JOBS, json=body("x", max_retries=1))).status_code == 200


@pytest.mark.parametrize("spoil", UNUSABLE)
async def test_where_no_policy_was_ever_good_nothing_new_comes_in(tmp_path: Path, spoil: Any) -> None:
    async with opened(tmp_path) as parts:
        spoil(parts)
        parts.manifest("a.yaml", manifest("a"))
        state = await parts.sync()
        assert state.condition is SyncCondition.STALLED
        assert [rule for path, rule in rules(state) if path == "policy.yaml" and rule.startswith("policy-")] == [
            "policy-unknown"
        ]
        assert (state.created, await parts.jobs()) == ((), {})
        async with client(parts) as api:
            refused = await api.post(JOBS, json=body("x"))
        assert (refused.status_code, [one["rule"] for one in refused.json()["errors"]]) == (422, ["policy-unknown"])
        (parts.jobs_dir / "policy.yaml").rename(parts.jobs_dir / ".policy.yaml")
        assert (await parts.sync()).created == ("a",)


async def test_without_a_good_policy_what_runs_goes_on_and_what_was_removed_goes(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        for name in ("a", "b", "c"):
            parts.manifest(f"{name}.yaml", manifest(name))
        await parts.create("d", max_retries=3)
        await parts.sync()
        await parts.store.write(lambda connection: connection.exec_driver_sql("DELETE FROM outlines"))
    async with opened(tmp_path) as parts:  # as after an update from a version that knew no policies
        before = await parts.jobs()
        broken(parts)
        parts.manifest("a.yaml", manifest("a", "max_retries: 1\n"))
        (parts.jobs_dir / "b.yaml").rename(parts.jobs_dir / "e.yaml")
        (parts.jobs_dir / "c.yaml").unlink()
        parts.manifest("d.yaml", manifest("d", "adopt: true\n"))
        state = await parts.sync()
        assert (sorted(state.held), state.updated, state.deleted) == (["a", "d"], (), ("c",))
        after = await parts.jobs()
        assert (after["a"], after["d"]) == (before["a"], before["d"])
        assert after["b"].source is not None
        assert after["b"].source.path == "e.yaml"


async def test_a_first_policy_with_a_typo_lifts_nothing_because_nothing_was_forbidden(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(tmp_path) as parts:
            if not (parts.jobs_dir / "policy.yaml").exists():
                parts.manifest("a.yaml", manifest("a"))
                await parts.sync()
                broken(parts)
            parts.manifest("b.yaml", manifest("b"))
            state = await parts.sync()
            assert ("policy.yaml", "policy-kept") in rules(state)
            assert sorted(await parts.jobs()) == ["a", "b"]


async def test_the_newest_good_policy_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        for most in (1, 5, 3):
            parts.manifest("policy.yaml", f"max_retries: {most}\n")
            await parts.sync()
    async with opened(tmp_path) as parts:
        broken(parts)
        parts.manifest("a.yaml", manifest("a", "max_retries: 3\n---\n") + manifest("b", "max_retries: 4\n"))
        assert (await parts.sync()).created == ("a",)


async def test_a_removed_policy_lifts_the_rules(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("policy.yaml", FEW_RETRIES)
        parts.manifest("a.yaml", manifest("a", "max_retries: 2\n"))
        assert (await parts.sync()).created == ()
        (parts.jobs_dir / "policy.yaml").unlink()
        state = await parts.sync()
        assert (state.condition, state.created) == (SyncCondition.READY, ("a",))
    async with opened(tmp_path) as parts:
        parts.manifest("b.yaml", manifest("b", "max_retries: 2\n"))
        assert (await parts.sync()).created == ("b",)


async def test_a_source_that_reads_as_empty_or_not_at_all_lifts_no_rule(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts, client(parts) as api:
        policy = parts.manifest("policy.yaml", FEW_RETRIES)
        await parts.sync()
        policy.unlink()
        state = await parts.sync()
        assert rules(state) == [("policy.yaml", "policy-kept")]
        assert (await api.post(JOBS, json=body("x", max_retries=2))).status_code == 422
        parts.jobs_dir.rmdir()
        assert (await parts.sync()).reason is SyncReason.SOURCE_UNAVAILABLE
        assert (await api.post(JOBS, json=body("x", max_retries=2))).status_code == 422
    async with opened(tmp_path) as parts, client(parts) as api:
        parts.jobs_dir.rmdir()
        assert (await parts.sync()).reason is SyncReason.SOURCE_UNAVAILABLE
        assert (await api.post(JOBS, json=body("x", max_retries=2))).status_code == 422
        parts.manifest("policy.yaml", "{}\n")
        await parts.sync()
        assert (await api.post(JOBS, json=body("x", max_retries=2))).status_code == 200


async def test_the_api_says_what_validate_says(parts: Parts, api: httpx.AsyncClient) -> None:
    parts.manifest(
        "policy.yaml", "require_labels: [team]\nallow_hosts: [a.test]\nallow_methods: [POST]\n" + FEW_RETRIES
    )
    state = await parts.sync()
    assert state.problems == ()
    refused = await api.post(JOBS, json=body("x", max_retries=2))
    assert (refused.status_code, {one["rule"]: one["field"] for one in refused.json()["errors"]}) == (
        422,
        {
            "policy-label": "labels.team",
            "policy-host": "target_url",
            "policy-method": "method",
            "policy-retries": "max_retries",
        },
    )
    parts.manifest("x.yaml", manifest("x", "max_retries: 2\n"))
    told = {(problem.field, problem.rule, problem.message) for problem in (await parts.sync()).problems}
    assert told == {(one["field"], one["rule"], one["message"]) for one in refused.json()["errors"]}


async def test_put_and_replacement_are_judged_alike_and_other_requests_are_not(
    parts: Parts, api: httpx.AsyncClient
) -> None:
    await api.post(JOBS, json=body("x", max_retries=5))
    parts.manifest("policy.yaml", FEW_RETRIES)
    await parts.sync()
    assert (await api.put(f"{JOBS}/x", json=body("x", max_retries=4))).status_code == 422
    assert (await api.post(JOBS, json=body("x", max_retries=4, replace_existing=True))).status_code == 422
    assert (await parts.jobs())["x"].spec.max_retries == 5
    for action in ("pause", "resume"):
        assert (await api.post(f"{JOBS}/x/{action}")).status_code == 200
    assert (await api.put(f"{JOBS}/x", json=body("x", max_retries=1))).status_code == 200
    assert (await api.post(JOBS, json=body("x", max_retries=0, replace_existing=True))).status_code == 200


async def test_adoption_is_judged_alike(parts: Parts) -> None:
    await parts.create("x", max_retries=5)
    parts.manifest("policy.yaml", FEW_RETRIES)
    parts.manifest("x.yaml", manifest("x", "adopt: true\nmax_retries: 4\n"))
    before = await parts.jobs()
    assert rules(await parts.sync()) == [("x.yaml", "policy-retries")]
    assert await parts.jobs() == before
    parts.manifest("x.yaml", manifest("x", "adopt: true\nmax_retries: 1\n"))
    assert (await parts.sync()).updated == ("x",)


async def test_the_policy_says_which_secrets_jobs_of_the_api_may_use(parts: Parts, api: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer ${secret:slack-token}"}
    job = body("x", target_url="https://hooks.slack.com/x", headers=headers)
    parts.manifest("policy.yaml", "api_secrets: [{secrets: [slack-token], hosts: [hooks.slack.com]}]\n")
    await parts.sync()
    parts.grants = parts.reconciler.rulebook.grants
    assert (await api.post(JOBS, json=job)).status_code == 200
    assert (await api.post(JOBS, json=job | {"target_url": "https://evil.test/"})).status_code == 422
    (parts.jobs_dir / "policy.yaml").write_text("{}")
    await parts.sync()
    assert parts.reconciler.rulebook.grants == Grants()


async def test_a_commit_that_would_start_too_many_calls_in_a_minute_is_held(parts: Parts) -> None:
    parts.manifest("policy.yaml", "max_starts_per_minute_per_host: 2\n")
    parts.manifest("a.yaml", manifest("a", schedule=NIGHT))
    parts.manifest("b.yaml", manifest("b", schedule="cron: '0 5 * * *'\n"))
    assert (await parts.sync()).created == ("a", "b")
    before = await parts.jobs()
    parts.manifest("b.yaml", manifest("b", "timeout_sec: 9\n", schedule=NIGHT))
    parts.manifest("c.yaml", manifest("c", schedule=NIGHT) + "---\n" + manifest("d", schedule=NOON))
    state = await parts.sync()
    assert rules(state) == [("b.yaml", "policy-starts"), ("c.yaml", "policy-starts")]
    assert "3 starts on example.com in the minute of" in state.problems[0].message
    assert (state.problems[0].line, state.problems[0].field) == (3, "cron")
    assert (state.held, state.created, state.updated) == (frozenset("b"), ("d",), ())
    assert (await parts.jobs())["b"] == before["b"]
    again = await parts.sync()
    assert (again.problems, again.held, again.created) == (state.problems, state.held, ())
    parts.manifest("a.yaml", manifest("a", schedule="cron: '0 6 * * *'\n"))
    state = await parts.sync()
    assert (state.condition, state.created, state.updated) == (SyncCondition.READY, ("c",), ("a", "b"))


async def test_other_edits_of_a_crowded_minute_go_through(parts: Parts) -> None:
    for name in ("a", "b", "c"):
        parts.manifest(f"{name}.yaml", manifest(name, schedule=NIGHT))
    await parts.sync()
    parts.manifest("policy.yaml", "max_starts_per_minute_per_host: 2\n")
    assert (await parts.sync()).condition is SyncCondition.READY
    parts.manifest("a.yaml", manifest("a", "timeout_sec: 9\n", schedule=NIGHT))
    assert (await parts.sync()).updated == ("a",)
    (parts.jobs_dir / "b.yaml").unlink()
    parts.manifest("d.yaml", manifest("d", schedule=NIGHT))
    assert (await parts.sync()).created == ()
    (parts.jobs_dir / "c.yaml").unlink()
    assert (await parts.sync()).created == ("d",)


async def test_a_job_of_the_api_that_would_start_with_too_many_is_refused(parts: Parts, api: httpx.AsyncClient) -> None:
    night = {"interval": None, "cron": "0 2 * * *"}
    parts.manifest("policy.yaml", "max_starts_per_minute_per_host: 2\n")
    parts.manifest("a.yaml", manifest("a", schedule=NIGHT))
    await parts.sync()
    assert (await api.post(JOBS, json=body("b", **night))).status_code == 200
    refused = await api.post(JOBS, json=body("c", **night))
    assert (refused.status_code, [(one["field"], one["rule"]) for one in refused.json()["errors"]]) == (
        422,
        [("cron", "policy-starts")],
    )
    assert "one of 3 starts on example.com" in refused.json()["detail"]
    for job in (
        body("b", timeout_sec=9, replace_existing=True, **night),
        body("c", paused=True, **night),
        body("d", target_url="https://other.test/", **night),
        body("e", interval=None, cron="1 2 * * *"),
    ):
        assert (await api.post(JOBS, json=job)).status_code == 200
    assert (await api.put(f"{JOBS}/e", json=body("e", **night))).status_code == 422
    assert (await api.put(f"{JOBS}/c", json=body("c", **night))).status_code == 422


async def test_a_config_map_brings_rules_for_its_jobs_and_lifts_none(parts: Parts) -> None:
    def config_map(policy: str, retries: int, job_id: str = "a") -> str:
        head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
        text = manifest(job_id, f"max_retries: {retries}\n").replace("\n", "\n    ")
        return f"{head}  policy.yaml: '{policy}'\n  jobs.yaml: |\n    {text}\n"

    parts.manifest("policy.yaml", "max_retries: 3\n")
    parts.manifest("a.yaml", config_map("max_retries: 1", 2))
    parts.manifest("b.yaml", manifest("b", "max_retries: 2\n"))
    state = await parts.sync()
    assert (rules(state), state.created) == ([("a.yaml", "policy-retries")], ("b",))
    parts.manifest("a.yaml", config_map("{}", 9))
    assert rules(await parts.sync()) == [("a.yaml", "policy-retries")]
    parts.manifest("a.yaml", config_map("max_retries: 1", 1))
    assert (await parts.sync()).created == ("a",)
    parts.manifest("a.yaml", config_map("max_retires: 1", 0))
    state = await parts.sync()
    assert (rules(state), state.held) == ([("a.yaml", "unknown-key")], frozenset("a"))


async def test_a_limit_of_a_config_map_counts_its_jobs_only(parts: Parts) -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    text = "---\n".join(manifest(job_id, schedule=NIGHT) for job_id in "ab").replace("\n", "\n    ")
    parts.manifest("c.yaml", manifest("c", schedule=NIGHT))
    for most, created in ((1, ("c",)), (2, ("a", "b"))):
        parts.manifest(
            "m.yaml", f"{head}  policy.yaml: 'max_starts_per_minute_per_host: {most}'\n  jobs.yaml: |\n    {text}\n"
        )
        for seen in (created, ()):
            assert (await parts.sync()).created == seen


class Stopped(MovableClock):
    """So that both look at the same seven days."""

    def __call__(self) -> datetime:
        return datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


_CROWD = st.fixed_dictionaries({"max_starts_per_minute_per_host": st.integers(1, 2)})
_ANY_RULES = st.fixed_dictionaries(
    {},
    optional={
        "max_retries": st.integers(0, 2),
        "allow_methods": st.just(["GET"]),
        "allow_hosts": st.just(["*.test", "example.com"]),
        "min_interval_sec": st.just(3600),
        "require_labels": st.just(["team"]),
        "max_starts_per_minute_per_host": st.integers(1, 3),
    },
)
_JOB = st.fixed_dictionaries(
    {
        "target_url": st.sampled_from(["https://a.test/", "https://A.test:443/", "http://b/"]),
        "cron": st.sampled_from(["0 2 * * *", "0 */2 * * *", "*/30 * * * *"]),
    },
    optional={
        "max_retries": st.integers(0, 3),
        "method": st.sampled_from(["GET", "POST"]),
        "labels": st.just({"team": "x"}),
        "jitter_sec": st.just(1800),
        "paused": st.booleans(),
        "timeout_sec": st.sampled_from([5, 6, 7, 0]),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(_CROWD, _ANY_RULES), st.dictionaries(st.sampled_from("abcdef"), _JOB, min_size=3))
async def test_what_validate_passes_is_applied_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, policy: dict[str, Any], jobs: dict[str, dict[str, Any]]
) -> None:
    async with opened(tmp_path_factory.mktemp("law"), clock=Stopped()) as parts:
        parts.manifest("policy.yaml", json.dumps(policy))
        for job_id, job in jobs.items():
            parts.manifest(f"{job_id}.yaml", json.dumps({"job_id": job_id} | job))
        options = ["--format", "json", "--timezone", ZONE, "--now", parts.clock().isoformat()]
        result = CliRunner().invoke(main, ["validate", *options, str(parts.jobs_dir)])
        found = {(Path(one["path"]).name, one["rule"], one["field"]) for one in json.loads(result.stdout)["problems"]}
        state = await parts.sync()
        assert found == {(one.path, one.rule, one.field) for one in state.problems}
        assert {f"{job_id}.yaml" for job_id in state.created} == {f"{job_id}.yaml" for job_id in jobs} - {
            path for path, _, _ in found
        }
        assert (result.exit_code == 0) is (state.condition is SyncCondition.READY)
