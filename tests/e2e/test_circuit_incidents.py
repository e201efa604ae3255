"""A target that fails, a real receiver of webhooks, and a service that is killed in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.counting import CountingServer
from tests.support.service import Service
from tests.support.target import Target

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOTIFICATIONS = """\
channels:
  hook: {{kind: webhook, url: "{url}", secret: "${{secret:hook}}"}}
default: {{channels: [hook]}}
routes:
  - {{match: {{ids: ["*"]}}, channels: []}}
"""
TOLD_SEC = 120
"""The first notice waits half a minute for others."""


def _declare(folder: Path, failing: str, receiver: str) -> None:
    jobs_dir = folder / "jobs.d"
    jobs_dir.mkdir()
    (folder / "secrets").mkdir()
    (folder / "secrets" / "hook").write_text(KEY)
    breaker = "{failures: 2, open_sec: 2, longest_sec: 2}"
    (jobs_dir / "targets.yaml").write_text(f"billing: {{base_url: '{failing}', breaker: {breaker}}}")
    (jobs_dir / "notifications.yaml").write_text(NOTIFICATIONS.format(url=receiver))
    (jobs_dir / "jobs.yaml").write_text("job_id: close\ntarget: billing\npath: /close\ninterval: {seconds: 1}\n")


def _of_target(service: Service) -> list[dict[str, Any]]:
    return list(service.get("/api/v1/incidents?kind=circuit").json()["incidents"])


def _told(receiver: Target) -> list[tuple[str, str]]:
    notices = [one for request in receiver.requests for one in json.loads(request.body)["data"]["notices"]]
    return [(one["kind"], one["incident"]["target"]) for one in notices]


@pytest.mark.slow
def test_an_open_circuit_is_told_once_although_the_service_is_killed(tmp_path: Path) -> None:
    with CountingServer() as server, Target() as receiver:
        server.status = 503
        _declare(tmp_path, server.url, receiver.url("/hook"))
        with Service(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
            (first,) = service.until(lambda: _of_target(service))
            service.kill()
        assert (first["target"], first["job_id"], first["error_message"]) == ("billing", None, "answered 503")
        with Service(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
            service.until(lambda: _told(receiver) == [("began", "billing")], within=TOLD_SEC)
            (again,) = _of_target(service)
            assert (again["incident_id"], again["open"]) == (first["incident_id"], True)
            server.status = 200
            service.until(lambda: not _of_target(service)[0]["open"])
            service.until(lambda: len(_told(receiver)) > 1, within=TOLD_SEC)
            (ended,) = _of_target(service)
        assert (ended["incident_id"], ended["end_reason"]) == (first["incident_id"], "recovered")
        assert _told(receiver) == [("began", "billing"), ("recovered", "billing")]
