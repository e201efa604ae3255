"""The log on stderr: one JSON object a line, or readable text on a terminal."""

import logging
import sys

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

_QUIET = ("aiohttp", "alembic", "apscheduler", "asyncio", "httpx", "uvicorn", "watchfiles")
"""Libraries whose INFO is noise here; httpx also writes whole URLs, with what is secret in them."""


def configure(level: int) -> None:
    """Send everything from `level` on to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Text() if sys.stderr.isatty() else _Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


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
