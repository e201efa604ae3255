"""Chooses how this process makes calls: by itself, or by senders."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.guard import Guard
from myscheduler.service.dispatch.caller import Caller
from myscheduler.service.dispatch.calling import open_local_caller
from myscheduler.service.senders.fleet import SenderCounts, open_fleet
from myscheduler.service.senders.messages import Setup


@asynccontextmanager
async def open_caller(
    setup: Setup,
    counts: SenderCounts,
    *,
    guard: Callable[[], Guard],
    rules: Callable[[], Rules],
    certificate_seen: Callable[[str, datetime], None],
) -> AsyncIterator[Caller]:
    """Make calls by as many senders as `counts` wants, or in this process if it wants none.

    `guard` and `rules` return what is in force in this process; senders make a guard of their own from `setup` and the
    rules.
    """
    if counts.wanted:
        async with open_fleet(setup, counts, rules=rules, certificate_seen=certificate_seen) as fleet:
            yield fleet
        return
    async with open_local_caller(setup.calls, guard=guard, rules=rules, certificate_seen=certificate_seen) as caller:
        yield caller
