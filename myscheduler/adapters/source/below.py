"""Reads one file below a folder, and nothing that lies outside of it, whatever symlinks there are."""

import os
import stat
from pathlib import Path

from myscheduler.messages.message import said


class UnusableFileError(ValueError):
    """The file is not one that may be read; the message says why."""


def read_below(root: Path, path: str, *, most: int) -> bytes:
    """The content of the file, at most one byte more than `most`. Raises `OSError` or `UnusableFileError`."""
    real = root.resolve()
    found = (real / path).resolve(strict=True)
    if not found.is_relative_to(real):
        raise UnusableFileError(said("file-leads-outside"))
    # O_NONBLOCK: opening a pipe would wait for its writer
    descriptor = os.open(found, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnusableFileError(said("file-is-none"))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(descriptor)
