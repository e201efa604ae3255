"""Describes the machine of a run, without the name of the host or of a folder."""

import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

PACKAGES = ("myscheduler", "aiohttp", "apscheduler", "fastapi", "sqlalchemy", "uvicorn", "uvloop")


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def machine() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": f"{os.cpu_count()} x {_processor()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load before the run": f"{os.getloadavg()[0]:.2f}",  # above a few tenths, something else was running
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def told(where: dict[str, str]) -> str:
    """The description as lines of text."""
    return "\n".join(f"{name}: {value}" for name, value in where.items())
