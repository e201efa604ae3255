"""Which channels messages do not reach at present."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Trouble:
    """The messages to a channel that did not arrive, since the last one that did."""

    since: datetime
    """When the first of them failed."""
    failures: int
    """How often it was tried in vain."""
    error: str
    """Why the last try failed."""
    is_given_up: bool
    """Whether the last message is given up; otherwise it is tried again."""


class ChannelTroubles:
    """Notes how messages go; used on the event loop only.

    All of it is in memory: after a restart, what waits is tried again; what was given up is stored with its incident.
    """

    def __init__(self, noted: Callable[[], None] = lambda: None) -> None:
        """`noted` is called when something has changed."""
        self._noted = noted
        self._of: dict[str, Trouble] = {}
        self.by_channel: Mapping[str, Trouble] = MappingProxyType(self._of)

    def delivered(self, channel: str) -> None:
        """Note that a channel took a message."""
        if self._of.pop(channel, None) is not None:
            self._noted()

    def failed(self, channel: str, error: str, *, is_given_up: bool, at: datetime) -> None:
        """Note that a channel did not take a message."""
        known = self._of.get(channel, Trouble(at, 0, error, is_given_up))
        self._of[channel] = replace(known, failures=known.failures + 1, error=error, is_given_up=is_given_up)
        self._noted()
