"""What `simulate` says of chains is what the service does: the same jobs, in the same order, with the same ends."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from myscheduler.core.history.execution import Record
from tests.support.parts import Parts, is_over, opened
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

AHEAD = timedelta(seconds=3)
"""From writing the manifests to the first slot."""
FAST = 0.1
Row = tuple[str, str, str, str | None]
"""A slot, counted in seconds from the first one, a job, its status and its reason."""


@dataclass(frozen=True)
class Given:
    """Jobs, how long their calls take, and which of them fail."""

    jobs: Mapping[str, str]
    """By id, what each declares; `a` has slots, and `FIRST` stands for the first of them."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    failing: Sequence[str] = ()
    slots: int = 1
    """How many slots the root has, one a second."""
    is_narrow: bool = False
    """Whether all of them call a target that takes one call at a time."""

    def manifest(self, url: str, first: datetime) -> str:
        anchor, end = first - timedelta(seconds=1), first + timedelta(seconds=self.slots - 0.5)
        schedule = (
            f"interval: {{seconds: 1}}\nanchor: '{anchor.isoformat()}'\n"
            f"start_at: '{first.isoformat()}'\nend_at: '{end.isoformat()}'\n"
        )
        where = "target: narrow\npath: /{0}" if self.is_narrow else f"target_url: {url}{{0}}"
        return "---\n".join(
            f"job_id: {job_id}\n{where.format(job_id)}\n{schedule if job_id == 'a' else ''}"
            f"{declared.replace('FIRST', first.isoformat())}\n"
            for job_id, declared in self.jobs.items()
        )

    def attempts(self, job_id: str) -> int:
        return 3 if job_id in self.failing and "max_retries: 2" in self.jobs[job_id] else 1

    def options(self, first: datetime) -> list[str]:
        until = first + timedelta(seconds=60)
        return [
            *("--from", (first - timedelta(seconds=1)).isoformat(), "--to", until.isoformat(), "--timezone", "UTC"),
            *("--latency", str(FAST), "--all", "--format", "json"),
            *(word for one in self.failing for word in ("--fail", f"{one}@{first.isoformat()}")),
            *(word for one, seconds in self.seconds.items() for word in ("--duration", f"{one}={seconds}s")),
        ]


def after(*jobs: str, more: str = "") -> str:
    """Edges such as `a` and `a:failure`."""
    named = (one.partition(":") for one in jobs)
    edges = ", ".join(f"{{job: {job}, on: {on or 'success'}}}" for job, _, on in named)
    return f"after: [{edges}]\n{more}"


def requiring(job_id: str, *, grace: int) -> str:
    """A slot that waits for another job."""
    return f"run_at: 'FIRST'\nmisfire_grace_time: {grace}\nrequires: [{{job: {job_id}, within: PT1M}}]"


DIAMOND = {"a": "", "b": after("a"), "c": after("a"), "d": after("b", "c")}
SLOW_CHILD = {"b": 2.5}
CASES = [
    pytest.param(Given(DIAMOND, {"b": 0.6}), id="diamond"),
    pytest.param(Given({**DIAMOND, "e": after("d")}, {"c": 0.6}, ["c"]), id="diamond of which a side fails"),
    pytest.param(
        Given({"a": "", "b": after("a"), "r": after("b:failure"), "t": after("r:always")}, failing=["b"]), id="recovery"
    ),
    pytest.param(Given({"a": "", "b": after("a"), "r": after("b:failure")}), id="recovery that nothing needs"),
    pytest.param(
        Given({"a": "", "b": after("a"), "c": after("a"), "d": after("b", "c", more="join: any")}, {"b": 1.0}),
        id="any",
    ),
    pytest.param(
        Given({"a": "", "b": after("a"), "c": after("a"), "d": after("b", "c", more="join: any")}, {"b": 1.0}, ["c"]),
        id="any of which the first fails",
    ),
    pytest.param(
        Given({"a": "", "b": after("a"), "c": after("b", more="if_skipped: run"), "d": after("b:always")}, {}, ["a"]),
        id="if_skipped",
    ),
    pytest.param(
        Given({"a": "paused: true", "b": after("a", more="if_skipped: run"), "c": after("a"), "d": after("b", "c")}),
        id="a root that does not run",
    ),
    pytest.param(
        Given({"a": "chain_timeout_sec: 1", "b": after("a"), "c": after("b"), "d": after("c:always")}, {"b": 1.7}),
        id="chain timeout",
    ),
    pytest.param(
        Given({"a": "", "b": after("a", more="paused: true"), "c": after("b"), "d": after("a")}), id="a paused middle"
    ),
    pytest.param(
        Given({"a": "max_retries: 2\nretry_backoff_sec: 0.3", "b": after("a"), "c": after("a:failure")}, {}, ["a"]),
        id="retries",
    ),
    pytest.param(
        Given({"a": "", "b": after("a"), "c": after("a"), "d": after("b", "c")}, {"b": 0.5, "c": 0.5}, is_narrow=True),
        id="a target that takes one call at a time",
    ),
    pytest.param(
        Given({"a": "", "b": after("a"), "late": requiring("b", grace=60), "e": after("late")}, {"a": 0.5, "b": 0.5}),
        id="requires",
    ),
    pytest.param(
        Given({"a": "", "b": after("a"), "late": requiring("b", grace=1), "e": after("late")}, {"a": 1.5, "b": 1.5}),
        id="requires, past its grace",
    ),
    *(
        pytest.param(
            Given({"a": "", "b": after("a", more=f"overlap: {how}"), "c": after("b:always")}, SLOW_CHILD, slots=4),
            id=f"a slow child, {how}",
        )
        for how in ("skip", "queue", "replace", "allow")
    ),
]


