"""The service as its users meet it, on PostgreSQL."""

import subprocess
from pathlib import Path

from tests.support.postgres import QUOTED_PASSWORD, Database
from tests.support.service import COMMAND, START_SEC, Service, environment, manifest
from tests.support.target import Silence, Target


def test_kill_9_loses_nothing_and_sends_nothing_twice(tmp_path: Path, target: Target, postgres: Database) -> None:
    target.answers("/stuck", Silence())
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        service.write("steady.yaml", manifest("steady", target.url("/steady"), "interval: {seconds: 1}"))
        service.write("stuck.yaml", manifest("stuck", target.url("/stuck"), "interval: {hours: 1}", "timeout_sec: 60"))
        service.until(lambda: service.get("/api/v1/jobs/stuck").status_code == 200)
        in_flight = service.trigger("stuck")
        done = service.until(lambda: [row for row in service.executions("steady") if row["status"] == "completed"])
        service.until(lambda: "/stuck" in [one.target for one in target.requests])
        service.kill()

    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        (row,) = service.executions("stuck")
        assert (row["execution_id"], row["status"], row["reason"]) == (in_flight, "interrupted", "crash")
        count = len(target.requests)
        service.until(lambda: len(target.requests) > count)
        rows = {row["execution_id"]: row for row in service.executions("steady")}
        assert {one["execution_id"]: one for one in done}.items() <= rows.items()
        assert service.terminate() == 0

    slots = [(one.target, one.header("X-MyScheduler-Scheduled-At")) for one in target.requests]
    assert len(set(slots)) == len(slots)
    assert [one for one, _ in slots].count("/stuck") == 1


def test_a_second_service_says_why_it_ends(tmp_path: Path, postgres: Database) -> None:
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        ended = subprocess.run(
            COMMAND,
            cwd=tmp_path,
            env=environment(DATABASE_URL=postgres.url),
            capture_output=True,
            text=True,
            timeout=START_SEC,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr == (
            "Error: another myscheduler is using the database "
            f"postgresql://postgres:***@127.0.0.1:{postgres.port}/{postgres.name}: "
            "stop it, or give this one a DATABASE_URL of its own\n"
        )
        assert QUOTED_PASSWORD not in service.text
        assert service.get("/health").status_code == 200


def test_it_goes_on_after_the_server_hung_up(tmp_path: Path, target: Target, postgres: Database) -> None:
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        service.write("steady.yaml", manifest("steady", target.url("/steady"), "interval: {seconds: 1}"))
        target.wait_for(1)
        for _ in range(2):
            postgres.hang_up()
            target.wait_for(len(target.requests) + 2)
        service.until(lambda: service.get("/health/ready").status_code == 200)
    slots = [one.header("X-MyScheduler-Scheduled-At") for one in target.requests]
    assert len(set(slots)) == len(slots)
