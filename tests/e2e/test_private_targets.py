"""What jobs of the API may call, by the operator's switch, in the service as it runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.service import Service, manifest
from tests.support.target import Target

REFUSED = (422, ["target-not-allowed"])


def answer(service: Service, url: str) -> tuple[int, list[str]]:
    """The status of an attempt to create a job, and the rules that it breaks."""
    given = service.post("/api/v1/jobs", json={"interval": {"hours": 1}, "target_url": url})
    return given.status_code, [one["rule"] for one in given.json().get("errors", [])]


def ended(service: Service, job_id: str) -> list[dict[str, Any]]:
    return [row for row in service.executions(job_id) if row["completed_at"]]


@pytest.mark.parametrize("decision", ["deny", "", "allow"])
def test_the_switch(tmp_path: Path, decision: str) -> None:
    expected = (200, []) if decision == "allow" else REFUSED
    with Target() as target, Service(tmp_path, MYSCHEDULER_API_PRIVATE_TARGETS=decision) as service:
        assert answer(service, target.url()) == expected
        assert answer(service, f"http://localhost:{target.port}/") == expected
        assert answer(service, "https://example.com/") == (200, [])
        assert answer(service, f"{service.url}/health") == REFUSED, "it is the service itself"


@pytest.mark.usefixtures("senders")
def test_jobs_of_manifests_may_call_the_service_itself(tmp_path: Path) -> None:
    """As `heartbeat` of the sample jobs does; what was taken while it was allowed is refused when it is called."""
    with Target() as target:
        with Service(tmp_path) as service:
            job_id = service.create(interval={"hours": 1}, target_url=target.url())
        with Service(tmp_path, MYSCHEDULER_API_PRIVATE_TARGETS="deny") as service:
            service.write("heartbeat.yaml", manifest("heartbeat", f"{service.url}/health"))
            service.until(lambda: service.get("/api/v1/jobs/heartbeat").status_code == 200)
            for one in ("heartbeat", job_id):
                service.trigger(one)
            service.until(lambda: all(ended(service, one) for one in ("heartbeat", job_id)) or None)
            rows = [ended(service, one)[0] for one in ("heartbeat", job_id)]
        assert [(row["status"], row["reason"]) for row in rows] == [
            ("completed", None),
            ("failed", "target-not-allowed"),
        ]
        assert target.requests == []
