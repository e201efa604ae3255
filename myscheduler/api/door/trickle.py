"""Limits the log lines that strangers can cause, by a token bucket."""

import logging
import time
from collections.abc import Callable

Clock = Callable[[], float]


class Bucket:
    """A token bucket: holds up to `size` tokens, gets one every `every_sec` seconds, and each event takes one."""

    __slots__ = ("_at", "_every_sec", "_left", "_size")

    def __init__(self, size: int, every_sec: float, now: float) -> None:
        self._size = size
        self._every_sec = every_sec
        self._left = float(size)
        self._at = now

    def take(self, now: float) -> float:
        """Take a token. Returns 0 if there was one, else the seconds until there is one."""
        self._left = min(self._size, self._left + (now - self._at) / self._every_sec)
        self._at = now
        if self._left < 1:
            return (1 - self._left) * self._every_sec
        self._left -= 1
        return 0.0


class Trickle:
    """Logs up to `lines` warnings at once, then one every `every_sec` seconds; the others are only counted."""

    def __init__(self, lines: int = 20, every_sec: float = 6.0, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._bucket = Bucket(lines, every_sec, clock())
        self._left_out = 0

    def warn(self, log: logging.Logger, text: str, *values: object) -> None:
        """Log `text % values`. The text ends with one more `%s`, for the number of lines left out before."""
        if self._bucket.take(self._clock()):
            self._left_out += 1
            return
        missing = f" (and {self._left_out:,} more such requests since the last line)" if self._left_out else ""
        self._left_out = 0
        log.warning(text, *values, missing)
