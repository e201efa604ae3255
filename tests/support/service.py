"""The real service as a process of its own, for end-to-end tests.

    with Service(tmp_path, TZ="Asia/Tokyo") as service:
        service.write("daily.yaml", "job_id: daily …")
        service.until(lambda: service.get("/api/v1/jobs/daily").status_code == 200)

It works in `folder`: the manifests are in `folder/jobs.d`, the database in `folder/data`. A second `Service` on the
same folder is a restart. Leaving the context ends the process, however the test went.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partialmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from tests.support import warm
from tests.support.patience import PATIENCE
from tests.support.warm import Forked

COMMAND = (sys.executable, "-m", "myscheduler", "serve")
START_SEC = 2 * PATIENCE
STOP_SEC = PATIENCE

T = TypeVar("T")


def environment(**settings: str) -> dict[str, str]:
    """What the process is told: the variables of this one, a port that is free, that jobs of the API may call the
    targets of the tests, which are on this machine, and to make the calls itself: each sender takes a second to start.
    """
    ours = {"MYSCHEDULER_PORT": "0", "MYSCHEDULER_API_PRIVATE_TARGETS": "allow"}
    return {"MYSCHEDULER_SENDERS": "0", **os.environ, **ours, **settings}


def manifest(job_id: str, target_url: str, schedule: str = "interval: {hours: 1}", *more: str) -> str:
    """A small job as YAML text."""
    return "\n".join([f"job_id: {job_id}", f"target_url: {target_url}", schedule, *more, ""])


class Service:
    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.jobs_dir = folder / "jobs.d"
        self.url = ""
        self._settings = settings
        self._lines: list[str] = []
        self._changed = threading.Condition()

    # --- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._process = self._start()
        self._reader = threading.Thread(target=self._read, name="log", daemon=True)
        self._reader.start()
        try:
            started = self.wait_for_log(lambda line: " serves on " in line["message"], within=START_SEC)
            page = started["message"].split(" serves on ")[1].removesuffix("/ui/")
            self.root_path = self._settings.get("MYSCHEDULER_ROOT_PATH", "")
            self.url = page.removesuffix(self.root_path)
            self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self.kill()

    def _start(self) -> subprocess.Popen[str] | Forked:
        env = environment(**self._settings)
        if any(name.startswith("PYTHON") for name in self._settings):  # the interpreter reads them when it starts
            return subprocess.Popen(COMMAND, cwd=self.folder, env=env, stderr=subprocess.PIPE, text=True)
        return warm.start(COMMAND[3:], cwd=self.folder, env=env)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As `kill -9`; does nothing when the process has ended."""
        self._process.kill()
        self._wait()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; returns the exit code."""
        os.kill(self.pid, number)
        return self._wait()

    def _wait(self) -> int:
        try:
            code = self._process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self._reader.join()
        if self._process.stderr:
            self._process.stderr.close()
        return code

    # --- its log --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for line in self._process.stderr or ():
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """Everything that was logged."""
        with self._changed:
            return "".join(self._lines)

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its lines; each has to be a JSON object."""
        return [json.loads(line) for line in self.text.splitlines()]

    def wait_for_log(self, matches: Callable[[dict[str, Any]], bool], *, within: float = PATIENCE) -> dict[str, Any]:
        return self.until(
            lambda: next((line for line in self.log if matches(line)), None), within=within, must_live=True
        )

    def until(self, probe: Callable[[], T | None], *, within: float = PATIENCE, must_live: bool = False) -> T:
        """The first true answer of `probe`, which is asked whenever something is logged, and twenty times a second."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if answer := probe():
                return answer
            if must_live and self._process.poll() is not None and not self._reader.is_alive():
                break
            with self._changed:
                self._changed.wait(0.05)
        raise AssertionError(f"not within {within} s; the log:\n{self.text}")

    # --- what it is asked and given -------------------------------------------------------------------------------

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._client.request(method, path, **options)

    def authorize(self, token: str) -> None:
        """Send this token with all further requests."""
        self._client.headers["Authorization"] = f"Bearer {token}"

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")

    def job(self, job_id: str) -> dict[str, Any]:
        return self._json(self.get(f"/api/v1/jobs/{job_id}"))

    def sync(self) -> dict[str, Any]:
        return self._json(self.get("/api/v1/sync"))

    def executions(self, job_id: str) -> list[dict[str, Any]]:
        """Newest first."""
        rows: list[dict[str, Any]] = self._json(self.get(f"/api/v1/jobs/{job_id}/executions?limit=1000"))["executions"]
        return rows

    def create(self, **body: Any) -> str:
        """Adds an API job; returns its id."""
        return str(self._json(self.post("/api/v1/jobs", json=body))["job_id"])

    def trigger(self, job_id: str) -> str:
        """Returns the id of the execution."""
        return str(self._json(self.post(f"/api/v1/jobs/{job_id}/trigger"))["execution_id"])

    def write(self, name: str, text: str) -> Path:
        """Put a file into the source."""
        path = self.jobs_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    def _json(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        value: dict[str, Any] = answer.json()
        return value


class ProcessOne(Service):
    """As process 1 of a namespace of its own, as in a container: signals without a handler are lost."""

    def _start(self) -> subprocess.Popen[str]:
        self._outer = subprocess.Popen(
            (*AS_PROCESS_ONE, *COMMAND),
            cwd=self.folder, env=environment(**self._settings), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self._outer

    @property
    def pid(self) -> int:
        return inner_pid(self._outer.pid)


_NAMESPACE = ("--user", "--map-root-user") if os.getuid() else ()
AS_PROCESS_ONE = ("unshare", *_NAMESPACE, "--pid", "--fork", "--kill-child")
"""Goes before a command; its exit code is that of the command."""


def inner_pid(outer: int) -> int:
    """The id, out here, of what the process `outer` of `AS_PROCESS_ONE` runs."""
    children = Path(f"/proc/{outer}/task/{outer}/children")
    deadline = time.monotonic() + START_SEC
    while not (found := children.read_text("ascii").split()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(found[0])


def has_namespaces() -> bool:
    """Whether this user of this machine may make a namespace of processes."""
    with suppress(FileNotFoundError):
        return subprocess.run((*AS_PROCESS_ONE, "true"), capture_output=True, check=False).returncode == 0
    return False
