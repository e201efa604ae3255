"""The single thread that writes (group commit): writes requested during one transaction share the next one."""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa

from myscheduler.adapters.store.database.errors import is_lack_of_room, unavailable
from myscheduler.adapters.store.database.vitals import Vitals
from myscheduler.errors import StoreUnavailableError

T = TypeVar("T")
Work = Callable[[sa.Connection], Any]

GROUP = 256
"""The most writes that share one transaction."""

log = logging.getLogger(__name__)


class Writer:
    """Runs writes one after another in a thread. Each is atomic, and durable when its caller gets the result.

    The thread loops over groups of waiting writes, and commits each group in one transaction. If that fails, it runs
    the writes of the group one by one, so that each succeeds or fails by itself.
    """

    def __init__(self, engine: sa.Engine, vitals: Vitals) -> None:
        self._engine = engine
        self._vitals = vitals
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction, and return its result after the commit. If `work` raises, only its own changes
        are undone, and the error is raised here.

        `work` may be run twice, so it must do nothing but SQL.
        """
        loop = asyncio.get_running_loop()
        request = _Request(work, loop, loop.create_future())
        self._queue.put(request)
        result: T = await request.future
        return result

    def close(self) -> None:
        """Finish all requested writes, then stop the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group = [self._queue.get()]
            while len(group) < GROUP and not self._queue.empty():
                group.append(self._queue.get())
            is_open = None not in group
            requests = [request for request in group if request is not None]
            try:
                self._serve(requests)
            except Exception as error:  # whatever it is, later writes must not wait for ever
                log.critical("a bug ended a group of writes", exc_info=True)
                for request in requests:
                    request.answer(None, error)

    def _serve(self, group: "list[_Request]") -> None:
        """Commit the group together; if that fails, one by one, unless the database itself is unavailable."""
        parts = deque([group])
        while parts:
            part = parts.popleft()
            error = self._commit(part)
            if error is None:
                continue
            if _is_everyones(error):
                for request in chain(part, *parts):
                    request.answer(None, error)
                return
            if len(part) == 1:
                part[0].answer(None, error)
            else:
                parts.extend([request] for request in part)

    def _commit(self, group: "list[_Request]") -> Exception | None:
        """Run one transaction. Resolves all requests and returns `None`; or returns the error, and nothing was done."""
        begun = time.monotonic()
        try:
            with unavailable(), self._engine.begin() as connection:
                results = [request.work(connection) for request in group]
        except StoreUnavailableError as error:
            self._vitals.failed(error)
            return error
        except Exception as error:  # noqa: BLE001 - it is raised in the callers
            return error
        self._vitals.commits.observe(time.monotonic() - begun)
        for request, result in zip(group, results, strict=True):
            request.answer(result, None)
        return None


def _is_everyones(error: Exception) -> bool:
    """Whether the other writes would fail in the same way, perhaps after seconds each. On a full disk, smaller writes
    may still succeed.
    """
    return isinstance(error, StoreUnavailableError) and not is_lack_of_room(error)


class _Request:
    """A write that waits for the thread, and the future of its caller."""

    __slots__ = ("_loop", "future", "work")

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        self.work = work
        self._loop = loop
        self.future = future

    def answer(self, result: Any, error: Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._resolve, result, error)
        except RuntimeError:
            log.warning("a write ended after the event loop was closed", exc_info=error)

    def _resolve(self, result: Any, error: Exception | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)
