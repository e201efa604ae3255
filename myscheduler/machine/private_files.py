"""Files and folders that only their owner can read, from their first moment on: specs may hold credentials."""

import os
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def make_folder(path: Path) -> None:
    """Make it, and what is missing above it. What is there stays as it is."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)


def opener(path: str, flags: int) -> int:
    """Of `open`: a file that it makes is made with its mode."""
    return os.open(path, flags, FILE_MODE)


def make_file(path: Path) -> None:
    """Make an empty file where there is none."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