@pytest.mark.parametrize("given", CASES)
async def test_the_service_does_what_was_simulated(given: Given, tmp_path: Path, target: Target) -> None:
    first = (datetime.now(UTC) + AHEAD).replace(microsecond=0)
    async with opened(tmp_path, zone="UTC", drain_sec=0) as parts:
        for job_id in given.jobs:
            fails = any(one == job_id for one in given.failing)
            target.answers(f"/{job_id}", Answer(500 if fails else 200, delay=given.seconds.get(job_id, FAST)))
        if given.is_narrow:
            parts.manifest("targets.yaml", f"narrow: {{base_url: '{target.url().rstrip('/')}', concurrency: 1}}\n")
        parts.manifest("jobs.yaml", given.manifest(target.url(), first))
        found = await asyncio.to_thread(_simulated, parts.jobs_dir, given.options(first))
        expected = sorted(_simulated_rows(found, first), key=str)
        assert {row[1] for row in expected} == set(given.jobs)
        assert (await parts.sync()).problems == ()
        parts.dispatcher.start()
        rows = {job_id: await _rows(parts, job_id, expected) for job_id in given.jobs}
    real = sorted((row for of_job in rows.values() for row in _real_rows(of_job, first)), key=str)
    assert real == expected
    requests = [one.target.removeprefix("/") for one in target.requests]
    # how the calls of chains that overlap lie between each other is a matter of milliseconds
    assert (requests if given.slots == 1 else sorted(requests)) == _calls(found, given)


async def _rows(parts: Parts, job_id: str, expected: Sequence[Row]) -> list[Record]:
    count = sum(row[1] == job_id for row in expected)
    return await parts.rows_where(job_id, lambda rows: sum(one.slot_count for one in rows if is_over(one)) >= count)


def _real_rows(rows: Sequence[Record], first: datetime) -> list[Row]:
    return [
        (_counted(one.slot + timedelta(seconds=number), first), one.job_id, one.status.value, one.reason)
        for one in rows
        for number in range(one.slot_count)
    ]


def _simulated(folder: Path, options: Sequence[str]) -> Mapping[str, Any]:
    result = CliRunner().invoke(main, ["simulate", str(folder), *options])
    assert (result.exit_code, result.stderr) == (0, "")
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def _simulated_rows(found: Mapping[str, Any], first: datetime) -> list[Row]:
    rows = [
        (_counted(datetime.fromisoformat(one["first"]) + timedelta(seconds=number), first), job["job_id"], *_how(one))
        for job in found["jobs"]
        for one in job["events"]
        for number in range(one["count"])
    ]
    return rows + [
        (_counted(datetime.fromisoformat(chain["first"]), first), step["job_id"], *_how(step))
        for chain in found["chains"]
        for step in chain["executions"]
        if step["parent"] is not None
    ]


def _how(one: Mapping[str, Any]) -> tuple[str, str | None]:
    """Its status and reason; of what was sent, the history has no reason for being late."""
    return one["status"], None if one["status"] in {"completed", "failed"} else one["reason"]


def _calls(found: Mapping[str, Any], given: Given) -> list[str]:
    """The jobs that are called, once for each attempt, in the order of their first ones; of several slots, sorted."""
    calls = [
        (datetime.fromisoformat(one["sent_at"]), job["job_id"])
        for job in found["jobs"]
        for one in job["events"]
        if one["sent_at"] is not None
    ]
    calls += [
        (datetime.fromisoformat(chain["first"]) + timedelta(seconds=step["sent_after_sec"]), step["job_id"])
        for chain in found["chains"]
        for step in chain["executions"]
        if step["parent"] is not None and step["sent_after_sec"] is not None
    ]
    names = [job_id for _, job_id in sorted(calls) for _ in range(given.attempts(job_id))]
    return names if given.slots == 1 else sorted(names)


def _counted(slot: datetime, first: datetime) -> str:
    return f"{(slot - first).total_seconds():.0f}"
