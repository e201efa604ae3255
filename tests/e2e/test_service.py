"""The service as its users meet it: a process, a folder of manifests, a port, a log, and targets that are called."""

import math
import signal
import socket
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubelet import Kubelet
from tests.support.ledger import execution_id_of
from tests.support.service import COMMAND, START_SEC, Service, environment, manifest
from tests.support.target import Answer, Received, Silence, Target

SECOND = timedelta(seconds=1)


def of_path(target: Target, path: str) -> list[Received]:
    return [one for one in target.requests if one.target == path]


def slot_of(request: Received) -> datetime:
    return datetime.fromisoformat(request.header("X-MyScheduler-Scheduled-At") or "")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- manifests ----------------------------------------------------------------------------------------------------


def test_life_of_a_manifest_while_the_service_runs(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service:
        service.write("kept.yaml", manifest("kept", "http://127.0.0.1:9/kept"))
        path = service.write("team/life.yaml", manifest("life", "http://127.0.0.1:9/added"))
        service.until(lambda: service.get("/api/v1/jobs/life").status_code == 200)
        added = service.job("life")
        assert (added["owner"], added["read_only"], added["held"]) == ("manifest", True, False)
        assert (added["source"]["file"], added["source"]["line"]) == ("team/life.yaml", 1)

        path.write_text(manifest("life", "http://127.0.0.1:9/edited"))
        edited = service.until(lambda: _with_target(service, "/edited"))
        assert edited["source"]["revision"] != added["source"]["revision"]
        assert edited["created_at"] == added["created_at"]
        assert edited["next_run_time"] == added["next_run_time"]  # the interval counts on from the first creation

        path.write_text("job_id: life\ntarget_url: [\n")
        service.until(lambda: service.job("life")["held"])
        broken = service.sync()
        assert (broken["condition"], broken["reason"]) == ("Stalled", "ProblemsInManifests")
        assert broken["held"] == ["life"]
        assert [(one["path"], one["rule"]) for one in broken["problems"]] == [("team/life.yaml", "yaml-syntax")]
        assert service.job("life")["target_url"].endswith("/edited")

        path.write_text(manifest("life", "http://127.0.0.1:9/mended"))
        service.until(lambda: _with_target(service, "/mended"))
        service.until(lambda: not service.job("life")["held"])  # told a moment after the commit
        assert service.sync()["condition"] == "Ready"

        temporary = path.with_name(".life.yaml.swp")
        temporary.write_text(manifest("life", "http://127.0.0.1:9/renamed"))
        temporary.rename(path)
        service.until(lambda: _with_target(service, "/renamed"))

        refused = service.delete("/api/v1/jobs/life")
        assert refused.status_code == 409
        assert "team/life.yaml" in refused.json()["detail"]

        execution_id = service.trigger("life")
        path.unlink()
        service.until(lambda: service.get("/api/v1/jobs/life").status_code == 404)
        assert [row["execution_id"] for row in service.executions("life")] == [execution_id]

        (tmp_path / "jobs.d" / "kept.yaml").unlink()  # the last one, so a person has to approve
        blocked = service.until(lambda: service.sync()["blocked_deletion"])
        assert blocked["job_ids"] == ["kept"]
        assert service.sync()["condition"] == "Stalled"
        assert service.post("/api/v1/sync", json={"approve": "another"}).status_code == 409
        assert service.job("kept")["status"] == "running"
        approved = service.post("/api/v1/sync", json={"approve": blocked["digest"]})
        assert (approved.status_code, approved.json()["deleted"]) == (200, ["kept"])
        assert service.get("/api/v1/jobs/kept").status_code == 404


def _with_target(service: Service, ending: str) -> dict[str, Any] | None:
    job = service.job("life")
    return job if job["target_url"].endswith(ending) else None


def test_configmap_is_swapped_as_the_kubelet_does_it(tmp_path: Path) -> None:
    a1, a2, a3 = (manifest("a", f"http://127.0.0.1:9/{n}") for n in (1, 2, 3))
    b, c = (manifest(name, "http://127.0.0.1:9/") for name in "bc")
    volume = Kubelet(tmp_path / "jobs.d")
    volume.write({"a.yaml": a1, "b.yaml": b})
    with Service(tmp_path) as service:
        assert service.job("a")["source"]["file"] == "a.yaml"
        created_at = service.job("a")["created_at"]

        volume.write({"a.yaml": a2, "c.yaml": c})
        service.until(lambda: _ids(service) == {"a", "c"})
        assert service.job("a")["target_url"].endswith("/2")
        assert service.job("a")["created_at"] == created_at
        assert service.sync()["problems"] == []

        volume.write({"a.yaml": a3, "c.yaml": c})
        service.until(lambda: service.job("a")["target_url"].endswith("/3"))
        assert _ids(service) == {"a", "c"}
        assert (service.sync()["condition"], service.sync()["blocked_deletion"]) == ("Ready", None)


def _ids(service: Service) -> set[str]:
    return {job["job_id"] for job in service.get("/api/v1/jobs").json()["jobs"]}


def test_missing_folder_is_not_fatal_and_is_picked_up_when_it_appears(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path) as service:
        state = service.sync()
        assert (state["condition"], state["reason"]) == ("Stalled", "SourceUnavailable")
        assert "jobs.d" in state["message"]
        service.trigger(service.create(target_url=target.url("/api-job"), interval={"hours": 1}))
        target.wait_for(1)
        made = tmp_path / "made"  # as a git checkout does: whole, then in its place
        made.mkdir()
        (made / "late.yaml").write_text(manifest("late", target.url("/late")))
        made.rename(tmp_path / "jobs.d")
        service.until(lambda: service.get("/api/v1/jobs/late").status_code == 200)
        assert service.sync()["condition"] == "Ready"


# --- death and shutdown --------------------------------------------------------------------------------------


def test_kill_9_loses_no_slot_and_sends_none_twice(tmp_path: Path, target: Target) -> None:
    target.answers("/slow", Silence())
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service:
        service.write("steady.yaml", manifest("steady", target.url("/steady"), "interval: {seconds: 1}"))
        service.create(job_id="slow", target_url=target.url("/slow"), interval={"seconds": 1}, timeout_sec=60)
        service.create(job_id="resting", target_url=target.url("/resting"), interval={"seconds": 1})
        assert service.post("/api/v1/jobs/resting/pause", json={"by": "mika"}).status_code == 200
        service.create(job_id="byhand", target_url=target.url("/byhand"), interval={"hours": 1})
        service.trigger("byhand")
        service.until(lambda: len(of_path(target, "/steady")) >= 2 and of_path(target, "/slow"))
        service.until(lambda: any(one["status"] == "completed" for one in service.executions("steady")))
        before = {job_id: service.executions(job_id) for job_id in ("steady", "byhand")}
        jobs = {job["job_id"]: job for job in service.get("/api/v1/jobs").json()["jobs"]}
        service.kill()

    in_flight = execution_id_of(of_path(target, "/slow")[0])
    sent_before = {path: len(of_path(target, path)) for path in ("/steady", "/slow")}
    time.sleep(2.2)  # two slots of each fall due while nobody is there
    with Service(tmp_path) as service:
        service.until(lambda: len(of_path(target, "/steady")) >= sent_before["/steady"] + 2)
        service.until(lambda: len(of_path(target, "/slow")) > sent_before["/slow"])
        service.until(lambda: service.executions("steady")[0]["status"] == "completed")
        after = {job_id: service.executions(job_id) for job_id in jobs}
        again = {job["job_id"]: job for job in service.get("/api/v1/jobs").json()["jobs"]}

    assert again.keys() == jobs.keys() == {"steady", "slow", "resting", "byhand"}
    assert {job_id: job["status"] for job_id, job in again.items()} == {
        job_id: job["status"] for job_id, job in jobs.items()
    }
    assert (again["resting"]["status"], again["resting"]["paused_by"]) == ("paused", "mika")
    assert of_path(target, "/resting") == []
    for job_id, rows in before.items():
        ended = {row["execution_id"]: row for row in rows if row["status"] != "running"}
        assert ended.items() <= {row["execution_id"]: row for row in after[job_id]}.items()

    interrupted = next(row for row in after["slow"] if row["execution_id"] == in_flight)
    assert (interrupted["status"], interrupted["reason"]) == ("interrupted", "crash")
    assert interrupted["completed_at"] is not None
    for job_id in ("slow", "steady"):
        caught_up = [row["scheduled_at"] for row in after[job_id] if row["cause"] == "catch_up" and row["started_at"]]
        coalesced = [row["last_scheduled_at"] for row in after[job_id] if row["reason"] == "coalesced"]
        assert len(caught_up) == 1
        assert _time(caught_up[0]) - SECOND in [_time(last) for last in coalesced]

    for path in ("/steady", "/slow", "/byhand"):
        requests = of_path(target, path)
        assert len({slot_of(one) for one in requests}) == len(requests)
        assert len({execution_id_of(one) for one in requests}) == len(requests)
    for job_id in ("steady", "slow"):
        slots = _ledger(after[job_id])
        assert slots == [slots[0] + n * SECOND for n in range(len(slots))]  # none is missing, none stands twice
        ran = {row["execution_id"]: row["scheduled_at"] for row in after[job_id] if row["started_at"]}
        sent = {execution_id_of(one): slot_of(one) for one in of_path(target, f"/{job_id}")}
        assert all(_time(ran[one]) == slot for one, slot in sent.items() if one in ran)


def _ledger(rows: list[dict[str, Any]]) -> list[datetime]:
    """All slots, a second apart, that the rows of a job stand for."""
    return sorted(_time(row["scheduled_at"]) + n * SECOND for row in rows for n in range(row["slot_count"]))


def test_sigterm_drains_what_is_in_flight_and_starts_nothing_new(tmp_path: Path, target: Target) -> None:
    target.answers("/slow", Answer(delay=1.3))
    with Service(tmp_path) as service:
        service.create(job_id="slow", target_url=target.url("/slow"), interval={"seconds": 1}, max_instances=9)
        target.wait_for(1)
        signalled_at = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - signalled_at > 1
        told = [line["message"] for line in service.log]
        assert told[-1] == "stopped"
        assert told.index("stopping") < told.index("execution completed")
    in_flight = target.requests
    assert [one.at < signalled_at + 0.3 for one in in_flight] == [True]  # a slot falls due during the drain
    with Service(tmp_path) as service:
        rows = {row["execution_id"]: row for row in service.executions("slow")}
        drained = rows[execution_id_of(in_flight[0])]
        assert (drained["status"], drained["reason"], drained["http_status_code"]) == ("completed", None, 200)
        assert drained["execution_time_ms"] >= 1300


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        pytest.param(
            {"MYSCHEDULER_HOST": "no.such.host.invalid"},
            "Error: MYSCHEDULER_HOST (--host) 'no.such.host.invalid' is not an address of this machine: ",
            id="host",
        ),
        pytest.param(
            {"DATABASE_URL": "nonsense"},
            "Error: DATABASE_URL is not a database URL: write one such as sqlite:///./data/jobs.db",
            id="database url",
        ),
        pytest.param(
            {"DATABASE_URL": "sqlite:///./file/jobs.db"},
            "Error: DATABASE_URL names file/jobs.db, which can't be written ",
            id="file where a folder should be",
        ),
        pytest.param(
            {"DATABASE_URL": "sqlite:///./folder"},
            "Error: DATABASE_URL names sqlite:///./folder, which can't be used: ",
            id="folder where a file should be",
        ),
        pytest.param(
            {"DATABASE_URL": "sqlite:///./file"},
            "Error: DATABASE_URL names sqlite:///./file, which can't be read: ",
            id="database that is none",
        ),
    ],
)
def test_bad_setting_is_named_in_a_line(tmp_path: Path, settings: dict[str, str], line: str) -> None:
    (tmp_path / "file").write_text("this is no database, and it is long enough to be looked at" * 20)
    (tmp_path / "folder").mkdir()
    _refused(tmp_path, settings, line)


