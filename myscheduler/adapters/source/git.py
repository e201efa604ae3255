"""Finds the files of git around a folder, and whether git is changing it just now. No repository is read here."""

import logging
import os
from pathlib import Path

STALE_SEC = 30.0
"""A lock that has not changed for this long was left by a git process that was killed."""

logger = logging.getLogger(__name__)


def work_tree_of(folder: str) -> Path | None:
    """The nearest folder with a `.git`: `folder`, a real path, or one above it; `None` if there is none."""
    path = Path(folder)
    return next((step for step in (path, *path.parents) if os.path.lexists(step / ".git")), None)


def control_folder(work_tree: Path) -> Path | None:
    """The real folder with HEAD and the index: `.git`, or the one that the file `.git` of a submodule or of a linked
    work tree names.

    `None` if it is missing: a work tree of git-sync may be mounted without its repository.
    """
    path = work_tree / ".git"
    try:
        if not path.is_dir():
            path = work_tree / os.fsdecode(path.read_bytes().removeprefix(b"gitdir: ").rstrip(b"\n"))
        return path.resolve() if (path / "HEAD").is_file() else None
    except (OSError, ValueError):  # no permission, or a file that has nothing to do with git
        return None


def lock_of(folder: str) -> str | None:
    """The path of the lock file that exists while git changes the work tree around `folder`; it need not exist now."""
    work_tree = work_tree_of(folder)
    control = control_folder(work_tree) if work_tree else None
    return str(control / "index.lock") if control else None


class LockWatch:
    """Distinguishes a lock of a running git from a stale one, which no process will remove, by how long it exists."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        self._since = 0.0
        self._is_logged = False

    def held(self, folder: str, now: float) -> str | None:
        """The path of the lock while git changes the work tree around `folder`, else `None`.

        `now` is a monotonic time in seconds. A stale lock is logged once.
        """
        path = lock_of(folder)
        try:
            status = Path(path).stat() if path else None
        except OSError:
            status = None
        if path is None or status is None:
            return None
        lock = (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if lock != self._seen:
            self._seen, self._since, self._is_logged = lock, now, False
        if now - self._since < STALE_SEC:
            return path
        if not self._is_logged:
            self._is_logged = True
            message = "%s: unchanged for %g s, so it is no longer waited for: remove it if no git is running"
            logger.warning(message, path, STALE_SEC)
        return None
