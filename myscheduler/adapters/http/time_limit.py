"""The time that an attempt may take."""

import asyncio
from types import TracebackType
from typing import Self


class TimeLimit:
    """A context like `asyncio.timeout`, which takes three times as long: each call has one, and none is moved.

    Raises `TimeoutError` from a block that takes longer.
    """

    __slots__ = ("_before", "_handle", "_task", "is_over")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self.is_over = False
        self._task = task
        self._before = task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        self.is_over = True
        self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._handle.cancel()
        is_of_this = self.is_over and self._task.uncancel() <= self._before
        if is_of_this and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error
