"""The service under test: `myscheduler serve` in a separate folder, started and stopped as an operator would."""

import asyncio
import collections
import contextlib
import json
import os
import re
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Self

import aiohttp

from benchmarks.errors import BenchmarkError
from benchmarks.processes import megabytes, processor_seconds

START_SEC = 60.0
STOP_SEC = 40.0
_SETTINGS = {"DATABASE_URL", "TZ", "LOG_LEVEL"}


def _environment(port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """The defaults of the service, whatever the caller's environment says, except a free port and `settings`.

    Jobs of the API may call this machine, where the targets are.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _SETTINGS and not name.startswith("MYSCHEDULER_")
    }
    own = {"MYSCHEDULER_PORT": str(port), "MYSCHEDULER_API_PRIVATE_TARGETS": "allow"}
    return {**kept, **settings, **own, "PYTHONPATH": str(Path(__file__).parent.parent)}


def _free_port() -> int:
    """A free port below the range that systems assign to clients, where repeated attempts can connect to themselves."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise BenchmarkError("no port is free")


class Service:
    """A service that can be stopped and started again in the same folder."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are environment variables of the service."""
        self.folder = folder
        self._settings = settings or {}
        self.jobs_dir = folder / "jobs.d"
        self.address = f"127.0.0.1:{_free_port()}"
        self.url = f"http://{self.address}"
        self.log = folder / "service.log"
        self._process: Process | None = None
        self.had_to_be_killed = False

    async def __aenter__(self) -> Self:
        self.jobs_dir.mkdir(exist_ok=True)
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise BenchmarkError("the service does not run")
        return self._process.pid

    async def start(self) -> float:
        """Returns the seconds from spawning the process until it was ready."""
        begin = time.perf_counter()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "myscheduler", "serve"),
                cwd=self.folder,
                env=_environment(int(self.address.rpartition(":")[2]), self._settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only the benchmark, which then stops the service
            )
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=START_SEC)) as session:
            while not await self._is_ready(session):
                if self._process.returncode is not None or time.perf_counter() - begin > START_SEC:
                    raise BenchmarkError(f"the service did not start:\n{self.log.read_text()[-2000:]}")
                await asyncio.sleep(0.005)
        return time.perf_counter() - begin

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if the process does not end."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SEC)
        except TimeoutError:
            self.had_to_be_killed = True
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def complaints(self) -> dict[str, int]:
        """The messages of the log above INFO with their counts: `LEVEL message`, without numbers and quoted names."""
        found: collections.Counter[str] = collections.Counter()
        with self.log.open(encoding="utf-8") as lines:  # after hours, the log is too large to read into memory
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    entry = {"level": "NOT-JSON", "message": line[:200]}
                if entry["level"] not in {"DEBUG", "INFO"}:
                    message = str(entry["message"]).replace(str(self.folder), ".")
                    found[f"{entry['level']} {re.sub(r'[0-9]+', 'N', message)}"] += 1
        return dict(found.most_common(10))

    def resident_megabytes(self) -> float | None:
        """The resident memory of the service, all its processes together; None without `/proc`."""
        return megabytes(self.pid, "VmRSS")

    def peak_megabytes(self) -> float | None:
        """The sum of the peaks of their resident memory."""
        return megabytes(self.pid, "VmHWM")

    def processor_seconds(self) -> float:
        """The processor time that all its processes have used."""
        return processor_seconds(self.pid)


def written_bytes(pid: int) -> int:
    """The bytes that a process has handed to the system for writing, on Linux only.

    What reaches the disk is accounted in the pages of the system's cache, which are larger on some file systems.
    """
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    return int(next(line for line in text.splitlines() if line.startswith("wchar:")).partition(":")[2])  # see proc(5)


@contextlib.asynccontextmanager
async def fresh_service(settings: Mapping[str, str] | None = None) -> AsyncIterator[Service]:
    """A service in a new folder, which is removed at the end. `settings` are environment variables of it."""
    with tempfile.TemporaryDirectory(prefix="myscheduler-benchmark-") as folder:
        async with Service(Path(folder), settings) as service:
            yield service
