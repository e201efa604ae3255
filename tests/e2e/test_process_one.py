"""The service as process 1, as in a container: the kernel drops a signal there that no handler waits for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.service import (
    AS_PROCESS_ONE,
    COMMAND,
    START_SEC,
    STOP_SEC,
    ProcessOne,
    environment,
    has_namespaces,
    inner_pid,
)

HELD = """
import signal, sys, time

class Hold:
    def find_spec(self, name, path=None, target=None):
        if name == "myscheduler.cli":
            while signal.SIGTERM not in signal.sigpending():
                time.sleep(0.001)

sys.meta_path.insert(0, Hold())
"""
"""Holds the imports until a SIGTERM waits, as `sitecustomize`: else they may be over before a busy machine sends it."""

pytestmark = pytest.mark.skipif(not has_namespaces(), reason="no namespace of processes may be made here")


def test_sigterm_ends_the_service(tmp_path: Path) -> None:
    with ProcessOne(tmp_path) as service:
        assert b"NSpid:\t%d\t1\n" % service.pid in Path(f"/proc/{service.pid}/status").read_bytes()
        assert service.terminate() == 0
        assert service.log[-1]["message"] == "stopped"


def test_sigterm_during_the_start_ends_the_service(tmp_path: Path) -> None:
    """Python has loaded next to nothing when it comes, and no handler of the service is there yet."""
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "sitecustomize.py").write_text(HELD)
    held = environment(PYTHONPATH=str(tmp_path / "held"))
    with subprocess.Popen(
        (*AS_PROCESS_ONE, *COMMAND), cwd=tmp_path, env=held, stderr=subprocess.PIPE, text=True
    ) as outer:
        try:
            pid = inner_pid(outer.pid)
            deadline = time.monotonic() + START_SEC
            while not (is_python(pid) and has(pid, "SigBlk", signal.SIGTERM)):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            assert not (tmp_path / "data").exists()
            os.kill(pid, signal.SIGTERM)
            _, told = outer.communicate(timeout=STOP_SEC)
        finally:
            outer.kill()
    assert outer.returncode == 0, told
    assert told.splitlines()[-1].find('"message":"stopped"') > 0


def test_sigterm_ends_other_commands(tmp_path: Path) -> None:
    command = (*AS_PROCESS_ONE, sys.executable, "-m", "myscheduler", "validate", "-")
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as outer:
        try:
            pid = inner_pid(outer.pid)
            deadline = time.monotonic() + START_SEC
            while not (is_python(pid) and has(pid, "SigCgt", signal.SIGTERM)):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            os.kill(pid, signal.SIGTERM)
            outer.wait(STOP_SEC)  # its standard input is still open
        finally:
            outer.kill()
    assert outer.returncode not in {0, -signal.SIGKILL}


def is_python(pid: int) -> bool:
    """Before, it is a copy of `unshare`, which blocks signals for a moment too."""
    return Path(f"/proc/{pid}/exe").samefile(sys.executable)


def has(pid: int, mask_name: str, number: signal.Signals) -> bool:
    """Whether the signal is in that mask of the process: SigBlk of those that wait, SigCgt of those with a handler."""
    (mask,) = (
        line.split()[1]
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
        if line.startswith(mask_name)
    )
    return bool(int(mask, 16) >> (number - 1) & 1)
