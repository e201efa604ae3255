"""What signals do to the service: it stops in order, hurries when it is told again, and sleeps when it is stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.ledger import execution_id_of
from tests.support.service import COMMAND, START_SEC, STOP_SEC, Service, environment, manifest
from tests.support.target import Answer, Target

SLEPT_SEC = 6.0


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        running.answers("/slow", Answer(delay=60))
        yield running


def has_read(service: Service, start: str) -> dict[str, Any]:
    return service.wait_for_log(lambda line: line["message"].startswith(start), within=STOP_SEC)


@pytest.mark.parametrize(
    ("again", "senders"),
    [
        pytest.param(1, 0, id="once more"),
        pytest.param(3, 0, id="many times more"),
        pytest.param(3, 2, id="many times more, with senders"),
    ],
)
def test_a_second_signal_cuts_off_what_the_first_one_waits_for(
    tmp_path: Path, target: Target, again: int, senders: int
) -> None:
    with Service(tmp_path, MYSCHEDULER_SENDERS=str(senders)) as service:
        for number in range(7):
            service.create(
                job_id=f"slow-{number}", target_url=target.url("/slow"), timeout_sec=90, interval={"hours": 1}
            )
            service.trigger(f"slow-{number}")
        target.wait_for(7, timeout=START_SEC)
        os.kill(service.pid, signal.SIGTERM)
        waits = has_read(service, "waiting up to ")["message"]
        assert "for 7 executions in flight: slow-0 at 127.0.0.1:" in waits
        assert waits.endswith(", and 2 more jobs")
        began = time.monotonic()
        for _ in range(again):
            os.kill(service.pid, signal.SIGTERM)
            time.sleep(0.02)
        assert service._wait() == 0
        assert time.monotonic() - began < 15  # the drain alone takes 20 s, the target 60 s
        assert service.log[-1]["message"] == "stopped"
        assert sum(line["message"] == "execution interrupted" for line in service.log) == 7
    ids = {execution_id_of(one) for one in target.requests}
    with Service(tmp_path) as service:
        rows = [row for number in range(7) for row in service.executions(f"slow-{number}")]
        assert {row["execution_id"] for row in rows} == ids
        assert {(row["status"], row["reason"]) for row in rows} == {("interrupted", "shutdown")}


def test_a_second_signal_does_not_wait_for_callers_of_the_api(tmp_path: Path) -> None:
    """Ctrl-C counts as SIGTERM does."""
    with Service(tmp_path) as service:
        address = urlsplit(service.url)
        with socket.create_connection((address.hostname, address.port)) as caller:
            caller.sendall(
                b"POST /api/v1/sync HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            )
            assert service.get("/health").status_code == 200
            os.kill(service.pid, signal.SIGTERM)
            assert has_read(service, "stopping")["waits_for"] == "1 API request"
            os.kill(service.pid, signal.SIGINT)
            assert service._wait() == 0
        assert [line["signal"] for line in service.log if "signal" in line] == ["SIGTERM", "SIGINT"]


def test_a_signal_during_the_first_pass_ends_the_start(tmp_path: Path, target: Target) -> None:
    """Nothing is sent, and the next start goes on."""
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    for number in range(10):
        jobs = [manifest(f"job-{number}-{n}", target.url("/ok")) for n in range(100)]
        (folder / f"{number}.yaml").write_text("---\n".join(jobs))
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment(LOG_LEVEL="debug"), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = []
            for line in process.stderr or ():
                lines.append(line)
                if '"source read"' in line:
                    process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SEC) == 0
        finally:
            process.kill()
    assert '"stopped"' in lines[-1]
    assert not [line for line in lines if " serves on " in line]
    assert target.requests == []
    with Service(tmp_path) as service:
        assert [line["message"] for line in service.log if " loaded" in line["message"]] == ["1,000 jobs are loaded"]
        assert service.terminate() == 0


def test_what_falls_due_while_the_process_is_stopped_does_not_run_where_catchup_is_none(
    tmp_path: Path, target: Target
) -> None:
    """A machine that sleeps looks alike; there the clock, too, goes on meanwhile."""
    with Service(tmp_path) as service:
        for catch_up in ("none", "last"):
            service.write(
                f"{catch_up}.yaml",
                manifest(catch_up, target.url(f"/{catch_up}"), "interval: {seconds: 1}", f"catchup: {catch_up}"),
            )
        target.wait_for(4, timeout=START_SEC)
        os.kill(service.pid, signal.SIGSTOP)
        time.sleep(1)  # what was on its way has arrived
        stopped_at = datetime.now(UTC)
        time.sleep(SLEPT_SEC)
        woken_at = datetime.now(UTC)
        os.kill(service.pid, signal.SIGCONT)
        has_read(service, "this process was held up for ")
        service.until(lambda: any(slot_of(row) > woken_at for row in ran(service, "none")), within=START_SEC)
        asleep = [slot_of(row) for row in ran(service, "none") if stopped_at < slot_of(row) < woken_at]
        assert asleep == []
        missed = [row for row in service.executions("none") if row["reason"] == "catchup"]
        assert sum(row["slot_count"] for row in missed) >= SLEPT_SEC - 1
        caught_up = [row for row in ran(service, "last") if row["cause"] == "catch_up"]
        assert len(caught_up) <= 1  # none where its execution was still under way
        for job_id in ("none", "last"):  # each slot is told exactly once
            rows = sorted(service.executions(job_id), key=slot_of)
            slots = [slot_of(row) + timedelta(seconds=n) for row in rows for n in range(row["slot_count"])]
            assert slots == [slots[0] + timedelta(seconds=n) for n in range(len(slots))]


def slot_of(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["scheduled_at"])


def ran(service: Service, job_id: str) -> list[dict[str, Any]]:
    return [row for row in service.executions(job_id) if row["status"] in {"completed", "running"}]
