"""Answers expensive questions in threads: few at once, and for a limited time."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from myscheduler.api.errors import BadRequestError

AT_ONCE = 2
"""The most questions that are worked on."""
GIVE_UP_SEC = 10.0

T = TypeVar("T")
Between = Callable[[], None]
"""To be called between the steps of an answer; raises when nobody waits for the answer any more."""


class _GivenUpError(Exception):
    """The answer is no longer wanted."""


class Inquiries:
    """Runs each question in a thread, and refuses more than `at_once`.

    A thread can't be stopped from outside. So a question that takes too long is told to give up at its next step, and
    until then it counts as one of those at once.
    """

    def __init__(self, *, at_once: int = AT_ONCE, seconds: float = GIVE_UP_SEC) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._running = 0

    async def ask(self, question: Callable[[Between], T], *, spent: float = 0.0) -> T:
        """The answer. Raises what the question raises, or `BadRequestError`: 429 if there are too many questions, 503
        if this one takes too long, with the seconds that its request has `spent` before.
        """
        if self._running >= self._at_once:
            message = f"{self._at_once} such requests are in progress, which is the limit: try again in a few seconds"
            raise BadRequestError(message, status=429)
        is_over = threading.Event()
        self._running += 1
        answer = asyncio.get_running_loop().run_in_executor(None, question, lambda: _check(is_over))
        answer.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._seconds - spent):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            message = f"this takes longer than {self._seconds:g} s: send fewer files or jobs at a time"
            raise BadRequestError(message, status=503) from error
        finally:
            is_over.set()

    def _ended(self, answer: asyncio.Future[T]) -> None:
        self._running -= 1
        if not answer.cancelled():
            answer.exception()  # marks it as retrieved, as the caller may be gone


def _check(is_over: threading.Event) -> None:
    if is_over.is_set():
        raise _GivenUpError
