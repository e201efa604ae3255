"""A manifest directory on a real file system, written and read by tests."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource
from myscheduler.core.source.snapshot import Snapshot
from tests.support import files
from tests.support.patience import PATIENCE

OLD = 1_700_000_000
"""When a file was changed that has come to rest."""


def write(path: Path, text: str | bytes = "x", *, old: bool = True) -> Path:
    files.write(path, text)
    if old:
        os.utime(path, (OLD, OLD))
    return path


def link(path: Path, target: Path | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def read(root: Path) -> Snapshot:
    return DirectorySource(root).read()


def texts(snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.content.decode() for file in snapshot.files}


def reasons(snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.reason for file in snapshot.unreadable}


def run_python(script: str, *arguments: str, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*within, sys.executable, "-Werror", "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def seconds(count: float) -> Iterator[None]:
    """Go on for so long."""
    end = time.monotonic() + count
    while time.monotonic() < end:
        yield


def until(condition: Callable[[], bool]) -> None:
    for _ in seconds(PATIENCE):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


def rename_over(root: Path, text: str = "new") -> None:
    write(root / ".a.yaml.tmp", text, old=False).rename(root / "a.yaml")
