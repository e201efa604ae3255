"""Whom the incidents of a job are told to, and when failures become one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from myscheduler.core.incidents.delivery import Channel, Delivered, Failed
from myscheduler.core.incidents.notice import Message
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.job import Job
from myscheduler.core.notifications import routing
from myscheduler.core.notifications.channels import Channel as DeclaredChannel
from myscheduler.core.notifications.notifications_file import Notifications
from myscheduler.core.notifications.quiet_hours import quiet_until
from myscheduler.service.notifications.courier import Courier


class Contacts(Protocol):
    """What `notifications.yaml` and a job's `notify:` say. It is asked from threads, and answers from memory."""

    @property
    def edition(self) -> str:
        """Another one whenever `notifications.yaml` says something else."""
        ...

    def thresholds_of(self, job: Job) -> Thresholds:
        """When failures of the job become an incident, and how often it is told again."""
        ...

    def channels_of(self, job: Job) -> tuple[Channel, ...]:
        """Whom the incidents of the job are told to; empty for nobody."""
        ...

    @property
    def usual_thresholds(self) -> Thresholds:
        """How often incidents are told again whose subject is no job."""
        ...

    @property
    def usual_channels(self) -> tuple[Channel, ...]:
        """Whom incidents are told to whose subject is no job; empty for nobody."""
        ...

    def find(self, name: str) -> Channel | None:
        """The channel with this name; `None` if there is none any more."""
        ...


class DeclaredContacts:
    """What the source declares at the moment."""

    def __init__(self, rules: Callable[[], Notifications], courier: Courier, *, zone: str) -> None:
        """`zone` is that of the service, for quiet hours that name none."""
        self._rules = rules
        self._courier = courier
        self._zone = zone

    @property
    def edition(self) -> str:
        return self._rules().digest

    def thresholds_of(self, job: Job) -> Thresholds:
        return routing.thresholds_of(job.spec, self._rules())

    def channels_of(self, job: Job) -> tuple[Channel, ...]:
        return tuple(map(self._with_courier, routing.channels_of(job.spec, self._rules())))

    @property
    def usual_thresholds(self) -> Thresholds:
        return routing.usual_thresholds(self._rules())

    @property
    def usual_channels(self) -> tuple[Channel, ...]:
        return tuple(map(self._with_courier, routing.usual_channels(self._rules())))

    def find(self, name: str) -> Channel | None:
        declared = self._rules().channels.get(name)
        return None if declared is None else self._with_courier(declared)

    def _with_courier(self, declared: DeclaredChannel) -> Channel:
        return _Line(declared, self._courier, self._zone)


@dataclass(frozen=True, slots=True)
class _Line:
    """A declared channel, and who sends its messages."""

    declared: DeclaredChannel
    courier: Courier
    zone: str

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def keeps_alerts(self) -> bool:
        return self.declared.keeps_alerts

    @property
    def takes_digests(self) -> bool:
        return self.declared.takes_digests

    def quiet_until(self, now: datetime) -> datetime | None:
        return quiet_until(self.declared.quiet, now, self.zone)

    async def send(self, message: Message) -> Delivered | Failed:
        return await self.courier.send(self.declared, message)