def test_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = f"Error: MYSCHEDULER_PORT (--port): can't listen on 127.0.0.1:{port}: "
        _refused(tmp_path, {"MYSCHEDULER_PORT": str(port)}, line)
    assert not (tmp_path / "data").exists()


def test_database_in_use_by_another_service(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        _refused(
            tmp_path,
            {},
            "Error: another myscheduler is using the database data/jobs.db: stop it, or give this one a DATABASE_URL ",
        )
        assert service.get("/health").status_code == 200


def _refused(folder: Path, settings: dict[str, str], line: str) -> None:
    ended = subprocess.run(
        COMMAND, cwd=folder, env=environment(**settings), capture_output=True, text=True, timeout=START_SEC, check=False
    )
    told = ended.stderr.splitlines()
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert len(told) == 1
    assert told[0].startswith(line)


# --- the log ----------------------------------------------------------------------------------------------------


def test_log_is_json_names_each_execution_and_no_secret(tmp_path: Path, target: Target) -> None:
    target.answers("/flaky", Answer(503), Answer(200))
    target.answers("/bad", Answer(404))
    token = {"Authorization": "Bearer t0p-s3cret"}
    with Service(tmp_path, MYSCHEDULER_API_TOKEN="t0p-s3cret", LOG_LEVEL="debug") as service:
        assert service.get("/health").status_code == 200
        assert service.get("/api/v1/jobs").status_code == 401
        assert service.get("/api/v1/jobs", headers={"Authorization": "Bearer wr0ng-s3cret"}).status_code == 401
        ids = {}
        for path in ("flaky", "bad"):
            body = {
                "job_id": path, "target_url": target.url(f"/{path}"), "interval": {"hours": 1}, "max_retries": 2,
                "retry_backoff_sec": 0, "headers": {"Authorization": "Bearer job-s3cret"},
            }  # fmt: skip
            assert service.post("/api/v1/jobs", json=body, headers=token).status_code == 200
            ids[path] = service.post(f"/api/v1/jobs/{path}/trigger", headers=token).json()["execution_id"]
        target.wait_for(3)
        for path, execution_id in ids.items():
            service.wait_for_log(lambda line, one=execution_id: line.get("execution_id") == one and "status" in line)  # type: ignore[misc]
            asked, first, *_, last = [line for line in service.log if line.get("execution_id") == execution_id]
            assert (asked["message"], asked["job_id"], asked["by"]) == ("job triggered", path, "api")
            assert (first["message"], first["job_id"], first["kind"]) == ("execution started", path, "manual")
            assert last["job_id"] == path
            assert last["duration_ms"] > 0
            assert last["scheduled_at"] == first["scheduled_at"]
            status = ("completed", 200, 1, "INFO") if path == "flaky" else ("failed", 404, 0, "WARNING")
            assert (last["status"], last["http_status"], last["retries"], last["level"]) == status
        assert service.terminate() == 0
        for line in service.log:
            assert {"time", "level", "logger", "message"} <= line.keys()
            assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert "s3cret" not in service.text
    assert [one.header("Authorization") for one in target.requests] == ["Bearer job-s3cret"] * 3


# --- the API ----------------------------------------------------------------------------------------------------


def test_first_steps_of_the_readme(tmp_path: Path) -> None:
    with Target() as target, Service(tmp_path) as service:
        assert service.get("/health").json()["message"] == "MyScheduler is running"
        assert service.get("/docs").status_code == 200
        body = {
            "name": "テストジョブ", "schedule_type": "interval", "interval": {"minutes": 1},
            "target_url": target.url("/health"), "method": "GET",
        }  # fmt: skip
        created = service.post("/api/v1/jobs", json=body)
        assert (created.status_code, created.json()["status"]) == (200, "scheduled")
        job_id = created.json()["job_id"]

        listed = service.get("/api/v1/jobs").json()["jobs"]
        assert [(job["job_id"], job["name"], job["status"]) for job in listed] == [(job_id, "テストジョブ", "running")]
        detail = service.job(job_id)
        assert detail["trigger_info"] == {"type": "interval", "interval": {"minutes": 1}, "interval_seconds": 60}
        assert (detail["func"], detail["executions"], detail["execution_count"]) == ("execute_http_job", [], 0)
        assert detail["next_run_time"].endswith("+09:00")

        for action, answer in (("pause", "paused"), ("resume", "resumed")):
            done = service.post(f"/api/v1/jobs/{job_id}/{action}")
            assert (done.status_code, done.json()) == (200, {"job_id": job_id, "status": answer})
            assert service.job(job_id)["status"] == {"paused": "paused", "resumed": "running"}[answer]

        triggered = service.post(f"/api/v1/jobs/{job_id}/trigger").json()
        assert (triggered["job_id"], triggered["status"]) == (job_id, "triggered")
        row = service.until(
            lambda: next((one for one in service.executions(job_id) if one["status"] == "completed"), None)
        )
        assert (row["execution_id"], row["http_status_code"]) == (triggered["execution_id"], 200)
        assert row["result"] == {
            "success": True,
            "status_code": 200,
            "response_size": row["response_size"],
            "attempts": 1,
        }
        recent = service.get("/api/v1/jobs/executions/recent?limit=100").json()
        assert (recent["count"], recent["executions"]) == (1, [row])
        assert service.job(job_id)["execution_count"] == 1

        assert service.delete(f"/api/v1/jobs/{job_id}").json() == {"job_id": job_id, "status": "deleted"}
        assert service.get(f"/api/v1/jobs/{job_id}").status_code == 404
        assert service.executions(job_id) == [row]
        assert service.terminate(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        pytest.param("America/New_York", (-5, -4), id="behind UTC"),
        pytest.param("Pacific/Kiritimati", (14,), id="far ahead of UTC"),
    ],
)
def test_trigger_runs_at_once_in_any_zone(tmp_path: Path, target: Target, zone: str, hours: tuple[int, ...]) -> None:
    with Service(tmp_path, TZ=zone) as service:
        service.create(job_id="now", target_url=target.url("/"), cron="0 0 1 1 *")
        asked = datetime.now().astimezone()
        execution_id = service.trigger("now")
        request = target.wait_for(1)[0]
        assert execution_id_of(request) == execution_id
        assert abs(slot_of(request) - asked) < 2 * SECOND
        row = service.until(lambda: next((one for one in service.executions("now") if one["completed_at"]), None))
        assert (row["status"], row["kind"]) == ("completed", "manual")
        for moment in (_time(row[name]) for name in ("scheduled_at", "started_at", "completed_at")):
            assert abs(moment - asked) < 2 * SECOND
            assert moment.utcoffset() in {timedelta(hours=ahead) for ahead in hours}


