"""One sample of the service, read from outside: `/proc`, the sizes of its files, and how fast it responds."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from benchmarks.health import TIMEOUT_SEC, ask
from benchmarks.service import Service

ASK_SEC = 0.05
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Sizes are MiB."""

    second: float
    """Since the load began."""
    resident: float
    proportional: float
    """PSS: pages shared with other processes count in proportion."""
    private: float
    """Pages that the process wrote itself; this figure decides whether memory is flat. Pages of files, such as those of
    Python, don't count, because they are private only as long as no other program happens to use them.
    """
    files: int
    threads: int
    database: float
    write_ahead_log: float
    log: float
    slowest_health_sec: float
    """The slowest response since the previous sample."""
    received: int
    """All calls at the sink so far."""
    edits: int

    def line(self) -> str:
        return json.dumps({name: round(value, 3) for name, value in asdict(self).items()})


def read_samples(path: Path) -> list[Sample]:
    """Read the samples of a run that may have been cut off."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [Sample(**json.loads(line)) for line in whole.splitlines()]


def take_sample(service: Service, since: float, slowest: float, received: int, edits: int) -> Sample:
    """Raises `FileNotFoundError` if there is no `/proc`, or the process has ended."""
    process = Path(f"/proc/{service.pid}")
    pages = _kilobytes((process / "smaps_rollup").read_text(encoding="ascii"))
    status = (process / "status").read_text(encoding="utf-8")
    threads = re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)
    database = service.folder / "data" / "jobs.db"
    return Sample(
        second=time.monotonic() - since,
        resident=pages["Rss"] / 1024,
        proportional=pages["Pss"] / 1024,
        private=pages["Private_Dirty"] / 1024,
        files=len(list((process / "fd").iterdir())),
        threads=int(threads[1]) if threads else 0,
        database=_size(database),
        write_ahead_log=_size(database.with_name("jobs.db-wal")),
        log=_size(service.log),
        slowest_health_sec=slowest,
        received=received,
        edits=edits,
    )


def _kilobytes(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def _size(path: Path) -> float:
    return path.stat().st_size / MIB if path.exists() else 0.0


class Prober:
    """Requests `/health` all the time, in a separate thread; a slow response means that the event loop was busy."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._slowest = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def take(self) -> float:
        """Seconds of the slowest response since the last call."""
        slowest, self._slowest = self._slowest, 0.0
        return slowest

    def _run(self) -> None:
        for seconds in self._answers():
            self._slowest = max(self._slowest, seconds)

    def _answers(self) -> Iterator[float]:
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SEC)
        while not self._is_over.wait(ASK_SEC):
            _, seconds, status = ask(connection)
            yield seconds if status == 200 else TIMEOUT_SEC
        connection.close()
