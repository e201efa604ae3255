"""Schedules and their slots, in short; and zones with clocks of all kinds."""

from datetime import UTC, datetime
from typing import Any

from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.slots import (
    Schedule,
    next_after,
)

ZONES = (
    "Asia/Tokyo",
    "America/New_York",
    "Europe/London",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "UTC",
    "Pacific/Apia",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def cron(crontab: Any, zone_name: str = "UTC") -> Cron:
    return Cron(parse_cron(crontab), zone_name)


def walk(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count and (slot := next_after(schedule, found[-1] if found else after)) is not None:
        found.append(slot)
    return found
