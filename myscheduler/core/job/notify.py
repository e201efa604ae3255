"""What a job, or a route of `notifications.yaml`, says about its notifications: whom, and from when on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from myscheduler.core.caching import cached
from myscheduler.core.schedule.timestamps import duration_text, span_of

Never = Literal[False]


@dataclass(frozen=True, slots=True)
class Notify:
    """Overrides: what is `None` is left to the level below (the route, the default, the usual)."""

    is_on: bool = True
    """Whether anything is told at all."""
    channels: tuple[str, ...] | None = None
    """Names of `notifications.yaml`."""
    after_failures: int | None = None
    failures: int | None = None
    of: int | None = None
    """Both or neither: so many `failures` among the last `of` executions."""
    late_after: timedelta | Never | None = None
    """The grace after which a job is late; `False` if it is never said to be."""
    remind: timedelta | Never | None = None
    """How often an open incident is told again; `False` for never."""


USUAL = Notify()
OFF = Notify(is_on=False)


def notify_to_json(notify: Notify) -> Any:
    """As it is written: `False`, or an object of the fields that are set."""
    if not notify.is_on:
        return False
    plain = {name: getattr(notify, name) for name in ("after_failures", "failures", "of")}
    spans = {name: _span_to_json(getattr(notify, name)) for name in ("late_after", "remind")}
    channels = None if notify.channels is None else list(notify.channels)
    return {name: value for name, value in ({"channels": channels} | plain | spans).items() if value is not None}


def notify_from_json(stored: Any) -> Notify:
    """The inverse of `notify_to_json`."""
    if stored is False:
        return OFF
    given: Mapping[str, Any] = stored
    channels = given.get("channels")
    return _shared_notify(
        True,
        None if channels is None else tuple(channels),
        *(given.get(name) for name in ("after_failures", "failures", "of")),
        *(_span_from_json(given.get(name)) for name in ("late_after", "remind")),
    )


_shared_notify = cached(4_096)(Notify)
"""Many jobs say the same, so that they share one object."""


def _span_to_json(span: timedelta | Never | None) -> str | Never | None:
    return duration_text(span) if isinstance(span, timedelta) else span


def _span_from_json(text: str | Never | None) -> timedelta | Never | None:
    return span_of(text) if isinstance(text, str) else text
