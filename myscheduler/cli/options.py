"""Options that several commands share."""

import re
from datetime import UTC, datetime

import click

from myscheduler import settings
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.schedule.zones import check_zone
from myscheduler.errors import ScheduleError
from myscheduler.settings import Settings

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def check_zone_option(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Refuse a value that is not an IANA time zone."""
    try:
        check_zone(value)
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error
    return value


def parse_now_option(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime:
    """Parse an RFC 3339 timestamp with an offset; the default is now."""
    if value is None:
        return datetime.now(UTC)
    try:
        return parse_timestamp(value, "UTC")
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error


def parse_timestamp_option(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Parse an RFC 3339 timestamp, or a date for its midnight; without an offset, in the zone of `--timezone`."""
    if value is None:
        return None
    try:
        return parse_timestamp(f"{value}T00:00" if _DAY.fullmatch(value) else value, context.params["timezone"])
    except ScheduleError as error:
        raise click.BadParameter(str(error), context, option) from error


timezone_option = click.option(
    "--timezone",
    envvar=settings.TZ,
    show_envvar=True,
    default=Settings().zone,
    show_default=True,
    is_eager=True,
    callback=check_zone_option,
    help="The time zone of the service, for local times and for jobs without a time zone.",
)

database_url_option = click.option(
    "--database-url",
    envvar=settings.DATABASE_URL,
    show_envvar=True,
    default=Settings().database_url,
    show_default=True,
    help="The database of jobs and history.",
)

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
