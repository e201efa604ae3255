"""OpenAPI documents of targets in a source: the service takes them as no manifests, and never compares."""

import pytest

from myscheduler.core.gitops.sync_state import SyncCondition, SyncState
from myscheduler.core.source.snapshot import TARGETS
from tests.support.parts import Parts

pytestmark = pytest.mark.anyio

BASE = "billing: {base_url: 'https://billing.example.com/v1'}\n"
NAMED = "billing: {base_url: 'https://billing.example.com/v1', openapi: specs/billing.yaml}\n"
JOB = "job_id: a\ninterval: PT1H\ntarget: billing\npath: /no/where\n"
DOCUMENT = "openapi: 3.0.3\npaths:\n  /jobs/{job_id}: {get: {}}\n"
"""It mentions `job_id`, as that of a scheduler may: without a target that names it, it would be a broken manifest."""


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in state.problems]


async def test_a_document_is_no_manifest_and_changes_no_job(parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest(TARGETS, BASE)
    assert rules(await parts.sync()) == []
    before = (await parts.jobs())["a"]
    parts.manifest("specs/billing.yaml", DOCUMENT)
    assert {path for path, _ in rules(await parts.sync())} == {"specs/billing.yaml"}
    parts.manifest(TARGETS, NAMED)
    state = await parts.sync()
    assert (rules(state), state.condition, state.updated) == ([], SyncCondition.READY, ())
    assert (await parts.jobs())["a"] == before
    parts.manifest("specs/billing.yaml", "[broken")
    state = await parts.sync()
    assert (rules(state), state.condition, (await parts.jobs())["a"]) == ([], SyncCondition.READY, before)
    parts.manifest(TARGETS, BASE)
    assert {path for path, _ in rules(await parts.sync())} == {"specs/billing.yaml"}


async def test_a_document_in_json_is_no_stray_file(parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest(TARGETS, NAMED.replace("yaml}", "json}"))
    parts.manifest("specs/billing.json", "{}")
    parts.manifest("specs/other.json", "{}")
    assert rules(await parts.sync()) == [("specs/other.json", "not-read")]
    assert rules(await parts.sync()) == [("specs/other.json", "not-read")]
