"""Channels of notifications that really send: HTTP requests to a `Target`.

chat = Chat("chat", target.url("/chat"))
people = People([chat])
…
assert told(target) == [[("began", "a")]]
"""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx

from myscheduler.core.incidents.delivery import DELIVERED, Channel, Delivered, Failed
from myscheduler.core.incidents.notice import Message
from myscheduler.core.incidents.thresholds import USUAL, Thresholds
from myscheduler.core.job.job import Job
from tests.support.target import Target

CHAT = "/chat"


@dataclass
class Chat:
    """A channel whose messages are JSON."""

    name: str
    url: str
    quiet: datetime | None = None
    """Until then there are quiet hours."""
    keeps_alerts: bool = False
    takes_digests: bool = True

    def quiet_until(self, now: datetime) -> datetime | None:
        return self.quiet if self.quiet and now < self.quiet else None

    async def send(self, message: Message) -> Delivered | Failed:
        notices = [
            {"kind": one.kind, "job_id": one.incident.subject, "failures": one.incident.failures, "id": one.notice_id}
            for one in message.notices
            if one.incident
        ]
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                response = await client.post(self.url, json={"id": message.message_id, "notices": notices})
            except httpx.HTTPError as error:
                return Failed(type(error).__name__)
        if response.is_success:
            return DELIVERED
        pause = response.headers.get("retry-after")
        is_permanent = 400 <= response.status_code < 500 and response.status_code != 429
        return Failed(f"HTTP {response.status_code}", is_permanent, timedelta(seconds=int(pause)) if pause else None)


@dataclass
class People:
    """Whom all jobs are told to, and their thresholds."""

    channels: list[Chat] = field(default_factory=list)
    thresholds: Thresholds = USUAL
    by_job: dict[str, Thresholds] = field(default_factory=dict)
    edition: str = "1"

    def expect(self, **fields: object) -> None:
        """Change the thresholds of all jobs."""
        self.thresholds = replace(self.thresholds, **fields)  # type: ignore[arg-type]

    def thresholds_of(self, job: Job) -> Thresholds:
        return self.by_job.get(job.job_id, self.thresholds)

    def channels_of(self, job: Job) -> tuple[Channel, ...]:  # noqa: ARG002 - the same for all
        return tuple(self.channels)

    @property
    def usual_thresholds(self) -> Thresholds:
        return self.thresholds

    @property
    def usual_channels(self) -> tuple[Channel, ...]:
        return tuple(self.channels)

    def find(self, name: str) -> Channel | None:
        return next((one for one in self.channels if one.name == name), None)


def messages(target: Target, path: str = CHAT) -> list[dict[str, object]]:
    """The messages that came in, in order, as they were sent."""
    return [json.loads(one.body) for one in target.requests if one.target == path]


def told(target: Target, path: str = CHAT) -> list[list[tuple[str, str]]]:
    """The messages that came in, each as its notices: what is told, of which job, target or host, sorted."""
    return [
        sorted((one["kind"], one["job_id"]) for one in message["notices"])  # type: ignore[attr-defined]
        for message in messages(target, path)
    ]
