"""Judging what callers send, beside the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Judge:
    """Judges one thing at a time.

    Several threads would not be faster, as they share the interpreter; the event loop would wait for each of them.
    """

    def __init__(self) -> None:
        self._one_by_one = asyncio.Lock()

    async def ask(self, question: Callable[[], T]) -> T:
        """The answer, or what the question raises."""
        async with self._one_by_one:
            return await asyncio.to_thread(question)
