"""Pings over real HTTP, to the real process: what is told is in the history, also after a crash."""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.documented import blocks
from tests.support.patience import PATIENCE
from tests.support.service import Service

KEY = "0f5c8d7e-5a7e-4a1c-9f1e-6d2b8c3a4e5f"
DIGEST = sha256(KEY.encode()).hexdigest()


def _manifest(job_id: str, schedule: str, grace: str, *more: str, digest: str = DIGEST) -> str:
    ping = f"ping: {{key_sha256: {digest}, grace: {grace}}}"
    return "\n".join([f"job_id: {job_id}", schedule, ping, *more, ""])


def _rows(service: Service, job_id: str, status: str) -> list[dict[str, Any]]:
    answer = service.get(f"/api/v1/jobs/{job_id}/executions").json()
    rows: list[dict[str, Any]] = answer.get("executions", [])  # the job may not be applied yet
    return [row for row in rows if row["status"] == status]


def _first(service: Service, job_id: str, status: str) -> dict[str, Any]:
    return service.until(lambda: next(iter(_rows(service, job_id, status)), None))


def test_what_a_cron_elsewhere_tells_is_in_the_history(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.write("backup.yaml", _manifest("backup", "interval: {hours: 1, seconds: 1}", "PT1H"))
        service.until(lambda: service.get("/api/v1/jobs/backup").status_code == 200)
        assert service.get("/ping/0f5c8d7e-5a7e-4a1c-9f1e-6d2b8c3a4e50").status_code == 404
        assert service.get(f"/ping/{KEY}/start").text == "OK"
        running = _first(service, "backup", "running")
        service.kill()
    with Service(tmp_path) as service:
        sent = {"content": b"line\n" * 10_000 + b"disk full\n"}
        assert service.request("POST", f"/ping/{KEY}/2", **sent).text == "OK"
        [row] = _rows(service, "backup", "failed")
        assert row["execution_id"] == running["execution_id"]
        assert row["started_at"] == running["started_at"]
        assert row["error_message"] == "a ping reported the exit code 2 (disk full)"
        assert row["error_message_coded"]["code"] == "ping-exit-code"
        assert row["response"].endswith("line\ndisk full\n")
        assert len(row["response"]) == 10 * 1024
        assert row["response_size"] == 50_010
        assert KEY not in service.text


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_pings_as_crontabs_do(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.write("backup.yaml", _manifest("backup", "interval: {hours: 1}", "PT1H"))
        service.until(lambda: service.get("/api/v1/jobs/backup").status_code == 200)
        for more in (["--data-raw", "all\tis well"], ["-I"]):
            ping = ["curl", "-fsS", "--noproxy", "*", *more, f"{service.url}/ping/{KEY}"]
            subprocess.run(ping, check=True, capture_output=True)
        silent, told = _rows(service, "backup", "completed")
        assert told["response"] == "all\tis well"
        assert silent["response"] is None
        assert {told["requested_by"], silent["requested_by"]} == {"ping"}


def _run(script: str, home: Path) -> str:
    done = subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "HOME": str(home), "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(
    None in map(shutil.which, ("curl", "openssl", "sha256sum")), reason="needs curl, openssl, sha256sum"
)
def test_what_the_page_says_for_a_crontab_works(tmp_path: Path) -> None:
    made, crontab = blocks(ROOT / "docs/pings.md", "text")
    key, digest, _ = _run(made, tmp_path).split()
    line = crontab.removeprefix("30 2 * * * ").replace("/KEY", f"/{key}")
    with Service(tmp_path) as service:
        service.write("backup.yaml", _manifest("backup", "interval: {hours: 1}", "PT1H", digest=digest))
        service.until(lambda: service.get("/api/v1/jobs/backup").status_code == 200)
        backup = "backup() { echo disk full; return 3; }\n"
        assert _run(backup + line.replace("https://jobs.example.com", service.url), tmp_path) == "OKOK"
        [row] = _rows(service, "backup", "failed")
        assert (row["error_message"], row["response"]) == ("a ping reported the exit code 3 (disk full)", "disk full\n")


def test_an_execution_that_nobody_reports_is_missed(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.write("backup.yaml", _manifest("backup", "interval: {seconds: 2}", "PT1S"))
        row = _first(service, "backup", "missed")
        assert (row["reason"], row["started_at"]) == ("no-ping", None)
        assert row["error_message"] == "no ping arrived within 1 s"


def test_a_stop_leaves_what_waits_to_the_next_start(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.write("backup.yaml", _manifest("backup", "interval: {seconds: 2}", "PT1H"))
        running = _first(service, "backup", "running")
        assert service.terminate() == 0
        assert "in flight" not in service.text
    with Service(tmp_path) as service:
        assert _first(service, "backup", "running")["execution_id"] == running["execution_id"]
        assert service.get(f"/ping/{KEY}").text == "OK"
        assert _first(service, "backup", "completed")["execution_id"] == running["execution_id"]
