"""What `simulate` says of a target's limits is what the service does: the same calls, in the same order."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from myscheduler.cli import main
from tests.support.counting import CountingServer
from tests.support.service import Service

CALL_SEC = 2.0
AHEAD = timedelta(seconds=8)
"""From writing the jobs to their slot: by then, the service has them."""
LIMITS = {"paced": ("rate: {calls: 1, per: PT4S}", 10), "narrow": ("concurrency: 1", 5)}
"""The limits of each target, and the grace of its jobs: far from when a call may be sent, as machines are slow."""
JOBS = 6


def _write(folder: Path, url: str, slot: datetime) -> None:
    targets = [f"{name}: {{base_url: '{url}/{name}', {limits}}}\n" for name, (limits, _) in LIMITS.items()]
    (folder / "targets.yaml").write_text("".join(targets))
    jobs = [
        f"job_id: {name}-{number}\nrun_at: {slot.isoformat()}\ntarget: {name}\npath: /{number}\n"
        f"misfire_grace_time: {grace}\n"
        for name, (_, grace) in LIMITS.items()
        for number in range(JOBS)
    ]
    (folder / "jobs.yaml").write_text("---\n".join(jobs))


def _simulated(folder: Path, slot: datetime) -> dict[str, Any]:
    span = ("--from", (slot - timedelta(minutes=1)).isoformat(), "--to", (slot + timedelta(minutes=1)).isoformat())
    options = ("--timezone", "UTC", "--latency", str(CALL_SEC), "--all", "--format", "json")
    result = CliRunner().invoke(main, ["simulate", str(folder), *span, *options])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def _in_order(found: dict[str, Any], name: str) -> list[str]:
    """The jobs of the target that are called, in the order of their calls."""
    sent = [(event["sent_at"], one["job_id"]) for one in found["jobs"] for event in one["events"] if event["sent_at"]]
    return [job_id for _, job_id in sorted(sent) if job_id.startswith(f"{name}-")]


def test_the_service_calls_what_was_simulated(tmp_path: Path) -> None:
    jobs_dir = tmp_path / "jobs.d"
    jobs_dir.mkdir()
    with CountingServer(delay=CALL_SEC) as server, Service(tmp_path) as service:
        slot = (datetime.now(UTC) + AHEAD).replace(microsecond=0)
        _write(jobs_dir, server.url, slot)
        found = _simulated(jobs_dir, slot)
        last = f"narrow-{JOBS - 1}"
        service.until(lambda: service.get(f"/api/v1/jobs/{last}").status_code == 200)
        assert datetime.now(UTC) < slot, "the machine is too slow for this test: it needs more time before the slot"
        ids = [f"{name}-{number}" for name in LIMITS for number in range(JOBS)]
        rows = service.until(lambda: _rows(service, ids), within=120)
        called = [path.removeprefix("/").replace("/", "-") for path in server.paths]
    for name in LIMITS:
        assert [one for one in called if one.startswith(name)] == _in_order(found, name)
    assert rows == {one["job_id"]: "completed" if one["ran"] else "missed" for one in found["jobs"]}
    assert {one["target"]: (one["calls"], one["missed"]) for one in found["targets"]} == {
        "narrow": (3, 3),
        "paced": (3, 3),
    }


def _rows(service: Service, ids: list[str]) -> dict[str, str] | None:
    """The status of the only row of each job, once all have one that is over."""
    time.sleep(0.5)
    found = {job_id: service.executions(job_id) for job_id in ids}
    if not all(rows and rows[0]["status"] != "running" for rows in found.values()):
        return None
    return {job_id: rows[0]["status"] for job_id, rows in found.items()}