def test_cron_with_seconds_fires_on_whole_even_seconds(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path) as service:
        service.create(job_id="even", target_url=target.url("/"), cron={"second": "*/2"})
        requests = target.wait_for(2)
        to_wall = time.time() - time.monotonic()
    slots = [slot_of(one) for one in requests]
    assert all((slot.second % 2, slot.microsecond) == (0, 0) for slot in slots)
    assert slots == [slots[0] + n * 2 * SECOND for n in range(len(slots))]
    assert all(0 <= one.at + to_wall - slot.timestamp() < 1 for one, slot in zip(requests, slots, strict=True))


def test_why_tells_of_a_downtime(tmp_path: Path, target: Target) -> None:
    (tmp_path / "jobs.d").mkdir()
    every_second = manifest("often", target.url("/often"), "interval: {seconds: 1}", "misfire_grace_time: 1")
    with Service(tmp_path) as service:
        service.write("often.yaml", every_second)
        service.until(lambda: of_path(target, "/often"))
        assert service.terminate() == 0
    stopped_at = datetime.now().astimezone()
    time.sleep(4)
    with Service(tmp_path) as service:
        # on a busy machine others may be late too, before the stop or after the start
        missed = service.until(lambda: [row for row in service.executions("often") if _is_missed(row, stopped_at)])
        first = _time(missed[-1]["scheduled_at"])
        slot = first + max(0, math.ceil((stopped_at - first) / SECOND)) * SECOND
        found = service.get("/api/v1/jobs/often/why", params={"at": slot.isoformat()}).json()
    assert "there was no start within 1 s (misfire_grace_time); the service was stopped from 20" in found["answer"]


def _is_missed(row: dict[str, Any], after: datetime) -> bool:
    return row["reason"] == "deadline" and _time(row["last_scheduled_at"]) > after
