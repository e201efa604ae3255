"""The log on stderr: one JSON object a line, or readable text on a terminal."""

import logging
import sys
import threading
import time
from collections import deque
from typing import TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

_QUIET = ("aiohttp", "alembic", "apscheduler", "asyncio", "httpx", "uvicorn", "watchfiles")
"""Libraries whose INFO is noise here; httpx also writes whole URLs, with what is secret in them."""

LINES = 100_000
"""How many lines wait for the writer, which may hold as many again; further ones are lost and counted."""
PAUSE_SEC = 0.02
"""What is logged meanwhile is written together."""
FLUSH_SEC = 2.0


def configure(level: int) -> None:
    """Send everything from `level` on to stderr."""
    handler = _Background(sys.stderr)
    handler.setFormatter(_Text() if sys.stderr.isatty() else _Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    # nothing of this is shown, and looking it up takes a quarter of the time of a line
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as the logging HOWTO says, "Optimization"


class _Background(logging.Handler):
    """Writes in a thread of its own, so that nobody who logs waits for the reader of the log."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._lost = 0
        self._wanted = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._lines) >= LINES:
            self._lost += 1
            return
        try:
            self._lines.append(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler does: a bad call to the log must not break its caller
            self.handleError(record)
        if not self._wanted.is_set():
            self._wanted.set()

    def flush(self) -> None:
        """Write what waits; called once more when the process ends, and then in vain if nobody reads."""
        if not self._writing.acquire(timeout=FLUSH_SEC):
            return
        try:
            self._write()
        finally:
            self._writing.release()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if self._lost:
            lost, self._lost = self._lost, 0
            message = f"{lost} lines of the log were lost, because it was read too slowly"
            lines.append(self.format(logging.LogRecord(__name__, logging.WARNING, "", 0, message, None, None)))
        if not lines:
            return
        try:
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()
        except (OSError, ValueError):  # closed, or a full disk: there is nobody to tell
            return

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self.flush()
            time.sleep(PAUSE_SEC)


class _Json(OrjsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "stack_trace"},
            timestamp="time",
        )


class _Text(logging.Formatter):
    """`10:30:00 INFO  execution completed  job_id=daily-report status=completed`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        details = " ".join(
            f"{name}={value}"
            for name, value in record.__dict__.items()
            if name not in _STANDARD and not name.startswith("_")
        )
        return super().formatMessage(record) + (f"  {details}" if details else "")


_STANDARD = frozenset(RESERVED_ATTRS) | {"message", "asctime", "color_message"}
