"""Checks whether users other than its owner can access an SQLite database."""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

_OTHERS = stat.S_IRWXO
_ALL_BUT_OWNER = stat.S_IRWXG | stat.S_IRWXO
_WRITERS = stat.S_IWGRP | stat.S_IWOTH


def warning_of(database: Path) -> str | None:
    """A line that names the files and folders that others can access, and commands to run; `None` if there are none.

    If the folder belongs to another user, it was shared with a group on purpose: Kubernetes gives a volume to root and
    its `fsGroup`, and the files in it to that group. Then only files that everybody may access are reported, and not
    the folder, whose permissions we could not change.
    """
    try:
        is_shared = _is_shared(database.parent)
        files = _wide_files(database, _OTHERS if is_shared else _ALL_BUT_OWNER)
        folder = None if is_shared else _command_for(database)
    except OSError:  # reported when the database is opened
        return None
    open_ones = ([database.parent] if folder else []) + files
    commands = ([folder] if folder else []) + ([f"chmod 600 {shlex.quote(str(database))}*"] if files else [])
    if not open_ones:
        return None
    shown = ", ".join(f"{path} ({_mode(path):04o})" for path in open_ones)
    return (
        f"other users can access the database, which may hold credentials: {shown}; "
        f"existing files keep their permissions, so run: {' && '.join(commands)}"
    )


def _is_shared(folder: Path) -> bool:
    return folder.stat().st_uid != os.geteuid() or bool(_mode(folder) & stat.S_ISGID)


def _wide_files(database: Path, rights: int) -> list[Path]:
    return [path for path in _files(database) if _mode(path) & rights]


def _files(database: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm", "-journal"):
        path = Path(f"{database}{ending}")
        if path.exists():
            yield path


def _command_for(database: Path) -> str | None:
    """The command that restricts an open folder: to its owner, or, if it has other files too, only against writing."""
    folder, mode = database.parent, _mode(database.parent)
    quoted = shlex.quote(str(folder))
    if all(path.name.startswith(database.name) for path in folder.iterdir()):
        return f"chmod 700 {quoted}" if mode & _ALL_BUT_OWNER else None
    return f"chmod go-w {quoted}" if mode & _WRITERS and not mode & stat.S_ISVTX else None


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
