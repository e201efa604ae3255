"""The door to sending by itself: what leaves, and what is refused before anything does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.http.sender import open_sender
from myscheduler.adapters.identity.identity import Identity
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.grants import Grant, Grants
from myscheduler.core.policy.guard import Guard
from myscheduler.service.dispatch.caller import LocalCaller
from myscheduler.service.dispatch.preparing import Preparing
from tests.support.parts import job
from tests.support.target import Target

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def execution(of: Job) -> Execution:
    return Execution("x", of.job_id, NOW, Kind.SCHEDULED, Cause.TIMER, of.digest, None, NOW)


async def call(
    folder: Path, one: Job, *, environment: Mapping[str, str] | None = None, grants: Grants | None = None
) -> Outcome:
    """One attempt, by a caller that may reach no link-local address."""
    guard = Guard(api_may_call_private=True)
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        secrets = Secrets(folder, environment or {})
        preparing = Preparing(
            secrets,
            AttachedFiles(folder / "jobs.d"),
            Identity(sender, user_agent="myscheduler/test", cluster_tokens=folder / "tokens"),
            grants=lambda: grants or Grants(),
            now=lambda: NOW,
        )
        caller = LocalCaller(sender, preparing, user_agent="myscheduler/test")
        return await caller.call(one, execution(one), 2)


async def test_it_sends_the_attempt_under_the_key_of_its_execution(tmp_path: Path) -> None:
    with Target() as target:
        outcome = await call(tmp_path, job("a", NOW, target_url=target.url("/run")))
        (got,) = target.requests
    assert (outcome.http_status, outcome.failure) == (200, None)
    assert (got.target, got.header("User-Agent")) == ("/run", "myscheduler/test")
    assert (got.header("Idempotency-Key"), got.header("X-MyScheduler-Attempt")) == ("x", "2")


@pytest.mark.parametrize(
    ("owner", "environment", "grants", "expected"),
    [
        pytest.param(Owner.MANIFEST, {}, (), Failure.SECRET_MISSING, id="missing"),
        pytest.param(Owner.MANIFEST, {"MYSCHEDULER_SECRET_A": ""}, (), Failure.SECRET_UNUSABLE, id="empty"),
        pytest.param(Owner.API, {"MYSCHEDULER_SECRET_A": "v"}, (), Failure.SECRET_NOT_ALLOWED, id="not granted"),
        pytest.param(
            Owner.API,
            {"MYSCHEDULER_SECRET_A": "v"},
            (Grant("a", ("other.example.com",)),),
            Failure.SECRET_NOT_ALLOWED,
            id="granted for another host",
        ),
    ],
)
async def test_without_its_secret_nothing_leaves(
    tmp_path: Path, owner: Owner, environment: dict[str, str], grants: tuple[Any, ...], expected: Failure
) -> None:
    with Target() as target:
        one = replace(job("a", NOW, target_url=target.url(), headers={"A": "${secret:a}"}), owner=owner)
        outcome = await call(tmp_path, one, environment=environment, grants=Grants(grants))
        assert target.requests == []
    assert (outcome.failure, outcome.http_status) == (expected, None)


@pytest.mark.parametrize("headers", [{}, {"A": "${secret:a}"}], ids=["plain", "with a secret"])
async def test_the_guard_is_asked_on_every_way(tmp_path: Path, headers: dict[str, str]) -> None:
    one = replace(job("a", NOW, headers=headers), owner=Owner.MANIFEST)
    one = replace(one, spec=replace(one.spec, target_url="http://169.254.169.254/"))  # as an older version stored it
    outcome = await call(tmp_path, one, environment={"MYSCHEDULER_SECRET_A": "v"})
    assert (outcome.failure, outcome.http_status) == (Failure.TARGET_NOT_ALLOWED, None)
