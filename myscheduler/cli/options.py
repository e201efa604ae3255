"""Options that several commands share."""

from datetime import UTC, datetime

import click

from myscheduler.core.moments import parse_moment
from myscheduler.core.zones import check_zone
from myscheduler.errors import ScheduleError


def check_zone_option(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Refuses names that are no IANA zone."""
    try:
        check_zone(value)
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error
    return value


def parse_now_option(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime:
    """A moment of RFC 3339 with its offset; the present when left out."""
    if value is None:
        return datetime.now(UTC)
    try:
        return parse_moment(value, "UTC")
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error
