"""What a process and all its descendants use, read from `/proc`: on Linux only."""

import contextlib
import os
import re
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int | str) -> list[str]:
    """The fields of its state from the third one on, see proc(5): the second, its name, may contain spaces."""
    return (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """The process and its descendants that run at present."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def processor_seconds(pid: int) -> float:
    """The processor time that the process and its descendants have used, with those that it has waited for. Other work
    on the machine hardly changes it.

    Raises `FileNotFoundError` if the process does not run.
    """
    ticks = sum(map(int, _fields(pid)[11:15]))  # its own, and that of children that ended
    for one in family(pid)[1:]:
        with contextlib.suppress(OSError):
            ticks += sum(map(int, _fields(one)[11:15]))
    return ticks / _TICKS


def machine_seconds() -> float:
    """The processor time that all programs of the machine have used since it started."""
    fields = [int(one) for one in (_PROC / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / _TICKS  # neither idle nor waiting for a disk


def thread_seconds(pid: int) -> dict[int, float]:
    """The processor time of each thread of the process and its descendants, by the number that the system gives it."""
    found = {}
    for one in family(pid):
        with contextlib.suppress(OSError):
            for thread in (_PROC / str(one) / "task").iterdir():
                with contextlib.suppress(OSError):
                    found[int(thread.name)] = sum(map(int, _fields(f"{one}/task/{thread.name}")[11:13])) / _TICKS
    return found


def megabytes(pid: int, field: str) -> float | None:
    """The sum of a size in `/proc/PID/status`, such as `VmRSS`; None where there is no such file.

    Processes may share pages, which so count more than once.
    """
    if not _PROC.exists():
        return None
    total = None
    for one in family(pid):
        with contextlib.suppress(OSError):
            status = (_PROC / str(one) / "status").read_text(encoding="utf-8", errors="replace")
            if found := re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE):
                total = (total or 0) + int(found[1]) / 1024
    return total


def open_files(pid: int) -> int:
    """How many files and connections the process and its descendants have open."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            total += len(list((_PROC / str(one) / "fd").iterdir()))
    return total
