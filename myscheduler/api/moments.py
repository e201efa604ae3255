"""Moments in queries."""

from datetime import datetime

from myscheduler.api.errors import InvalidInputError
from myscheduler.core.moments import parse_moment
from myscheduler.core.problem import Complaint
from myscheduler.errors import ScheduleError


def read_moment(name: str, text: str | None, zone: str) -> datetime | None:
    """RFC 3339, or local time of the service's zone; `InvalidInputError` names the parameter."""
    if text is None:
        return None
    try:
        # a plus sign that was not escaped arrives as a space
        return parse_moment(text.replace(" ", "+") if text[-6:-5] == " " else text, zone)
    except ScheduleError as error:
        raise InvalidInputError([Complaint((name,), "invalid-moment", str(error))]) from error
