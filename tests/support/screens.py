"""A terminal of a given size in which a command runs."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from tests.support.patience import PATIENCE


@contextmanager
def _ctrl_c_counts() -> Iterator[None]:
    """A command that is started here is ended by Ctrl-C, as one in a terminal is. Shells tell what scripts start in the
    background to ignore it, and so would the command if the tests were started so.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Screen:
    """A command in a terminal of its own; leaving the context ends it."""

    def __init__(self, *arguments: str, lines: int = 24, columns: int = 80, **env: str) -> None:
        self._command = (sys.executable, "-m", "myscheduler", *arguments)
        self._size = lines, columns
        self._env = {**os.environ, "TERM": "xterm", **env}
        self.text = ""

    def __enter__(self) -> Self:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))
        self.before = self.modes
        with _ctrl_c_counts():
            self._process = subprocess.Popen(
                self._command, stdin=self._theirs, stdout=self._theirs, stderr=self._theirs, env=self._env
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._theirs)

    def until(self, text: str, count: int = 1) -> None:
        """Read what is printed until the text came so often."""
        deadline = time.monotonic() + PATIENCE
        while self.text.count(text) < count:
            has_ended = self._process.poll() is not None
            assert self._read(0.1) or not (has_ended or time.monotonic() > deadline), self.text

    def end(self, number: int) -> int:
        """Send a signal, as Ctrl-C does, and read the rest; returns the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE)
        while self._read(0):
            pass
        return code

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        self.text += os.read(self._ours, 65_536).decode("utf-8", "replace")
        return True
