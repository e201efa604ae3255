"""Processes as the kernel lists them."""

from pathlib import Path


def children(pid: int) -> frozenset[int]:
    """The processes that this one started, and that have not ended."""
    return frozenset(one for one in _all() if (found := _state(one)) and found[1] == pid and found[0] not in {"Z", "X"})


def is_there(pid: int) -> bool:
    """Whether it runs, or is stopped; what has ended may not have been waited for."""
    return (found := _state(pid)) is not None and found[0] not in {"Z", "X"}


def _all() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _state(pid: int) -> tuple[str, int] | None:
    """Its state, one letter as proc(5) has it, and its parent; `None` if there is no such process."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return state, int(parent)
