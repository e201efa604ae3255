"""Answers expensive questions in threads: few at once, and for a limited time."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from myscheduler.api.errors import BadRequestError
from myscheduler.messages.message import said

AT_ONCE = 2
"""The most questions that are worked on."""
QUEUE = 32
"""The most questions that wait, where questions wait for their turn: so many open screens may ask at once."""
RETRY_SEC = 3
GIVE_UP_SEC = 10.0

T = TypeVar("T")
G = TypeVar("G")
Between = Callable[[], None]
"""To be called between the steps of an answer; raises when nobody waits for the answer any more."""


class _GivenUpError(Exception):
    """The answer is no longer wanted."""


class Inquiries:
    """Runs each question in a thread, `at_once` of them; up to `queue` more wait for their turn, others are refused.

    A thread can't be stopped from outside. So a question that takes too long is told to give up at its next step, and
    until then it counts as one of those at once.
    """

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        queue: int = 0,
        seconds: float = GIVE_UP_SEC,
        advice: str = said("ask-for-less"),
    ) -> None:
        """`seconds` is the most that a question takes, its wait included; `advice` is what to do after a longer one."""
        self._at_once = at_once
        self._queue = queue
        self._seconds = seconds
        self._advice = advice
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def ask(self, question: Callable[[Between], T], *, spent: float = 0.0) -> T:
        """The answer. Raises what the question raises, or `BadRequestError`: 429 if there are too many questions, 503
        if this one takes too long, with the seconds that its request has `spent` before.
        """
        return await self.ask_about(_nothing, lambda _, between: question(between), spent=spent)

    async def ask_about(
        self, read: Callable[[], Awaitable[G]], question: Callable[[G, Between], T], *, spent: float = 0.0
    ) -> T:
        """Like `ask`, for a question about what `read` returns: it is read when it is the question's turn, so that
        those that wait hold nothing.
        """
        is_over = threading.Event()
        try:
            async with asyncio.timeout(self._seconds - spent):
                await self._take_turn()
                return await asyncio.shield(await self._begin(read, question, partial(_check, is_over)))
        except TimeoutError as error:
            message = said("inquiry-too-slow", seconds=self._seconds, advice=self._advice)
            raise BadRequestError(message, status=503, retry_sec=RETRY_SEC) from error
        finally:
            is_over.set()

    async def _begin(
        self, read: Callable[[], Awaitable[G]], question: Callable[[G, Between], T], between: Between
    ) -> asyncio.Future[T]:
        """Start to answer; the turn is over when the thread ends."""
        try:
            given = await read()
            answer = asyncio.get_running_loop().run_in_executor(None, question, given, between)
        except BaseException:
            self._pass_on()
            raise
        answer.add_done_callback(self._ended)
        return answer

    async def _take_turn(self) -> None:
        if self._running < self._at_once:
            self._running += 1
            return
        if len(self._waiting) >= self._queue:
            message = said("too-many-inquiries", most=self._at_once + self._queue)
            raise BadRequestError(message, status=429, retry_sec=RETRY_SEC)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the turn already
                self._pass_on()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _pass_on(self) -> None:
        """End a turn; the next one that waits gets it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its caller has just gone
                turn.set_result(None)
                return
        self._running -= 1

    def _ended(self, answer: asyncio.Future[T]) -> None:
        self._pass_on()
        if not answer.cancelled():
            answer.exception()  # marks it as retrieved, as the caller may be gone


async def _nothing() -> None:
    """What a question is about that is complete by itself."""


def _check(is_over: threading.Event) -> None:
    if is_over.is_set():
        raise _GivenUpError
