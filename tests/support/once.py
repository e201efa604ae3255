"""What is made once for all workers of a test run, however many of them have tests that need it."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` that `make` has filled; who comes while another worker is at it waits.

    Where `make` fails, it fails for whoever comes next, too, and not again and again.
    """
    own = factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    folder, done, failed = shared / name, shared / f"{name}.done", shared / f"{name}.failed"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if failed.exists():
            raise AssertionError(failed.read_text(encoding="utf-8"))
        if not done.exists():
            folder.mkdir()
            try:
                make(folder)
            except BaseException as error:
                failed.write_text(f"another worker failed to make {name}: {error}", encoding="utf-8")
                raise
            done.touch()
    return folder
