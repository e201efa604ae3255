"""Makes the calls by sender processes, which use the processors that the main process does not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Execution
from myscheduler.core.job.job import Job
from myscheduler.core.policy.file import Rules
from myscheduler.service.senders.link import Link
from myscheduler.service.senders.messages import Setup

SHORTEST_WAIT_SEC = 0.1
LONGEST_WAIT_SEC = 30.0
"""The waits before a sender that was lost is started again; each is twice the last."""
STEADY_SEC = 60.0
"""A sender that lived so long is started again after the shortest wait."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SenderCounts:
    """What the metrics tell of the senders."""

    wanted: int
    up: int = 0
    lost: int = 0
    """How often one has ended that should not have."""


class Fleet:
    """The senders of this process; a `Caller`.

    A call goes to the sender with the fewest calls in progress. While none is there, calls wait: they hold their
    permits, so as much waits as may be in flight, and later slots are decided as in any other overload.
    """

    def __init__(self, new_link: Callable[[], Link], counts: SenderCounts) -> None:
        """`new_link` makes a link that is not started yet."""
        self._new_link = new_link
        self._counts = counts
        self._links: list[Link] = []
        self._has_link = asyncio.Event()

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        """See `Caller`. Raises `SenderLostError` if the sender is lost before the outcome has come."""
        while not self._links:
            await self._has_link.wait()
        links = self._links
        link = links[0] if len(links) == 1 else min(links, key=len)
        return await link.call(job, execution, attempt)

    async def keep(self) -> None:
        """Keep one sender running, until cancelled; then end it."""
        wait_sec, loop = SHORTEST_WAIT_SEC, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._run_one()
            except Exception:
                log.exception("a bug ended a sender")  # calls wait until there is one again
            self._counts.lost += 1
            if loop.time() - began >= STEADY_SEC:
                wait_sec = SHORTEST_WAIT_SEC
            await asyncio.sleep(wait_sec)
            wait_sec = min(2 * wait_sec, LONGEST_WAIT_SEC)

    async def _run_one(self) -> None:
        """Start a sender, and return once it is lost."""
        link = self._new_link()
        try:
            pid = await link.start()
        except OSError as error:
            log.error("a sender could not be started: %s", error)  # noqa: TRY400 - its stack trace says no more
            return
        try:
            if await link.until_ready():
                log.debug("a sender has started", extra={"pid": pid})
                self._enter(link)
                await link.watch()
        finally:
            self._leave(link)
            in_progress, code = len(link), await link.end()
        log.error("a sender ended with %d calls in progress", in_progress, extra={"pid": pid, "exit_code": code})

    def _enter(self, link: Link) -> None:
        self._links.append(link)
        self._counts.up += 1
        self._has_link.set()

    def _leave(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)
            self._counts.up -= 1
        if not self._links:
            self._has_link.clear()


@asynccontextmanager
async def open_fleet(
    setup: Setup,
    counts: SenderCounts,
    *,
    rules: Callable[[], Rules],
    certificate_seen: Callable[[str, datetime], None],
) -> AsyncIterator[Fleet]:
    """Run the senders that `counts` wants; they start meanwhile, and have ended when this is left."""
    fleet = Fleet(lambda: Link(setup, rules, certificate_seen=certificate_seen), counts)
    keepers = [asyncio.create_task(fleet.keep(), name="sender") for _ in range(counts.wanted)]
    try:
        yield fleet
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
