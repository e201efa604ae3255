"""Creates files and folders that only their owner can ever read: specs may hold credentials."""

import os
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents. Folders that exist keep their permissions."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)


def opener(path: str, flags: int) -> int:
    """For the `opener` argument of `open`: a file that it creates is private."""
    return os.open(path, flags, FILE_MODE)


def make_file(path: Path) -> None:
    """Make an empty file unless there is one already."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
