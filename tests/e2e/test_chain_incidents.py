"""A chain of which several jobs fail, a real receiver of webhooks, and a service that is killed in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.service import Service
from tests.support.target import Answer, Silence, Target

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOLD_SEC = 120
"""The first notice waits half a minute for others."""


def _declare(folder: Path, target: Target) -> None:
    jobs_dir = folder / "jobs.d"
    jobs_dir.mkdir()
    (folder / "secrets").mkdir()
    (folder / "secrets" / "hook").write_text(KEY)
    hook = {"kind": "webhook", "url": target.url("/hook"), "secret": "${secret:hook}"}
    rules = {"channels": {"hook": hook}, "default": {"channels": ["hook"]}}
    (jobs_dir / "notifications.yaml").write_text(json.dumps(rules))
    jobs: list[dict[str, Any]] = [{"job_id": "a", "run_at": "2099-01-01T00:00:00Z"}]
    jobs += [{"job_id": one, "after": [{"job": parent}]} for one, parent in {"b": "a", "c": "a", "d": "c"}.items()]
    (jobs_dir / "jobs.yaml").write_text(
        "---\n".join(json.dumps(one | {"target_url": target.url(f"/{one['job_id']}")}) + "\n" for one in jobs)
    )


def _open(service: Service) -> list[dict[str, Any]]:
    return [one for one in service.get("/api/v1/incidents").json()["incidents"] if one["open"]]


def _told(target: Target) -> list[tuple[str, str]]:
    bodies = [json.loads(one.body) for one in target.requests if one.target == "/hook"]
    return [(one["kind"], one["job"]["job_id"]) for body in bodies for one in body["data"]["notices"]]


@pytest.mark.slow
def test_a_run_with_several_failures_is_told_once_although_the_service_is_killed(tmp_path: Path) -> None:
    with Target() as target:
        target.answers("/b", Answer(500), Answer())
        target.answers("/c", Silence(), Answer())
        _declare(tmp_path, target)
        with Service(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
            service.until(lambda: service.get("/api/v1/jobs/d").status_code == 200)
            service.trigger("a")
            (first,) = service.until(lambda: _open(service))
            service.until(lambda: any(one.target == "/c" for one in target.requests))
            service.kill()
        assert (first["job_id"], first["error_message"]) == ("a", "b went wrong in its chain: answered 500")
        with Service(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
            service.until(lambda: [one["error_message"][:4] for one in _open(service)] == ["b, c"])
            service.until(lambda: _told(target) == [("began", "a")], within=TOLD_SEC)
            (again,) = _open(service)
            assert (again["incident_id"], again["failures"]) == (first["incident_id"], 1)
            service.trigger("a")
            service.until(lambda: not _open(service))
            service.until(lambda: _told(target) == [("began", "a"), ("recovered", "a")], within=TOLD_SEC)
