"""`myscheduler sync` and `sync status` against a running service, as operators and scripts see them."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.golden import expect
from tests.support.service import Service, manifest

URL = "http://127.0.0.1:9/"


def sync(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sync", *arguments], prog_name="myscheduler")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path, TZ="Asia/Tokyo") as running:
        yield running


def untimed(text: str) -> str:
    """Without what differs from run to run: times, and how many revisions the watcher saw on the way."""
    text = text.partition("Last revisions:")[0]
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+09:00", "TIME", text)
    return text.replace("2099-01-01 00:00:00 +09:00", "TIME")


def test_from_ready_to_stalled_to_approved(service: Service) -> None:
    asked = ("--server", service.url)
    service.write("team/日次.yaml", manifest("日次", URL))
    service.write("keep.yaml", manifest("keep", URL, "interval: {hours: 1}", "protect: true"))
    service.write("broken.yaml", manifest("broken", URL))
    service.until(lambda: len(service.sync()["created"]) + service.sync()["unchanged"] == 3)
    ready = sync(*asked)
    assert ready.exit_code == 0, ready.output
    assert "Last revisions:" in ready.stdout
    expect("sync-ready.txt", untimed(ready.stdout))

    pause = {"by": "Ada", "reason": "倉庫の保守", "until": "2099-01-01T00:00:00"}
    service.post("/api/v1/jobs/日次/pause", json=pause)
    (service.jobs_dir / "keep.yaml").unlink()
    service.write("broken.yaml", manifest("broken", URL, "interval: {hour: 1}"))
    service.until(lambda: service.sync()["held"] == ["broken"] and service.sync()["blocked_deletion"])
    assert sync(*asked).exit_code == 1
    stalled = sync(*asked, "status")
    assert stalled.exit_code == 1
    expect("sync-stalled.txt", untimed(stalled.stdout))

    service.write("broken.yaml", manifest("broken", URL))
    blocked = json.loads(sync("status", *asked, "--format", "json").stdout)["blocked_deletion"]
    refused = sync(*asked, "--approve", "0123456789abcdef")
    assert refused.exit_code == 1
    assert blocked["digest"] in refused.output
    assert service.get("/api/v1/jobs/keep").status_code == 200
    approved = sync(*asked, "--approve", blocked["digest"])
    assert approved.exit_code == 0, approved.output
    again = sync(*asked, "--approve", blocked["digest"])
    assert again.exit_code == 1
    assert "no deletion waits for an approval" in again.output
    assert sync(*asked, "--approve", "").exit_code == 2
    assert service.sync()["history"][0]["deleted"] == 1
    assert service.get("/api/v1/jobs/keep").status_code == 404


def test_a_deletion_of_an_earlier_pass_is_not_offered(service: Service) -> None:
    asked = ("--server", service.url)
    for n in range(25):
        service.write(f"{n:02}.yaml", manifest(f"job-{n:02}", URL))
    service.until(lambda: service.sync()["unchanged"] + len(service.sync()["created"]) == 25)
    for n in range(24):
        (service.jobs_dir / f"{n:02}.yaml").unlink()
    digest = service.until(lambda: service.sync()["blocked_deletion"])["digest"]
    shown = sync(*asked, "status").stdout
    assert f"sync --approve {digest}" in shown
    assert [line for line in shown.splitlines() if line.startswith("  job-")] == [f"  job-{n:02}" for n in range(20)]
    assert "\n  and 4 more\n" in shown

    service.jobs_dir.rename(service.folder / "elsewhere")
    service.until(lambda: service.sync()["reason"] == "SourceUnavailable")
    shown = sync(*asked, "status").stdout
    assert f"Blocked deletion {digest}" in shown
    assert "can be approved once a pass succeeds again" in shown
    assert "--approve" not in shown


@pytest.mark.parametrize("role", ["editor", "admin"])
def test_only_an_admin_approves(role: str, tmp_path: Path) -> None:
    told = {"MYSCHEDULER_API_TOKEN": "right", "MYSCHEDULER_API_TOKEN_ROLE": role}
    with Service(tmp_path, **told) as service:
        right = {"Authorization": "Bearer right"}
        kept = service.write("keep.yaml", manifest("keep", URL))
        service.until(lambda: service.get("/api/v1/jobs/keep", headers=right).status_code == 200)
        kept.unlink()
        blocked = service.until(lambda: service.get("/api/v1/sync", headers=right).json()["blocked_deletion"])
        asked = ["sync", "--server", service.url, "--approve", blocked["digest"]]
        result = CliRunner().invoke(main, asked, prog_name="myscheduler", env=told)
        left = service.get("/api/v1/jobs/keep", headers=right).status_code
        assert (result.exit_code, left) == ((0, 404) if role == "admin" else (1, 200)), result.output
        assert ("this needs the role admin" in result.output) == (role == "editor")


def test_waiting_ends_when_the_source_is_applied_or_time_is_up(service: Service) -> None:
    asked = ("--server", service.url, "status")
    service.write("a.yaml", "job_id: [")
    service.until(lambda: service.sync()["condition"] == "Stalled")
    assert sync(*asked, "--wait", "0.1").exit_code == 1

    mended = threading.Timer(1, service.write, ("a.yaml", manifest("a", URL)))
    mended.start()
    waited = sync(*asked, "--wait", "30")
    mended.join()
    assert (waited.exit_code, waited.output[:5]) == (0, "Ready")


def test_a_restart_knows_the_last_revisions(service: Service) -> None:
    service.write("a.yaml", manifest("a", URL))
    sync("--server", service.url)
    service.write("a.yaml", "job_id: [")
    sync("--server", service.url)
    before = service.sync()
    assert before["last_applied_revision"] != before["last_attempted_revision"]
    service.terminate()
    with Service(service.folder, TZ="Asia/Tokyo") as again:
        after = again.sync()
    for name in ("last_applied_revision", "last_applied_at", "last_attempted_revision", "history"):
        assert after[name] == before[name], name


def test_no_service() -> None:
    for arguments in ((), ("status",)):
        result = sync("--server", "http://127.0.0.1:9", *arguments)
        assert result.exit_code == 1
        assert "is the service running there?" in result.output
