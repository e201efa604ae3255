"""Processes of the service that are forked from one that has imported it: a start then takes a third of the time.

    process = warm.start(["serve"], cwd=folder, env=environment())

Each process of pytest has one such parent. It hands what it forks over: the child of a child that has ended belongs to
the nearest ancestor that is a subreaper (prctl(2)), which is pytest, so that its end can be waited for here. Imports,
and what the interpreter reads at its start (`PYTHONPATH`), are those of the parent; tests of these start a command.
"""

import atexit
import ctypes
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from tests.support.checkout import ROOT

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_REQUEST = 1024 * 1024
_ADOPTED = b"adopted"
_one_at_a_time = threading.Lock()


class Forked:
    """What tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, stderr: TextIO | None) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if (code := self.poll()) is not None:
            return code
        handle = os.pidfd_open(self.pid)
        try:
            ended, _, _ = select.select([handle], [], [], timeout)
        finally:
            os.close(handle)
        if not ended:
            raise subprocess.TimeoutExpired("serve", timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], is_silent: bool = False) -> Forked:
    """Run `myscheduler` with these arguments; its stderr is a pipe, or nothing."""
    reading, writing = (None, os.open(os.devnull, os.O_WRONLY)) if is_silent else os.pipe()
    request = json.dumps([list(arguments), str(cwd), dict(env)]).encode()
    try:
        with _one_at_a_time:
            _, connection = _parent()
            socket.send_fds(connection, [request], [writing])
            pid = int(connection.recv(32))
            assert connection.recv(32) == _ADOPTED
    finally:
        os.close(writing)
    return Forked(pid, None if reading is None else os.fdopen(reading, encoding="utf-8"))


@cache
def _parent() -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """The process that forks, and the connection to it; it ends with this one."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST_REQUEST)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm", str(its.fileno())],
            cwd=ROOT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(_end, process, ours)
    return process, ours


def _end(parent: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    connection.close()
    parent.wait()


def _serve_requests(requests: socket.socket) -> list[str]:
    """Fork for each request; returns, in the forked process only, its arguments."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, _LONGEST_REQUEST, 1)
        if not data:
            os._exit(0)
        child = os.fork()
        if child == 0:
            return _become(requests, descriptors[0], *json.loads(data))
        os.close(descriptors[0])
        os.waitpid(child, 0)
        requests.send(_ADOPTED)


def _become(requests: socket.socket, stderr: int, arguments: list[str], cwd: str, env: dict[str, str]) -> list[str]:
    """Fork once more and end, so that pytest adopts the second process, and make that one as if it was just started."""
    if pid := os.fork():
        requests.send(str(pid).encode())
        os._exit(0)
    requests.close()
    os.dup2(stderr, 2)
    os.close(stderr)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    return arguments


def _main() -> None:
    import myscheduler.app  # noqa: PLC0415 -- only in the process that forks
    import myscheduler.cli.commands.serve  # noqa: F401, PLC0415

    sys.path.remove(str(ROOT))  # by `-m`; the service finds itself as it is installed
    arguments = _serve_requests(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = ["myscheduler", *arguments]
    runpy.run_module("myscheduler", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
