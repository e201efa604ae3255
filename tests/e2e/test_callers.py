"""Thousands of connections to the API that ask for nothing: jobs run on, and whoever asks is answered."""

import socket
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import httpx

from tests.support.patience import PATIENCE
from tests.support.service import COMMAND, Service, environment
from tests.support.target import Answer, Target

FILES = 400
"""The limit of the service, too small for all that it would like to have."""
FLOOD = 3_500
AT_ONCE = 600
"""Of them open at a time, as far as the service lets them: more than it may have files."""
JOBS = 60
WAYS = (
    b"",
    b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /api/v1/sync HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)
"""Nothing is sent, half a head, half a body, and a request on a connection that stays."""


class FewFiles(Service):
    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *COMMAND],
            cwd=self.folder, env=environment(**self._settings), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@contextmanager
def flooded(service: Service) -> Iterator[threading.Event]:
    """Connection after connection; the event is set when all have been made, and many stay for as long as they may."""
    address = ("127.0.0.1", int(service.url.rpartition(":")[2]))
    kept: deque[socket.socket] = deque()
    is_over, is_through = threading.Event(), threading.Event()

    def flood() -> None:
        for _, way in zip(range(FLOOD), cycle(WAYS)):
            if is_over.is_set():
                return
            with suppress(OSError):
                kept.append(socket.create_connection(address, timeout=PATIENCE))
                kept[-1].sendall(way)
            if len(kept) > AT_ONCE:
                kept.popleft().close()
        is_through.set()

    thread = threading.Thread(target=flood, name="flood")
    thread.start()
    try:
        yield is_through
    finally:
        is_over.set()
        thread.join()
        for one in kept:
            one.close()


def test_executions_and_probes_are_not_starved(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    anchor = datetime.now(UTC).replace(microsecond=0).isoformat()
    with Target() as target, FewFiles(tmp_path) as service:
        target.answers("/", Answer(delay=0.8))
        for number in range(JOBS):
            service.create(
                job_id=f"job-{number}",
                target_url=target.url("/"),
                interval={"seconds": 1},
                anchor=anchor,
                timeout_sec=60,
            )
        target.wait_for(JOBS)
        with flooded(service) as is_through:
            probes = 0
            while not is_through.wait(0.1) or len(target.replies) < 5 * JOBS or probes < 6:
                assert httpx.get(f"{service.url}/health/live", timeout=PATIENCE, trust_env=False).status_code == 200
                probes += 1
        rows = [row for number in range(JOBS) for row in service.executions(f"job-{number}")]
        # a disk that other tests use at the same time may take longer than a second for a commit
        sent_in_time = [one for one in rows if one["reason"] != "database"]
        ended = [one for one in sent_in_time if one["status"] not in {"running", "skipped"}]
        assert len(ended) > 4 * JOBS
        assert {(one["status"], one["error_message"]) for one in ended} == {("completed", None)}
        assert service.terminate() == 0
        told = [line["message"] for line in service.log if line["level"] in {"ERROR", "CRITICAL"}]
        assert told == []
        assert [line for line in service.log if "which is the limit" in line["message"]]
