"""What tests of incidents share: a running service with a chat, and jobs that fail or not as they are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.core.history.execution import Record
from myscheduler.core.incidents.delivery import Delivery
from myscheduler.core.incidents.incident import Incident
from myscheduler.service.incidents.deliverer import Deliverer
from myscheduler.service.incidents.follower import Follower
from myscheduler.service.notifications.troubles import ChannelTroubles
from tests.support.channels import CHAT, Chat, People
from tests.support.parts import ZONE, MovableClock, Parts, is_over, opened, started
from tests.support.target import Answer, Target

WORK = "/work"


@dataclass
class Watch:
    """The parts with a follower and a deliverer, of which nothing runs by itself."""

    parts: Parts
    target: Target
    people: People
    follower: Follower
    deliverer: Deliverer
    troubles: ChannelTroubles

    async def run(self, *job_ids: str, status: int = 200) -> None:
        """Run jobs, all at once; their target answers with that status."""
        self.target.answers(WORK, Answer(status))
        runs = await asyncio.gather(*(self.parts.dispatcher.trigger(job_id, by="me") for job_id in job_ids))
        for job_id, run in zip(job_ids, runs, strict=True):
            await self.parts.row_where(job_id, partial(_has_ended, execution_id=run.execution_id))

    async def create(self, *job_ids: str) -> None:
        # so late that no test comes to it, wherever it moves the clock
        fields = {"target_url": self.target.url(WORK), "run_at": "2099-01-01T00:00:00Z"}
        await asyncio.gather(*(self.parts.create(job_id, **fields) for job_id in job_ids))

    async def look(self, after: timedelta = timedelta()) -> None:
        """Judge and send as it would be done so long from now."""
        self.parts.clock.shift += after
        await self.follower.look()
        for one in self.people.channels:
            while await self.deliverer.send_next(one.name):
                pass

    async def incidents(self) -> list[Incident]:
        """All incidents, oldest first."""
        found = await self.parts.store.read(partial(incident_rows.page, limit=1_000))
        return found.incidents[::-1]

    async def deliveries(self, incident: Incident) -> list[Delivery]:
        return await self.parts.store.read(partial(delivery_rows.of_incident, incident_id=incident.incident_id))


def _has_ended(row: Record, execution_id: str) -> bool:
    return row.execution_id == execution_id and is_over(row)


def watch(parts: Parts, target: Target, people: People) -> Watch:
    """A watch that begins now, as at a start of the service."""
    troubles = ChannelTroubles(parts.dispatcher.changes.of_incidents)
    deliverer = Deliverer(parts.store, people, troubles, zone=ZONE, now=parts.clock)
    follower = Follower(
        parts.store,
        parts.dispatcher.changes,
        people,
        parts.dispatcher.chains,
        zone=ZONE,
        now=parts.clock,
        tell=deliverer.wake,
    )
    return Watch(parts, target, people, follower, deliverer, troubles)


@asynccontextmanager
async def stuck(
    folder: Path, target: Target, people: People, since: timedelta = timedelta(minutes=2), **fields: Any
) -> AsyncIterator[Watch]:
    """A service that has been up for an hour and whose dispatcher hangs; the slot of the job `a` was due `since`."""
    slot = datetime.now(UTC) - since
    clock = MovableClock(-timedelta(hours=1))
    async with opened(folder, clock=clock) as parts:
        first = watch(parts, target, people)
        await parts.create("a", target_url=target.url(WORK), run_at=slot.isoformat(), **fields)
        clock.shift = timedelta()
        yield first


@pytest.fixture
def people(target: Target) -> People:
    return People([Chat("chat", target.url(CHAT))])


@pytest.fixture
async def watched(tmp_path: Path, target: Target, people: People) -> AsyncIterator[Watch]:
    async with started(tmp_path) as parts:
        yield watch(parts, target, people)
