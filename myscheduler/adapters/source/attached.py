"""Reads files of the source that calls send."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from myscheduler.adapters.source.below import UnusableFileError, read_below
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.machine.causes import is_lack_of_files, reason_of
from myscheduler.messages.message import said

MOST_BYTES = 10 * 1024 * 1024
"""Of all files of one call."""


class AttachedFiles:
    """The files below the root of the source. They are read when they are sent, as they are at that moment."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read(self, paths: Iterable[str]) -> dict[str, bytes] | Outcome:
        """The content by path; or the outcome of an attempt that needs a file which can't be had."""
        return await asyncio.to_thread(self._read_all, sorted(set(paths)))

    def _read_all(self, paths: list[str]) -> dict[str, bytes] | Outcome:
        contents: dict[str, bytes] = {}
        left = MOST_BYTES
        for path in paths:
            try:
                contents[path] = self._read(path, left)
            except OSError as error:
                if is_lack_of_files(error):
                    return Outcome(failure=Failure.NO_FILE, error=_unusable(path, reason_of(error)))
                return Outcome(failure=Failure.FILE_UNUSABLE, error=_unusable(path, reason_of(error)))
            except ValueError as error:
                return Outcome(failure=Failure.FILE_UNUSABLE, error=str(error))
            left -= len(contents[path])
        return contents

    def _read(self, path: str, most: int) -> bytes:
        """Raises `OSError`, or `ValueError` with what is wrong with the file."""
        try:
            content = read_below(self._root, path, most=most)
        except UnusableFileError as error:
            raise ValueError(_unusable(path, str(error))) from error
        if len(content) > most:
            raise ValueError(_unusable(path, said("files-too-large", mib=MOST_BYTES // 1024**2)))
        return content


def _unusable(path: str, why: str) -> str:
    return said("file-not-sent", path=path, why=why)
