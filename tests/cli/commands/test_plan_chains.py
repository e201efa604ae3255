"""`myscheduler plan` of chains: edges, where they begin, removed parents, and cycles with jobs that stay."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.api import ok
from tests.support.golden import expect
from tests.support.parts import Parts, client, manifest, opened

pytestmark = pytest.mark.anyio

NIGHTLY = "cron: '0 2 * * *'\n"
BEFORE = {
    "extract": NIGHTLY,
    "clean": "after: [{job: extract}]\n",
    "load": "after: [{job: clean}]\n",
    "tell": "after: [{job: load, on: failure}, {job: clean}]\njoin: any\n",
    "close": NIGHTLY,
    "report": "cron: '0 8 * * *'\nrequires: [{job: close, within: PT12H}]\n",
}
AFTER = {
    "extract": NIGHTLY,
    "clean": "cron: '0 3 * * *'\n",
    "load": "after: [{job: clean}]\n",
    "tell": "after: [{job: load, on: always}, {job: extract}]\njoin: any\n",
    "report": "after: [{job: load}]\n",
    "sum": "after: [{job: extract}]\n",
}


def write(parts: Parts, jobs: dict[str, str]) -> None:
    for path in parts.jobs_dir.glob("*.yaml"):
        path.unlink()
    for job_id, schedule in jobs.items():
        parts.manifest(f"{job_id}.yaml", manifest(job_id, schedule=schedule))


def plan(*arguments: str) -> Result:
    now = "2026-10-23T12:00:00+09:00"
    return CliRunner().invoke(main, ["plan", "--now", now, "--database-url", "sqlite:///jobs.db", *arguments])


@pytest.fixture
async def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path) as parts:
        write(parts, BEFORE)
        await parts.sync()
        await parts.create("page", after=[{"job": "close", "on": "failure"}])
        yield parts


@pytest.mark.parametrize(("output", "ending"), [("text", "txt"), ("markdown", "md")])
async def test_edges_that_change(applied: Parts, output: str, ending: str) -> None:
    write(applied, AFTER)
    result = plan("--format", output)
    assert result.exit_code == 0
    expect(f"plan-chains.{ending}", result.stdout)


def edges(found: dict[str, Any]) -> list[str]:
    return [
        f"{one['kind']} {one['from']} -> {one['to']}: {one['before']} -> {one['after']}"
        for change in found["changes"]
        for one in change["edges"]
    ]


async def test_as_json(applied: Parts) -> None:
    write(applied, AFTER)
    found = json.loads(plan("--format", "json").stdout)
    assert edges(found) == [
        "after extract -> clean: success -> None",
        "requires close -> report: PT12H -> None",
        "after load -> report: None -> success",
        "after extract -> sum: None -> success",
        "after load -> tell: failure -> always",
        "after clean -> tell: success -> None",
        "after extract -> tell: None -> success",
    ]
    assert found["roots"] == [
        {"job_id": "clean", "before": ["extract"], "after": ["clean"]},
        {"job_id": "load", "before": ["extract"], "after": ["clean"]},
        {"job_id": "report", "before": ["report"], "after": ["clean"]},
        {"job_id": "tell", "before": ["extract"], "after": ["clean", "extract"]},
    ]
    notes = {change["job_id"]: change["notes"] for change in found["changes"] if change["notes"]}
    assert notes == {
        "clean": ["is started by its schedule from now on, no more after 'extract'"],
        "close": ["jobs after it that nothing starts any more, except by hand (1): 'page'"],
        "report": ["is started after 'load' from now on, no more by its schedule"],
    }


async def test_a_job_that_follows_the_same_ones_as_before(applied: Parts) -> None:
    write(applied, BEFORE | {"load": BEFORE["load"] + "timeout_sec: 5\n"})
    assert "    runs after the same jobs as before\n" in plan().stdout


@pytest.mark.parametrize("added", ["if_skipped: run\n", "when: {job: clean, json: {/rows: {gt: 3}}}\n"])
async def test_a_job_that_follows_the_same_ones_otherwise(applied: Parts, added: str) -> None:
    write(applied, BEFORE | {"clean": BEFORE["clean"] + "extract: {rows: /rows}\n", "load": BEFORE["load"] + added})
    assert "    ran  after clean has succeeded  [Asia/Tokyo]\n    runs after clean has succeeded, " in plan().stdout


async def test_a_removed_parent(applied: Parts) -> None:
    write(applied, {job_id: written for job_id, written in BEFORE.items() if job_id != "clean"})
    result = plan("--format", "json")
    assert result.exit_code == 1
    found = {one["job_id"]: (one["action"], one["notes"]) for one in json.loads(result.stdout)["changes"]}
    kept = "its manifest is invalid, so it keeps its last good spec"
    gone = "runs after 'clean', and there would be no such job any more"
    assert found == {
        "clean": ("delete", ["jobs after it that nothing starts any more, except by hand (2): 'load', 'tell'"]),
        "load": ("held", [kept, gone]),
        "tell": ("held", [kept, gone]),
    }


async def test_a_paused_parent(applied: Parts) -> None:
    write(applied, BEFORE | {"clean": BEFORE["clean"] + "paused: true\n", "load": BEFORE["load"] + "if_skipped: run\n"})
    changes = json.loads(plan("--format", "json").stdout)["changes"]
    assert {one["job_id"]: one["notes"] for one in changes} == {
        "clean": ["paused by its manifest: it doesn't run", "jobs after it that run nevertheless (2): 'load', 'tell'"],
        "load": [],
    }


async def test_a_cycle_that_closes_with_jobs_elsewhere(applied: Parts) -> None:
    """One that is held keeps its edge, and one of the API has another."""
    write(
        applied, BEFORE | {"clean": "after: [{job: extract}]\nmax_retries: many\n", "extract": "after: [{job: load}]\n"}
    )
    found = json.loads(plan("--format", "json").stdout)
    problems = [one["message"] for one in found["problems"] if one["rule"] == "chain-cycle"]
    path = "'extract' (jobs.d/extract.yaml:1) <- 'load' (load.yaml:1) <- 'clean' (clean.yaml:1) <- 'extract'"
    assert problems == [f"closes a cycle: {path}: remove one of these edges"]
    assert {one["job_id"]: one["action"] for one in found["changes"]} == {"clean": "held", "extract": "held"}


async def test_the_api_plans_a_part_of_a_source_against_all_that_is_stored(applied: Parts) -> None:
    async with client(applied) as api:
        part = manifest("close", schedule="after: [{job: page}]\n")
        found = await ok(api, "POST", "/api/v1/plan", json={"manifest": part})
        (problem,) = found["problems"]
        assert (problem["rule"], problem["message"]) == (
            "chain-cycle",
            "closes a cycle: 'close' (manifest.yaml:1) <- 'page' (API) <- 'close': remove one of these edges",
        )
        part = manifest("extract", schedule="after: [{job: close}]\n")
        found = await ok(api, "POST", "/api/v1/plan", json={"manifest": part})
        assert [one["job_id"] for one in found["roots"]] == ["clean", "extract", "load", "tell"]
        assert edges(found) == ["after close -> extract: None -> success"]
