"""Timestamps in query parameters."""

from datetime import datetime

from myscheduler.api.errors import InvalidInputError
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.errors import ScheduleError


def read_timestamp(name: str, text: str | None, zone: str) -> datetime | None:
    """The time in the parameter `name`: RFC 3339, or local time in `zone`. Raises `InvalidInputError`."""
    if text is None:
        return None
    try:
        return parse_timestamp(unescaped(text), zone)
    except ScheduleError as error:
        raise InvalidInputError([Complaint((name,), "invalid-moment", str(error))]) from error


def unescaped(text: str) -> str:
    """The text with the plus sign before its offset restored: unescaped in a URL, it arrives as a space."""
    return f"{text[:-6]}+{text[-5:]}" if text[-6:-5] == " " and text[-3:-2] == ":" and len(text) > 16 else text
