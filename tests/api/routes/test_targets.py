"""`/api/v1/targets`: what targets allow, how many calls are on their way or wait, and what holds these back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api import ok
from tests.support.certificates import Authority, server_context
from tests.support.metrics import scrape
from tests.support.parts import Parts, client, is_over, manifest, received, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

PATH = "/api/v1/targets"


async def declare(parts: Parts, target: Target, *, jobs: str = "", **targets: str) -> None:
    """Apply targets with these limits, and jobs that call `billing`."""
    entries = [f"{name}: {{base_url: '{target.url()}', {limits}}}" for name, limits in targets.items()]
    parts.manifest("targets.yaml", "\n".join(entries) or "{}")
    for job_id in jobs:
        text = manifest(job_id, f"path: /{job_id}\ntarget: billing\nretry: {{max_attempts: 1}}\n")
        parts.manifest(f"{job_id}.yaml", "\n".join(line for line in text.splitlines() if "target_url" not in line))
    await parts.sync()


async def listed(api: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in (await ok(api, "GET", PATH))["targets"]}


async def test_without_targets_there_are_none(api: httpx.AsyncClient) -> None:
    assert await ok(api, "GET", PATH) == {"targets": []}


async def test_limits_are_listed_with_the_number_of_jobs(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    await declare(parts, target, jobs="ab", idle="rate: {calls: 10, per: PT90S, burst: 3}", billing="breaker: {}")
    found = await listed(api)
    assert list(found) == ["billing", "idle"]
    assert found["billing"] == {
        "name": "billing",
        "base_url": target.url(),
        "jobs": 2,
        "limits": {
            "concurrency": None,
            "rate": None,
            "breaker": {"failures": 5, "open_sec": 30, "longest_sec": 300},
        },
        "in_flight": 0,
        "waiting": 0,
        "circuit": "closed",
        "open_until": None,
        "not_before": None,
        "failures": 0,
        "certificate_expires_at": None,
    }
    assert found["idle"]["limits"] == {
        "concurrency": None,
        "rate": {"calls": 10, "per": "PT90S", "burst": 3},
        "breaker": None,
    }
    assert (found["idle"]["jobs"], found["idle"]["circuit"]) == (0, None)
    await declare(parts, target, billing="")
    assert list(await listed(api)) == ["billing"]


@pytest.mark.parametrize(("limits", "sent"), [("concurrency: 2", 2), ("", 3)], ids=["limited", "free"])
async def test_calls_on_their_way_and_waiting_are_counted(
    api: httpx.AsyncClient, parts: Parts, target: Target, limits: str, sent: int
) -> None:
    for job_id in "abc":
        target.answers(f"/{job_id}", Silence())
    await declare(parts, target, jobs="abc", billing=limits)
    for job_id in "abc":
        await parts.dispatcher.trigger(job_id, by="me")
    await received(target, sent)
    found = await until(lambda: listed(api), lambda one: one["billing"]["waiting"] == 3 - sent)
    assert found["billing"]["in_flight"] == sent
    measured = await scrape(api)
    assert measured.value("target_in_flight", target="billing") == sent
    assert measured.value("target_waiting", target="billing") == 3 - sent
    assert measured.samples("target_circuit_open") == {}
    await declare(parts, target)
    measured = await scrape(api)
    assert [measured.samples(f"target_{name}") for name in ("in_flight", "waiting", "held_seconds")] == [{}, {}, {}]


async def test_an_open_circuit_is_shown_until_a_call_succeeds(
    api: httpx.AsyncClient, parts: Parts, target: Target
) -> None:
    target.answers("/a", Answer(status=503))
    await declare(parts, target, jobs="a", billing="breaker: {failures: 2}")
    for _ in range(2):
        await parts.dispatcher.trigger("a", by="me")
        await parts.rows_where("a", lambda rows: all(map(is_over, rows)))
    found = (await listed(api))["billing"]
    assert (found["circuit"], found["failures"]) == ("open", 2)
    assert timedelta() < datetime.fromisoformat(found["open_until"]) - parts.clock() <= timedelta(seconds=30)
    measured = await scrape(api)
    assert measured.value("target_circuit_open", target="billing") == 1
    assert 0 < (measured.value("target_held_seconds", target="billing") or 0) <= 30
    target.answers("/a", Answer())
    await parts.dispatcher.trigger("a", by="me")
    found = (await until(lambda: listed(api), lambda one: one["billing"]["circuit"] == "closed"))["billing"]
    assert (found["failures"], found["open_until"]) == (0, None)
    measured = await scrape(api)
    assert measured.value("target_circuit_open", target="billing") == 0
    assert measured.value("target_held_seconds", target="billing") == 0


async def test_a_target_that_asks_to_wait_is_shown(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    target.answers("/a", Answer(status=429, headers=(("Retry-After", "600"),)))
    await declare(parts, target, jobs="a", billing="")
    await parts.dispatcher.trigger("a", by="me")
    found = await until(lambda: listed(api), lambda one: one["billing"]["not_before"] is not None)
    held = datetime.fromisoformat(found["billing"]["not_before"]) - parts.clock()
    assert timedelta(minutes=5) < held <= timedelta(minutes=10)


async def test_the_forecast_knows_the_limits_and_how_long_calls_take(
    api: httpx.AsyncClient, parts: Parts, target: Target
) -> None:
    await declare(parts, target, jobs="abc", billing="concurrency: 1", idle="rate: {calls: 10, per: PT1M}")
    (found,) = (await ok(api, "GET", "/api/v1/forecast", params={"days": "1"}))["targets"]
    assert (found["target"], found["jobs"], found["concurrency"], found["rate_per_sec"]) == ("billing", 3, 1, None)
    assert found["in_flight"] == pytest.approx(3 * 0.5 / 60, abs=0.001)
    await declare(parts, target, jobs="abc", billing="rate: {calls: 1, per: PT1H}")
    (found,) = (await ok(api, "GET", "/api/v1/forecast", params={"days": "1"}))["targets"]
    assert (found["rate_per_sec"], found["concurrency"]) == (0.0, None)
    assert found["crowded"][0]["missed"] > 0


async def test_the_certificate_is_known_once_a_job_has_connected(tmp_path: Path) -> None:
    authority = Authority()
    with Target(tls=server_context(authority.pair(days=10))) as secure:
        async with started(tmp_path) as parts, client(parts) as api:
            await declare(parts, secure, jobs="a", billing=f"tls: {{ca: {json.dumps(authority.pem)}}}", idle="")
            assert (await listed(api))["billing"]["certificate_expires_at"] is None
            await parts.dispatcher.trigger("a", by="me")
            row = await parts.row_where("a", is_over)
            found = await listed(api)
            expires_at = datetime.fromisoformat(found["billing"]["certificate_expires_at"])
            assert timedelta(days=9) < expires_at - datetime.now(UTC) < timedelta(days=10)
            assert found["idle"]["certificate_expires_at"] is None
            shown = await ok(api, "GET", f"/api/v1/executions/{row.execution_id}")
            assert shown["exchange"]["certificate_expires_at"] == found["billing"]["certificate_expires_at"]
            assert shown["exchange"]["tls_version"] == "TLSv1.3"
            measured = await scrape(api)
            host = f"127.0.0.1:{secure.port}"
            assert measured.value("target_certificate_expiry_timestamp_seconds", host=host) == expires_at.timestamp()
