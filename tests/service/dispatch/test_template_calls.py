"""Calls with templates: real manifests, a real target, real SQLite. What is sent, and what is recorded."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.history.execution import Cause, Execution, Kind, Record, Status
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.reason import Reason
from tests.support.parts import Parts, is_over, job, opened
from tests.support.target import Target

pytestmark = pytest.mark.anyio

BACK = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
"""The second half past one on the day on which New York's clocks go back."""


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        running.dispatcher.start()
        yield running


async def run(parts: Parts, **fields: Any) -> Record:
    """Declare the job `a` in a manifest, trigger it, and wait for its end."""
    parts.manifest("a.yaml", json.dumps({"job_id": "a", "interval": {"hours": 1}} | fields))
    state = await parts.sync()
    assert state.problems == ()
    execution_id = (await parts.dispatcher.trigger("a", by="me")).execution_id
    return await parts.row_where("a", lambda row: row.execution_id == execution_id and is_over(row))


async def test_url_header_and_body_are_rendered_at_each_call(parts: Parts, target: Target) -> None:
    parts.secret("key", "{{ job.id }}")
    parts.manifest("vars.yaml", f"base_url: '{target.url('/v1')}'\nlimit: 5\n")
    row = await run(
        parts,
        labels={"team": "a b/c"},
        method="POST",
        target_url="{{ vars.base_url }}/{{ job.labels.team }}?id={{ execution_id }}",
        headers={"X-At": "{{ scheduled_at | zone('UTC') | date('%Y-%m-%dT%H:%M:%SZ') }}", "X-Key": "${secret:key}"},
        body={"limit": "{{ vars.limit }}", "of": ["{{ job.id }}"], "literal": "{{ '{{' }}"},
    )
    (got,) = target.requests
    assert (row.status, got.target) == (Status.COMPLETED, f"/v1/a%20b%2Fc?id={row.execution_id}")
    assert (got.header("X-At") or "")[:19] == (got.header("X-MyScheduler-Scheduled-At") or "")[:19]
    assert got.header("X-Key") == "{{ job.id }}"
    assert json.loads(got.body) == {"limit": 5, "of": ["a"], "literal": "{{"}


async def test_the_zone_of_the_job_counts_on_the_day_of_a_clock_change(parts: Parts, target: Target) -> None:
    fields = {"job_id": "a", "cron": "30 1 * * *", "timezone": "America/New_York", "dst": {"overlap": "both"}}
    texts = {"target_url": target.url("/{{ scheduled_at | date('%H%z') }}"), "body": "{{ previous_scheduled_at }}"}
    spec, _ = declare(fields | texts, zone="Asia/Tokyo")
    assert spec is not None
    one = replace(job("a", BACK), spec=spec)
    outcome = await parts.caller.call(one, Execution("x", "a", BACK, Kind.SCHEDULED, Cause.TIMER, "", None, BACK), 1)
    (got,) = target.requests
    assert (outcome.failure, got.target, got.body) == (None, "/01-0500", b'"2026-11-01T01:30:00-04:00"')


async def test_a_row_stored_before_templates_is_sent_unchanged(parts: Parts, target: Target) -> None:
    spec, _ = declare({"job_id": "old", "interval": "PT1H", "target_url": target.url()}, zone="UTC")
    assert spec is not None
    stored = to_json(spec) | {"body": "Dear {{ customer }} {{ scheduled_at }}"}
    assert "templates" not in stored
    await parts.catalog.create(from_json(stored), replace_existing=False)
    await parts.dispatcher.trigger("old", by="me")
    await parts.row_where("old", is_over)
    assert json.loads(target.requests[0].body) == "Dear {{ customer }} {{ scheduled_at }}"


async def test_a_manifest_with_a_bad_template_keeps_the_last_good_job(parts: Parts, target: Target) -> None:
    await run(parts, target_url=target.url("/good"))
    parts.manifest("a.yaml", f'job_id: a\ninterval: PT1H\ntarget_url: "{target.url()}"\nbody: "x {{{{ customer }}}}"\n')
    state = await parts.sync()
    assert [(one.line, one.column, one.rule) for one in state.problems] == [(4, 13, "invalid-template")]
    assert (state.held, (await parts.jobs())["a"].spec.target_url) == (frozenset({"a"}), target.url("/good"))


async def test_what_cannot_be_rendered_fails_the_execution_with_its_reason(parts: Parts, target: Target) -> None:
    """A value that has none at this call: nothing is sent, and nothing is tried again."""
    row = await run(
        parts,
        interval=None,
        cron={"year": 2099},
        target_url=target.url(),
        headers={"X": "{{ previous_scheduled_at | date('%F') }}"},
        max_retries=3,
        retry_backoff_sec=0,
    )
    assert target.requests == []
    assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.TEMPLATE, 0)
    assert "no slot is known before this one" in (row.error or "")
