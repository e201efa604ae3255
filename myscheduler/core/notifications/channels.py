"""Channels: the ways in which people are told, each with what its service needs.

Values that grant access are references to secrets, `${secret:NAME}`, until `filled` replaces them for one message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal

from myscheduler.core.notifications.quiet_hours import QuietHours
from myscheduler.core.secrets.references import references, resolve

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


class Language(StrEnum):
    """What messages are written in."""

    ENGLISH = "en"
    JAPANESE = "ja"


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack, or of a service that takes the same, such as Mattermost."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Any HTTP endpoint; requests are signed as Standard Webhooks says."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """Keys to sign with, `whsec_` and base64; two while one replaces the other."""


@dataclass(frozen=True, slots=True)
class Email:
    """E-mail through an SMTP server."""

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Teams:
    """A workflow of Microsoft Teams that posts what its webhook receives."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineWorks:
    """An incoming webhook of LINE WORKS."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """An integration of PagerDuty (Events API v2)."""

    routing_key: str = field(repr=False)
    url: str = PAGERDUTY_URL


@dataclass(frozen=True, slots=True)
class Apprise:
    """A URL of Apprise, which knows a hundred services; it needs the extra `apprise`."""

    url: str = field(repr=False)


Service = Slack | Webhook | Email | Teams | LineWorks | PagerDuty | Apprise


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to tell people, by the name that routes and jobs use."""

    name: str
    service: Service
    language: Language = Language.ENGLISH
    quiet: tuple[QuietHours, ...] = ()

    @property
    def keeps_alerts(self) -> bool:
        """Whether what begins stays open there until the end is told. What a webhook does is not known, so it may."""
        return isinstance(self.service, PagerDuty | Webhook)

    @property
    def takes_digests(self) -> bool:
        """Whether all of a message is one request; PagerDuty gets one for each notice."""
        return not isinstance(self.service, PagerDuty)

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that a message needs."""
        return references([_plain(getattr(self.service, one.name)) for one in fields(self.service)])

    def filled(self, values: Mapping[str, str]) -> "Channel":
        """The channel with its references replaced. Raises `KeyError` for a missing value."""
        given = {one.name: getattr(self.service, one.name) for one in fields(self.service)}
        return replace(self, service=type(self.service)(**{name: _filled(one, values) for name, one in given.items()}))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(resolve(one, values) for one in value)
    return resolve(value, values) if isinstance(value, str) else value
