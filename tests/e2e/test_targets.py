"""Shared targets of a real service: their limits hold over all jobs."""

from pathlib import Path

import pytest

from tests.support.counting import CountingServer
from tests.support.service import Service


def _jobs(service: Service, count: int) -> None:
    job = "job_id: job-{0}\ntarget: billing\npath: /{0}\ninterval: {{seconds: 1}}\n"
    service.write("jobs.yaml", "---\n".join(job.format(number) for number in range(count)))
    service.until(lambda: service.get(f"/api/v1/jobs/job-{count - 1}").status_code == 200)


def _rows(service: Service, count: int) -> list[tuple[str, str | None]]:
    return [(row["status"], row["reason"]) for number in range(count) for row in service.executions(f"job-{number}")]


@pytest.mark.usefixtures("senders")
def test_ten_jobs_never_call_three_at_once_over_a_restart_and_by_hand(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with CountingServer(delay=0.2) as server:
        (tmp_path / "jobs.d" / "targets.yaml").write_text(f"billing: {{base_url: '{server.url}', concurrency: 2}}")
        with Service(tmp_path) as service:
            _jobs(service, 10)
            service.until(lambda: len(server.at) >= 12)
            for number in range(6):
                service.trigger(f"job-{number}")
            service.until(lambda: len(server.at) >= 24)
            service.kill()
        before = len(server.at)
        with Service(tmp_path) as service:
            service.until(lambda: len(server.at) >= before + 12)
        assert server.most == 2
        assert {f"/{number}" for number in range(10)} == set(server.paths)


def test_a_rate_holds_over_all_jobs_and_follows_the_file(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    targets = tmp_path / "jobs.d" / "targets.yaml"
    with CountingServer() as server:
        targets.write_text(f"billing: {{base_url: '{server.url}', rate: {{calls: 4, per: PT1S}}}}")
        with Service(tmp_path) as service:
            _jobs(service, 10)
            service.until(lambda: len(server.at) >= 13)
            paced = server.at[:13]
            assert paced[12] - paced[0] > 12 / 4 - 0.5  # a call may be held up on its way, the one after it not
            targets.write_text(f"billing: {{base_url: '{server.url}'}}")
            count = len(server.at)
            service.until(lambda: len(server.at) >= count + 20)


def test_a_target_that_fails_is_left_alone_until_it_works_again(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with CountingServer() as server:
        server.status = 503
        breaker = "{failures: 3, open_sec: 2}"
        (tmp_path / "jobs.d" / "targets.yaml").write_text(f"billing: {{base_url: '{server.url}', breaker: {breaker}}}")
        with Service(tmp_path) as service:
            _jobs(service, 2)
            service.until(lambda: ("skipped", "circuit-open") in _rows(service, 2))
            failed = [one for one in _rows(service, 2) if one[0] == "failed"]
            assert len(failed) >= 3
            server.status = 200
            service.until(lambda: _rows(service, 2).count(("completed", None)) >= 4)
            count = len(server.at)
            service.until(lambda: len(server.at) >= count + 4)


def test_a_run_by_hand_is_sent_while_the_circuit_is_open(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with CountingServer() as server:
        server.status = 500
        breaker = "{failures: 1, open_sec: 80000, longest_sec: 86400}"
        (tmp_path / "jobs.d" / "targets.yaml").write_text(f"billing: {{base_url: '{server.url}', breaker: {breaker}}}")
        with Service(tmp_path) as service:
            _jobs(service, 1)
            service.until(lambda: ("skipped", "circuit-open") in _rows(service, 1))
            server.status = 200
            service.trigger("job-0")
            service.until(lambda: _rows(service, 1).count(("completed", None)) >= 3)  # the circuit is closed


@pytest.mark.usefixtures("senders")
def test_a_429_holds_back_the_other_jobs_of_its_host(tmp_path: Path) -> None:
    with CountingServer() as server:
        server.status, server.headers = 429, {"Retry-After": "3"}
        with Service(tmp_path) as service:
            service.create(job_id="job-0", target_url=f"{server.url}/0", interval={"seconds": 1})
            service.until(lambda: len(server.at) >= 1)
            server.status, server.headers = 200, {}
            service.create(job_id="job-1", target_url=f"{server.url}/1", interval={"seconds": 1})
            service.until(lambda: "/1" in server.paths)
            first, second = server.at[0], server.at[1]
            assert second - first > 2.9


def test_a_broken_file_keeps_the_last_limits_also_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    targets = tmp_path / "jobs.d" / "targets.yaml"
    with CountingServer(delay=0.1) as server:
        targets.write_text(f"billing: {{base_url: '{server.url}', concurrency: 1}}")
        with Service(tmp_path) as service:
            _jobs(service, 4)
            service.until(lambda: len(server.at) >= 5)
        targets.write_text("billing: {base_url: 5}")
        before = len(server.at)
        with Service(tmp_path) as service:
            rules = {one["rule"] for one in service.get("/api/v1/sync").json()["problems"]}
            assert {"invalid-type", "targets-kept"} <= rules
            service.until(lambda: len(server.at) >= before + 8)
        assert server.most == 1
