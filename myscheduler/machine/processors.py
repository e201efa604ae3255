"""How many processors this process may use."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/cpu.max")
"""The quota of a container (cgroup v2): microseconds of processor time, or `max`, and the period that they are for."""


def usable(quota: Path = CGROUP) -> int:
    """At least 1: those that the process may run on, and no more than the quota of its container pays for."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    paid_for = _paid_for(quota)
    return here if paid_for is None else max(min(here, paid_for), 1)


def _paid_for(quota: Path) -> int | None:
    """Whole processors; `None` if nothing limits them, or nothing says so."""
    try:
        written, period = quota.read_text("ascii").split()
        return None if written == "max" else int(written) // int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
