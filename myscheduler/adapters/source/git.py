"""Where git keeps what belongs to a work tree, and whether git is at work in it. No repository is read here."""

import logging
import os
from pathlib import Path

STALE_SEC = 30.0
"""A lock that has stood unchanged for so long was left behind by a git that was ended."""

logger = logging.getLogger(__name__)


def work_tree_of(folder: str) -> Path | None:
    """The folder with `.git` that `folder`, a real path, lies in or is."""
    path = Path(folder)
    return next((step for step in (path, *path.parents) if os.path.lexists(step / ".git")), None)


def control_folder(work_tree: Path) -> Path | None:
    """The real folder that holds HEAD and the index; `.git` of submodules and of further work trees names another.

    None where that is not there: a work tree of git-sync may be mounted without its repository.
    """
    path = work_tree / ".git"
    try:
        if not path.is_dir():
            path = work_tree / os.fsdecode(path.read_bytes().removeprefix(b"gitdir: ").rstrip(b"\n"))
        return path.resolve() if (path / "HEAD").is_file() else None
    except (OSError, ValueError):  # no permission, or a file that has nothing to do with git
        return None


def lock_of(folder: str) -> str | None:
    """The file that stands while git changes the work tree around `folder`, whether or not it stands now."""
    work_tree = work_tree_of(folder)
    control = control_folder(work_tree) if work_tree else None
    return str(control / "index.lock") if control else None


class LockWatch:
    """Tells a git that is at work from a lock that nobody will take away."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        self._since = 0.0
        self._is_told = False

    def held(self, folder: str, now: float) -> str | None:
        """The path of the lock while git is at work around `folder`. `now` is in seconds and never goes back."""
        path = lock_of(folder)
        try:
            status = Path(path).stat() if path else None
        except OSError:
            status = None
        if path is None or status is None:
            return None
        lock = (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if lock != self._seen:
            self._seen, self._since, self._is_told = lock, now, False
        if now - self._since < STALE_SEC:
            return path
        if not self._is_told:
            self._is_told = True
            message = "%s: has stood unchanged for %g s, so it is no longer waited for: remove it if no git is running"
            logger.warning(message, path, STALE_SEC)
        return None
